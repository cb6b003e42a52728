"""Receiving the bytes of an upload, in as many requests as it takes."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from archive_server.blocking import Database, InThread
from archive_server.database import uploads
from archive_server.errors import TooLarge, WrongOffset, WrongToken
from archive_server.model.clips import Content
from archive_server.model.uploads import (
    Purpose,
    Upload,
    UploadState,
    announced_md5,
    checked_token,
    new_token,
)
from archive_server.model.users import Caller
from archive_server.services.probing import Probing
from archive_server.services.quotas import UNBOUNDED, Quota, add_upload, require_within, room_for
from archive_server.services.storing import store_errors
from audio_store import AudioStore, StagedFile

_LARGEST = 2**63 - 1  # what file systems and the database can count


@dataclass(frozen=True, slots=True)
class UploadPolicy:
    """How long an upload waits for its next byte, and how many there may be (0: any number).

    The quota is of each user.
    """

    idle: timedelta
    largest_bytes: int
    quota: Quota = UNBOUNDED


@dataclass(frozen=True)
class UploadService:
    """Receiving bytes."""

    database: Database
    store: AudioStore
    in_thread: InThread
    probing: Probing
    now: Callable[[], datetime]
    policy: UploadPolicy

    async def state(self, token: str) -> UploadState:
        """How far an upload has come. Raises UnknownToken, WrongToken."""
        upload = await self.find(token)
        with store_errors():
            size = await self.in_thread(self.store.staged_size, upload.token)
        return UploadState(size, upload.total_size)

    async def find(self, token: str) -> Upload:
        """The upload with this token; counts as a use. Raises UnknownToken, WrongToken."""
        now = self.now()
        return await self.database.note(
            uploads.use, checked_token(token), at=now, used_after=now - self.policy.idle
        )

    async def start(self, caller: Caller, purpose: Purpose, file_name: str, md5: str) -> Upload:
        """Give out the right to send an archive. `md5` (hex) may be empty. Raises BadRequest.

        Whoever closes the upload decides whether the caller may have done with it what they want.
        Raises TooManyUploads, QuotaExceeded.
        """
        upload = Upload(
            token=new_token(),
            user_id=caller.user_id,
            gunid=None,
            file_name=file_name,
            announced_md5=announced_md5(md5),
            document=None,
            total_size=None,
            digested=None,
            last_used_at=self.now(),
            purpose=purpose,
        )
        await self.database.run(self.add, upload)
        return upload

    def add(self, cursor: Any, upload: Upload) -> None:
        """Begin an upload, in a transaction. Raises TooManyUploads, QuotaExceeded."""
        used_after = upload.last_used_at - self.policy.idle
        add_upload(cursor, self.policy.quota, upload, used_after)

    async def find_for(self, token: str, purpose: Purpose) -> Upload:
        """As `find`, for an upload of this purpose. Raises UnknownToken, WrongToken."""
        upload = await self.find(token)
        require_purpose(upload, purpose)
        return upload

    async def receive(self, token: str, start: int | None, total: int | None) -> "Receiving":
        """Begin to take bytes, from `start` on (None: afresh), of `total` in the end (if known).

        Nobody else can write or close the upload until the caller has called `finish`. Raises
        UnknownToken, WrongToken, UploadBusy, WrongOffset (with the offset to go on from),
        TooLarge, QuotaExceeded, Unavailable.
        """
        self._check_size(total)
        upload = await self.find(token)
        if upload.purpose is Purpose.RESTORING:
            raise WrongToken("this upload has been closed")
        room = await self._room_for(upload)
        require_within(room, total)
        with store_errors():
            staged, had_bytes = await self.in_thread(self._staged, upload.token, start)
        try:
            if start is not None and start != staged.size:
                raise WrongOffset(
                    f"the upload stands at {staged.size} bytes, not at {start}", staged.size
                )
            # One that has all it was told of goes on: what a request without Content-Range brings
            # may be the first piece only.
            known = upload.total_size if upload.total_size != start else None
            if start and known not in (None, total) and total is not None:
                raise WrongOffset(
                    f"the upload was to be {upload.total_size} bytes, not {total}", staged.size
                )
            kept = total if total is not None or start is None else upload.total_size
            # Where there were bytes, somebody may have noted their digests since we have looked.
            waits = upload.announced_md5 is None or upload.digested is not None or had_bytes
            noted = self.database.note(uploads.note_total, upload.token, kept, waits=waits)
            if waits:
                # Before the first byte: a crash must not leave digests of what is no longer there,
                # nor bytes of which only the total tells that some are missing.
                await noted
        except BaseException:
            await self.in_thread(staged.close)
            raise
        examines = upload.purpose is Purpose.CLIP and staged.size == 0
        return Receiving(self, upload, kept, room, staged, None if waits else noted, examines)

    async def _room_for(self, upload: Upload) -> int | None:
        quota = self.policy.quota
        return await self.database.run(room_for, quota, upload) if quota.bytes else None

    def _staged(self, token: str, start: int | None) -> tuple[StagedFile, bool]:
        """The staged file, locked; emptied where it is to begin afresh. And whether it was not."""
        staged = self.store.stage(token)
        try:
            had_bytes = staged.size > 0
            if start is None:
                staged.truncate()
        except BaseException:
            staged.close()
            raise
        return staged, had_bytes

    def _check_size(self, size: int | None) -> None:
        largest = self.policy.largest_bytes or _LARGEST
        if size is not None and size > largest:
            raise TooLarge(f"uploads may have {largest} bytes at most")


def require_purpose(upload: Upload, purpose: Purpose) -> None:
    """Raise WrongToken for an upload of another purpose."""
    if upload.purpose is not purpose:
        raise WrongToken(f"this token is for something else (upload: {upload.purpose})")


@dataclass(frozen=True)
class Receiving:
    """One request's hold on an upload. Append blocks one after the other, then finish, always."""

    _service: UploadService
    _upload: Upload
    total: int | None
    _room: int | None  # bytes that the quota leaves; None: any number
    _staged: StagedFile
    # How many bytes are meant is noted; None: already, and on the disk.
    _noted: Awaitable[None] | None
    _examines: bool  # audio, if all of it comes: else its digests are not known when it ends

    @property
    def offset(self) -> int:
        """Bytes there are."""
        return self._staged.size

    async def append(self, block: bytes) -> None:
        """Write a block behind what is there.

        Raises WrongOffset, TooLarge, QuotaExceeded, Unavailable.
        """
        end = self.offset + len(block)
        self._service._check_size(end)
        require_within(self._room, end)
        if self.total is not None and end > self.total:
            raise WrongOffset(f"more bytes than the {self.total} announced", self.offset)
        with store_errors():
            await self._service.in_thread(self._staged.append, block)

    async def touch(self) -> None:
        """Count as a use: a slow upload is not an idle one."""
        await self._service.database.run(uploads.touch, self._upload.token, self._service.now())

    async def finish(self) -> UploadState:
        """Let go of the upload; keep what has arrived, on the disk and not only in its cache."""
        service = self._service
        try:
            try:
                digested, verdict = await self._settle()
            finally:
                if self._noted is not None:
                    await self._noted
            token, now = self._upload.token, service.now()
            await service.database.note(uploads.note_received, token, digested, verdict, now)
            return UploadState(self.offset, self.total)
        finally:
            await service.in_thread(self._staged.close)

    async def _settle(self) -> tuple[Content | None, str | None]:
        """Bring what was received to the disk, and have it examined meanwhile if it is whole."""
        settling = self._service.in_thread(_settled, self._staged)
        verdict = None
        try:
            if self._examines and 0 < self.offset == self.total:
                probing = self._service.probing
                verdict = await probing.verdict(self._staged.path, self._upload.file_name)
        finally:
            with store_errors():
                digested = await settling
        return digested, verdict if digested else None


def _settled(staged: StagedFile) -> Content | None:
    """Bring to the disk what was received; return its digests if every byte passed by here."""
    staged.sync()
    digests = staged.known_digests()
    return Content(digests.sha256, digests.md5, digests.size) if digests else None
