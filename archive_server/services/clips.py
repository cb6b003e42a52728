"""Storing, replacing, describing and deleting clips."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any

from archive_server.blocking import Database
from archive_server.database import clips, contents, documents, uploads
from archive_server.database.reading import Reading
from archive_server.errors import Conflict, Duplicate, Forbidden, NotFound
from archive_server.model.clips import Clip, ClipState, FileType
from archive_server.model.completion import TITLE, completed
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid, IdStyle
from archive_server.model.journal import EventKind
from archive_server.model.rights import Action
from archive_server.model.uploads import (
    Purpose,
    Upload,
    announced_md5,
    checked_token,
    new_token,
)
from archive_server.model.users import Caller
from archive_server.services import playlist_saving, removing, webstreams
from archive_server.services.clip_making import require_to_store
from archive_server.services.describing import redescribe
from archive_server.services.publishing import Publisher
from archive_server.services.removing import remove
from archive_server.services.rights import find_allowed, require_on_clip, require_scope
from archive_server.services.uploads import UploadService, require_purpose

__all__ = ["ClipPolicy", "ClipService", "remove"]

_NO_PLAYLISTS = (FileType.AUDIO_CLIP, FileType.WEBSTREAM)


@dataclass(frozen=True, slots=True)
class ClipPolicy:
    """What a station has decided about its clips."""

    id_style: IdStyle
    largest_document: int  # bytes
    refuse_duplicates: bool


@dataclass(frozen=True)
class ClipService:
    """What may be done with clips."""

    database: Database
    uploads: UploadService
    publisher: Publisher
    now: Callable[[], datetime]
    policy: ClipPolicy

    async def start_upload(
        self, caller: Caller, gunid: Gunid | None, document: str, file_name: str, md5: str
    ) -> Upload:
        """Give out the right to send the audio of a clip: a new one, or a new revision.

        `document`, `file_name` and `md5` (hex) may be empty; a clip then keeps the name it has.
        Nothing of the archive changes before `finish_upload`. Raises Forbidden, BadRequest,
        BadDocument, Conflict, Duplicate, TooManyUploads, QuotaExceeded.
        """
        announced = announced_md5(md5)
        if document:
            self._parsed(document)
        upload = Upload(
            token=new_token(),
            user_id=caller.user_id,
            gunid=gunid or Gunid.new(self.policy.id_style),
            file_name=file_name,
            announced_md5=announced,
            document=document or None,
            total_size=None,
            digested=None,
            last_used_at=self.now(),
        )
        is_named = gunid is not None  # else it is nobody's yet, and need not be looked for
        await self.database.run(
            _reserve, caller, upload, is_named, self.policy.refuse_duplicates, self.uploads
        )
        return upload

    async def finish_upload(self, caller: Caller, token: str) -> Gunid:
        """Verify what was sent and publish it, all or nothing; return the clip's id.

        What is refused stays as it was: the bytes can be sent again, until the upload expires.
        Raises Forbidden, UnknownToken, WrongToken, UploadBusy, RefusedAudio, QuotaExceeded,
        Unavailable.
        """
        token, now = checked_token(token), self.now()
        used_after = now - self.uploads.policy.idle
        find = partial(_upload_to_finish, caller=caller, token=token, at=now, used_after=used_after)
        return await self.publisher.publish(caller, token, find)

    async def exists(self, caller: Caller, gunid: Gunid) -> bool:
        """Whether there is such a clip (or webstream) to be seen.

        Raises Forbidden where there is one that the caller may not read.
        """
        return await self.database.ask(_exists, caller, gunid)

    async def document(self, caller: Caller, gunid: Gunid) -> str:
        """A clip's metadata document, in its canonical form. Raises Forbidden, NotFound."""
        return await self.database.read(_document, caller, gunid)

    async def describe(self, caller: Caller, gunid: Gunid, xml: str) -> None:
        """Give a clip another document, a playlist other metadata.

        Raises Forbidden, NotFound, BadDocument; Conflict while somebody changes the playlist.
        """
        largest = self.policy.largest_document
        await self.database.run(_describe, caller, gunid, xml, largest, self.now())

    async def delete(self, caller: Caller, gunid: Gunid, *, forced: bool) -> None:
        """Move a clip to the trash, or remove it for good if forced. Readers go on reading.

        Raises Forbidden; Conflict for a playlist; and NotFound unless forced: what is to be gone
        and is, is no error.
        """
        work = removing.delete if forced else removing.trash
        await self.database.run(work, caller, gunid, _NO_PLAYLISTS, self.now())

    async def restore(self, gunid: Gunid) -> None:
        """Take a clip out of the trash. Raises NotFound."""
        await self.database.run(removing.restore, gunid, self.now())

    async def trashed(self) -> list[Clip]:
        """What is in the trash, oldest first."""
        return await self.database.run(clips.list_trashed)

    def _parsed(self, xml: str) -> Document:
        return Document.parse(xml, largest=self.policy.largest_document)


