"""Reading: leases that pin a revision or a document, and the bytes behind them."""

import hashlib
from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from archive_server.blocking import Database, InThread
from archive_server.database import clips, documents, leases
from archive_server.errors import Damaged, NotFound, Unavailable, WrongToken
from archive_server.model.clips import AudioFormat, Clip, Revision
from archive_server.model.gunid import Gunid
from archive_server.model.leases import AudioLease, DocumentLease, ExportLease, Lease, LeaseKind
from archive_server.model.rights import Action
from archive_server.model.uploads import checked_token, new_token
from archive_server.model.users import Caller
from archive_server.services.accesses import Accesses
from archive_server.services.remembering import Memory, unheard
from archive_server.services.rights import require_on_clip
from archive_server.services.storing import SharedContent, require_sound, store_errors
from audio_store import AudioStore, ContentId

# The last use of a lease is written at most this often, so that reading does not become writing.
_NOTE_EVERY = timedelta(minutes=1)
# Whether the store is there still is looked up at most this often for a lease.
_LOOK_EVERY = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class OpenLease:
    """What a client is told of a lease."""

    token: str
    gunid: Gunid
    extension: str
    md5: str  # hex
    size: int  # bytes
    file_name: str


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A read-only file on the server's disk, there until its lease is closed."""

    token: str
    path: Path


@dataclass(frozen=True, slots=True)
class AudioFile:
    """Audio to be sent. Who gets it closes `content`."""

    content: BinaryIO
    size: int  # bytes
    sha256: bytes
    md5: bytes
    format: AudioFormat
    file_name: str
    modified: datetime
    # What an edge has made of it, for the next who reads the same file.
    made: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class DocumentFile:
    """A metadata document, a playlist or a feed to be sent."""

    body: bytes
    extension: str
    file_name: str
    modified: datetime


@dataclass(slots=True)
class KnownLease:
    """A lease of audio that is remembered, with the file that all its readers share."""

    file: AudioFile
    content: SharedContent  # as in `file`
    noted_at: datetime  # when its use was noted in the database
    looked_at: datetime  # when the store was seen to be there

    def shared(self) -> AudioFile:
        """The file, for one more reader."""
        self.content.share()
        return self.file

    def close(self) -> None:
        """Let go of the file; who reads it reads it to the end."""
        self.content.close()


