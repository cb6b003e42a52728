"""Storing, replacing, describing and deleting clips."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from archive_server.blocking import Database
from archive_server.database import clips, contents, documents, search, uploads
from archive_server.database import journal as journal_rows
from archive_server.database.journal import Event
from archive_server.errors import BadRequest, Conflict, Duplicate, NotFound
from archive_server.model.clips import Clip, ClipState, FileType
from archive_server.model.completion import TITLE, completed
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid, IdStyle
from archive_server.model.uploads import Upload, checked_token, new_token
from archive_server.model.users import Caller, Role
from archive_server.services.publishing import Publisher
from archive_server.services.uploads import UploadService

_MD5 = re.compile(r"[0-9a-fA-F]{32}")


@dataclass(frozen=True, slots=True)
class ClipPolicy:
    """What a station has decided about its clips."""

    id_style: IdStyle
    largest_document: int  # bytes
    refuse_duplicates: bool


@dataclass(frozen=True)
class ClipService:
    """What may be done with clips. Everybody may read; a maintainer may change."""

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
        BadDocument, Conflict, Duplicate.
        """
        caller.must_be(Role.MAINTAINER)
        if md5 and not _MD5.fullmatch(md5):
            raise BadRequest("chsum: an MD5 of 32 hex digits expected")
        if document:
            self._parsed(document)
        upload = Upload(
            token=new_token(),
            user_id=caller.user_id,
            gunid=gunid or Gunid.new(self.policy.id_style),
            file_name=file_name,
            announced_md5=bytes.fromhex(md5) or None,
            document=document or None,
            total_size=None,
            digested=None,
            last_used_at=self.now(),
        )
        await self.database.run(_reserve, upload, self.policy.refuse_duplicates)
        return upload

    async def finish_upload(self, caller: Caller, token: str) -> Gunid:
        """Verify what was sent and publish it, all or nothing; return the clip's id.

        What is refused stays as it was: the bytes can be sent again, until the upload expires.
        Raises Forbidden, UnknownToken, WrongToken, UploadBusy, RefusedAudio, Unavailable.
        """
        caller.must_be(Role.MAINTAINER)
        upload = await self.uploads.find(checked_token(token))
        return await self.publisher.publish(caller, upload.token)

    async def exists(self, caller: Caller, gunid: Gunid) -> bool:
        """Whether there is such a clip (or webstream) to be seen."""
        clip = await self.database.run(clips.find, gunid)
        return (
            clip is not None
            and clip.state is ClipState.READY
            and clip.file_type is not FileType.PLAYLIST
        )

    async def document(self, caller: Caller, gunid: Gunid) -> str:
        """A clip's metadata document, in its canonical form. Raises NotFound."""
        return await self.database.run(_document, gunid)

    async def describe(self, caller: Caller, gunid: Gunid, xml: str) -> None:
        """Give a clip another document. Raises Forbidden, NotFound, BadDocument."""
        caller.must_be(Role.MAINTAINER)
        await self.database.run(_describe, caller, gunid, self._parsed(xml), self.now())

    async def delete(self, caller: Caller, gunid: Gunid, *, forced: bool) -> None:
        """Move a clip to the trash, or remove it for good if forced. Readers go on reading.

        Raises Forbidden, and NotFound unless forced: what is to be gone and is, is no error.
        """
        caller.must_be(Role.MAINTAINER)
        await self.database.run(_delete if forced else _trash, caller, gunid, self.now())

    async def restore(self, gunid: Gunid) -> None:
        """Take a clip out of the trash. Raises NotFound."""
        await self.database.run(_restore, gunid, self.now())

    async def trashed(self) -> list[Clip]:
        """What is in the trash, oldest first."""
        return await self.database.run(clips.list_trashed)

    def _parsed(self, xml: str) -> Document:
        return Document.parse(xml, largest=self.policy.largest_document)


def _reserve(cursor: Any, upload: Upload, refuse_duplicates: bool) -> None:
    clip = clips.find(cursor, upload.gunid)
    if clip is not None and clip.file_type is not FileType.AUDIO_CLIP:
        raise Conflict(f"{upload.gunid} is a {clip.file_type}, not an audio clip")
    if refuse_duplicates and upload.announced_md5:
        file_name = contents.file_name_with(cursor, upload.announced_md5)
        if file_name is not None:
            raise Duplicate(f"the archive has this audio already, as {file_name}")
    uploads.add(cursor, upload)


def _document(cursor: Any, gunid: Gunid) -> str:
    return documents.xml(cursor, clips.get_ready(cursor, gunid).document_id)


def _describe(cursor: Any, caller: Caller, gunid: Gunid, document: Document, at: datetime) -> None:
    clips.lock_gunid(cursor, gunid)
    clip = clips.get_ready(cursor, gunid)
    if clip.revision is not None:
        old = Document.parse(documents.xml(cursor, clip.document_id))
        document = completed(
            document,
            title=old.first(TITLE) or clip.file_name,
            duration_us=clip.revision.facts.duration_us,
        )
    change_document(cursor, clip, document, at)
    journal_rows.add(cursor, Event.UPDATED, gunid, caller.login, at)


def change_document(cursor: Any, clip: Clip, document: Document, at: datetime) -> None:
    """Give a clip another document, in every place that knows it. The caller holds the gunid."""
    stamped = document.stamped(at)
    clips.describe(cursor, clip.clip_id, documents.add(cursor, stamped.to_xml()), at)
    documents.remove_unless_used(cursor, clip.document_id)
    search.index(cursor, clip.clip_id, clip.gunid, clip.file_type, stamped, at)


def _trash(cursor: Any, caller: Caller, gunid: Gunid, at: datetime) -> None:
    clips.lock_gunid(cursor, gunid)
    clip = clips.get_ready(cursor, gunid)
    clips.trash(cursor, clip.clip_id, at)
    search.unindex(cursor, clip.clip_id)
    journal_rows.add(cursor, Event.TRASHED, gunid, caller.login, at)


def _delete(cursor: Any, caller: Caller, gunid: Gunid, at: datetime) -> None:
    clips.lock_gunid(cursor, gunid)
    clip = clips.find(cursor, gunid)
    if clip is not None:
        remove(cursor, clip, caller.login, at)


def remove(cursor: Any, clip: Clip, login: str | None, at: datetime) -> None:
    """Remove a clip for good. The caller holds the gunid."""
    search.unindex(cursor, clip.clip_id)
    clips.remove(cursor, clip.clip_id)
    documents.remove_unless_used(cursor, clip.document_id)
    journal_rows.add(cursor, Event.DELETED, clip.gunid, login, at)


def _restore(cursor: Any, gunid: Gunid, at: datetime) -> None:
    clips.lock_gunid(cursor, gunid)
    clip = clips.find(cursor, gunid)
    if clip is None or clip.state is not ClipState.TRASHED:
        raise NotFound(f"{gunid} is not in the trash")
    clips.restore(cursor, clip.clip_id)
    document = Document.parse(documents.xml(cursor, clip.document_id))
    search.index(cursor, clip.clip_id, gunid, clip.file_type, document, clip.mtime)
    journal_rows.add(cursor, Event.RESTORED, gunid, None, at)