def _reserve(
    cursor: Any,
    caller: Caller,
    upload: Upload,
    is_named: bool,
    refuse_duplicates: bool,
    service: UploadService,
) -> None:
    clip = clips.find(cursor, upload.clip) if is_named else None
    require_to_store(cursor, caller, clip)
    if clip is not None and clip.file_type is not FileType.AUDIO_CLIP:
        raise Conflict(f"{upload.clip} is {clip.file_type.noun}, not an audio clip")
    if refuse_duplicates and upload.announced_md5:
        file_name = contents.file_name_with(cursor, upload.announced_md5)
        if file_name is not None:
            raise Duplicate(f"the archive has this audio already, as {file_name}")
    service.add(cursor, upload)


def _upload_to_finish(
    caller: Caller, token: str, at: datetime, used_after: datetime
) -> Reading[Upload]:
    """The upload, if the caller has begun it.

    Whether they still may make a clip of it is asked in the transaction that does. They could when
    they began; to ask now, too, would cost each store two round trips and spare hardly any work.
    """
    require_scope(caller, Action.WRITE)
    upload = yield from uploads.use(token, at=at, used_after=used_after)
    require_purpose(upload, Purpose.CLIP)
    if upload.user_id != caller.user_id:
        raise Forbidden(f"user {caller.login} may not finish what another user began")
    return upload


def _exists(caller: Caller, gunid: Gunid) -> Reading[bool]:
    found = yield from find_allowed(caller, Action.READ, gunid)
    if found is None:
        return False
    state, file_type = found
    return state is ClipState.READY and file_type is not FileType.PLAYLIST


def _document(cursor: Any, caller: Caller, gunid: Gunid) -> str:
    clip = clips.get_ready(cursor, gunid)
    require_on_clip(cursor, caller, Action.READ, clip)
    return documents.xml_now(cursor, clip.clip_id)


def _describe(
    cursor: Any, caller: Caller, gunid: Gunid, xml: str, largest: int, at: datetime
) -> None:
    found = clips.hold_with_document(cursor, gunid)
    if found is None or found[0].state is not ClipState.READY:
        raise NotFound(f"there is no clip {gunid}")
    clip, xml_before = found
    require_on_clip(cursor, caller, Action.WRITE, clip)
    if clip.file_type is FileType.PLAYLIST:
        playlist_saving.describe(cursor, caller, clip, xml, largest, at)
        return
    document = Document.parse(xml, largest=largest)
    old = Document.parse(xml_before)
    if clip.revision is not None:
        document = completed(
            document,
            title=old.first(TITLE) or clip.file_name,
            duration_us=clip.revision.facts.duration_us,
        )
    elif clip.file_type is FileType.WEBSTREAM:
        document = webstreams.checked(document, old=old)
    redescribe(cursor, clip, document, EventKind.UPDATED, caller, at)