@dataclass(frozen=True)
class DownloadService:
    """Leasing and reading."""

    database: Database
    store: AudioStore
    in_thread: InThread
    now: Callable[[], datetime]
    idle: timedelta  # how long a lease lives after its last use
    memory: Memory[str, KnownLease] = field(default_factory=unheard)
    accesses: Accesses = field(default_factory=Accesses)

    async def open_audio(self, caller: Caller, gunid: Gunid) -> OpenLease:
        """Lease a clip's current revision. Raises Forbidden, NotFound, Unavailable."""
        token = new_token()
        clip, revision = await self.database.run(
            _lease_audio, caller, token, LeaseKind.AUDIO, gunid, self.now(), self.accesses
        )
        content = revision.content
        extension = revision.facts.format.value
        try:
            # Who plans tonight's programme learns it now, not at six in the morning.
            await self._require(content.sha256, content.size)
        except Unavailable:
            await self.database.run(leases.end, token)
            raise
        return OpenLease(token, gunid, extension, content.md5.hex(), content.size, clip.file_name)

    async def open_file(self, caller: Caller, gunid: Gunid) -> LocalFile:
        """Lease a clip's current revision as a file on the server's disk.

        Raises Forbidden, NotFound, Unavailable.
        """
        token = new_token()
        with store_errors():
            path = await self.database.run(
                _lease_file, caller, token, gunid, self.now(), self.accesses, self.store.link
            )
        return LocalFile(token, path)

    async def open_document(self, caller: Caller, gunid: Gunid) -> OpenLease:
        """Lease a clip's current document. Raises Forbidden, NotFound."""
        token = new_token()
        clip, xml = await self.database.run(_lease_document, caller, token, gunid, self.now())
        return open_lease(token, clip, xml)

    async def close(self, token: str, kind: LeaseKind) -> Gunid:
        """End a lease, and with it those that were made together with it.

        The token is all it takes. Raises UnknownToken, WrongToken.
        """
        token = checked_token(token)
        ended = await self.database.run(_close, token, kind, self._used_after())
        await self.unlink(ended)
        return next(lease.gunid for lease in ended if lease.token == token)

    async def unlink(self, ended: Collection[Lease]) -> None:
        """Take away the files on the disk of leases that have ended. Raises Unavailable."""
        with store_errors():
            for lease in ended:
                if lease.kind is LeaseKind.FILE:
                    await self.in_thread(self.store.unlink, lease.token, lease.extension)

    async def leased(self, token: str, extension: str) -> AudioFile | DocumentFile | ExportLease:
        """What a lease reads; counts as a use. What an export reads, `ExportService` knows.

        Raises UnknownToken, WrongToken, NotFound for an extension that is not the true one.
        """
        file = self.remembered(token, extension)
        if file is not None:
            return file
        token = checked_token(token)
        known = self.memory.find(token)
        if (
            known is not None
            and known.file.format == extension
            and self._is_fresh(known, self.now())
        ):
            return await self._looked_after(token, known)
        with self.memory.reading(token) as remember:
            lease = await self.database.run(_use, token, self._used_after(), self.now())
            if lease.kind is LeaseKind.FILE:
                raise WrongToken(f"this token is for something else ({lease.kind})")
            if extension != lease.extension:
                raise NotFound(f"this is a .{lease.extension} file")
            if isinstance(lease, ExportLease):
                return lease
            if isinstance(lease, DocumentLease):
                name = _xml_name(lease.file_name)
                return DocumentFile(lease.xml.encode(), lease.extension, name, lease.modified)
            known = await self._known(lease)
            file = known.shared()
            if not remember(known):
                known.close()
            return file

    def remembered(self, token: str, extension: str) -> AudioFile | None:
        """What `leased` gives, if that is audio and known at once, without waiting.

        Counts as a use. A lease that was closed is not known, in whichever process; what was begun
        with it before goes on, as with every file that is open.
        """
        known = self.memory.find(token)
        if known is None or known.file.format != extension:
            return None
        now = self.now()
        if not self._is_fresh(known, now) or abs(now - known.looked_at) >= _LOOK_EVERY:
            return None
        return known.shared() if known.content.has_size(known.file.size) else None

    async def current(self, caller: Caller, gunid: Gunid) -> AudioFile:
        """A clip's current revision. Raises Forbidden, NotFound, Unavailable."""
        run = self.database.run if self.accesses.are_noted else self.database.read
        clip, revision = await run(_current, caller, gunid, self.now(), self.accesses)
        return await self._audio(clip, revision)

    async def revision(self, caller: Caller, gunid: Gunid, number: int) -> AudioFile:
        """One revision of a clip, as long as it is kept.

        Raises Forbidden, NotFound, Unavailable.
        """
        run = self.database.run if self.accesses.are_noted else self.database.read
        clip, revision = await run(_revision, caller, gunid, number, self.now(), self.accesses)
        return await self._audio(clip, revision)

    async def touch(self, tokens: Collection[str]) -> None:
        """Count as a use of each of these leases."""
        now = self.now()
        known = {token: self.memory.find(token) for token in tokens}
        due = [
            token
            for token, lease in known.items()
            if lease is None or not self._is_fresh(lease, now)
        ]
        if due:
            await self.database.run(leases.touch, due, now)
        for token in due:
            lease = known[token]
            if lease is not None:
                lease.noted_at = now

    def _used_after(self) -> datetime:
        return self.now() - self.idle

    def _is_fresh(self, known: KnownLease, now: datetime) -> bool:
        """Whether the database knows that it is used."""
        return abs(now - known.noted_at) < min(_NOTE_EVERY, self.idle)

    async def _looked_after(self, token: str, known: KnownLease) -> AudioFile:
        """A remembered file, once the store was seen to be there still."""
        known.looked_at = self.now()  # one reader looks for all
        file = known.shared()
        try:
            await self._require(file.sha256, file.size)
        except BaseException:
            file.content.close()
            self.memory.forget(token)
            raise
        return file

    async def _known(self, lease: AudioLease) -> KnownLease:
        now = self.now()
        content = SharedContent.of(await self._open(lease.sha256, lease.size))
        file = AudioFile(
            content,
            lease.size,
            lease.sha256,
            lease.md5,
            lease.format,
            lease.file_name,
            lease.modified,
        )
        return KnownLease(file, content, noted_at=now, looked_at=now)

    async def _audio(self, clip: Clip, revision: Revision) -> AudioFile:
        content = revision.content
        return AudioFile(
            await self._open(content.sha256, content.size),
            content.size,
            content.sha256,
            content.md5,
            revision.facts.format,
            clip.file_name,
            revision.created_at,
        )

    async def _open(self, sha256: bytes, size: int) -> BinaryIO:
        await self._require(sha256, size)
        with store_errors():
            return await self.in_thread(self.store.open_content, ContentId(sha256))

    async def _require(self, sha256: bytes, size: int) -> None:
        with store_errors():
            there = await self.in_thread(self.store.size, ContentId(sha256))
        if there != size:
            raise Damaged


def open_lease(token: str, clip: Clip, xml: str) -> OpenLease:
    """What a client is told of the lease of a document."""
    body = xml.encode()
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return OpenLease(token, clip.gunid, "xml", md5, len(body), _xml_name(clip.file_name))


def _xml_name(file_name: str) -> str:
    return f"{PurePath(file_name).stem or 'metadata'}.xml"


def _lease_audio(
    cursor: Any,
    caller: Caller,
    token: str,
    kind: LeaseKind,
    gunid: Gunid,
    at: datetime,
    accesses: Accesses,
) -> tuple[Clip, Revision]:
    clip = clips.get_ready_for_reading(cursor, gunid)
    require_on_clip(cursor, caller, Action.READ, clip)
    if clip.revision is None:
        raise NotFound(f"{gunid} has no audio")
    require_sound(clip.revision.content)
    leases.add_audio(cursor, token, kind, clip, clip.revision, user_id=caller.user_id, at=at)
    accesses.note(cursor, caller, clip, at)
    return clip, clip.revision


def _lease_file(
    cursor: Any,
    caller: Caller,
    token: str,
    gunid: Gunid,
    at: datetime,
    accesses: Accesses,
    link: Callable[[ContentId, str, str], Path],
) -> Path:
    _, revision = _lease_audio(cursor, caller, token, LeaseKind.FILE, gunid, at, accesses)
    # Inside the transaction, which keeps the content from going; the link before the row is
    # committed, so that no lease is without its file.
    return link(ContentId(revision.content.sha256), token, revision.facts.format.value)


def _lease_document(
    cursor: Any, caller: Caller, token: str, gunid: Gunid, at: datetime
) -> tuple[Clip, str]:
    clip = clips.get_ready_for_reading(cursor, gunid)
    require_on_clip(cursor, caller, Action.READ, clip)
    leases.add_document(cursor, token, clip, user_id=caller.user_id, at=at)
    return clip, documents.xml(cursor, clip.document_id)


def _use(cursor: Any, token: str, used_after: datetime, at: datetime) -> Lease:
    lease = leases.get(cursor, token, used_after=used_after)
    if isinstance(lease, AudioLease) and lease.is_damaged:
        raise Damaged
    leases.touch(cursor, [token], at)
    return lease


def _close(cursor: Any, token: str, kind: LeaseKind, used_after: datetime) -> list[Lease]:
    lease = leases.get(cursor, token, used_after=used_after)
    if lease.kind is not kind:
        raise WrongToken(f"this token is for something else ({lease.kind})")
    if kind is LeaseKind.EDIT:
        clips.lock_gunid(cursor, lease.gunid)  # as whoever saves the playlist, or removes it
    return leases.end(cursor, token)


def _readable(cursor: Any, caller: Caller, gunid: Gunid) -> Clip:
    clip = clips.get_ready(cursor, gunid)
    require_on_clip(cursor, caller, Action.READ, clip)
    return clip


def _current(
    cursor: Any, caller: Caller, gunid: Gunid, at: datetime, accesses: Accesses
) -> tuple[Clip, Revision]:
    clip = _readable(cursor, caller, gunid)
    if clip.revision is None:
        raise NotFound(f"{gunid} has no audio")
    require_sound(clip.revision.content)
    accesses.note(cursor, caller, clip, at)
    return clip, clip.revision


def _revision(
    cursor: Any, caller: Caller, gunid: Gunid, number: int, at: datetime, accesses: Accesses
) -> tuple[Clip, Revision]:
    clip = _readable(cursor, caller, gunid)
    revision = clips.find_revision(cursor, clip.clip_id, number)
    if revision is None:
        raise NotFound(f"clip {gunid} has no revision {number}")
    require_sound(revision.content)
    accesses.note(cursor, caller, clip, at, number)
    return clip, revision
