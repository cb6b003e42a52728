"""Restoring backups: each item by itself, all or nothing; the others do not suffer from one.

What is as it was in the backup already stays untouched, so that doing it again changes nothing.
"""

import re
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from archive_server.blocking import Database, InThread
from archive_server.database import clips, documents, jobs, uploads
from archive_server.errors import (
    ArchiveError,
    BadDocument,
    Conflict,
    Forbidden,
    RefusedArchive,
    Unavailable,
    UnknownToken,
)
from archive_server.model.backups import Contents, Names, file_name_of, in_order
from archive_server.model.clips import Clip, ClipState, FileType
from archive_server.model.completion import TITLE, completed
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid
from archive_server.model.jobs import Job, JobState, Report
from archive_server.model.playlists import Playlist
from archive_server.model.rights import Action
from archive_server.model.uploads import Purpose, Upload, checked_token, difference, new_token
from archive_server.model.users import Caller
from archive_server.services import playlists, webstreams
from archive_server.services.clip_making import require_to_store
from archive_server.services.jobs import JobService
from archive_server.services.publishing import Publisher
from archive_server.services.rights import require_on_home
from archive_server.services.storing import store_errors
from archive_server.services.tar_members import member, sha256_of
from archive_server.services.tar_reading import TarFile, list_files
from archive_server.services.uploads import UploadService
from audio_store import AudioStore, NothingStaged

KIND = "restore"  # of job
_KINDS = (KIND,)
_FILE_NAME = "backup.tar"
_MOST = 2_500_000  # members: a million clips and some
_TOLD = 1000  # items that a fault names; a longer sentence helps nobody
_MTIME = re.compile(r" ?<ls:mtime[^>]*>[^<]*</ls:mtime>")


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that could not be restored."""

    item: str  # the name of its file in the backup
    reason: str


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of the items of a backup."""

    restored: int
    unchanged: int
    failures: tuple[Failure, ...]

    def fault(self) -> str:
        """The sentence about those that failed; empty if none did."""
        if not self.failures:
            return ""
        count = self.restored + self.unchanged + len(self.failures)
        told = [f"{each.item}: {each.reason}" for each in self.failures[:_TOLD]]
        if len(self.failures) > _TOLD:
            told.append(f"and {len(self.failures) - _TOLD} more")
        return f"{len(self.failures)} of {count} items could not be restored: {'; '.join(told)}"


@dataclass(frozen=True)
class RestoreService:
    """Taking backups back."""

    database: Database
    store: AudioStore
    uploads: UploadService
    publisher: Publisher
    jobs: JobService
    in_thread: InThread  # for minutes of work
    now: Callable[[], datetime]
    largest_document: int  # bytes

    async def open(self, caller: Caller, md5: str) -> Upload:
        """Give out the right to send a backup. `md5` (hex) may be empty.

        Raises BadRequest; Forbidden for who may not store: it spares them the upload.
        """
        await self.database.run(require_on_home, caller, Action.WRITE)
        return await self.uploads.start(caller, Purpose.RESTORE, _FILE_NAME, md5)

    async def finish_upload(self, caller: Caller, token: str) -> str:
        """Verify what was sent, and ask for it to be restored; return the token to ask with.

        What is refused stays as it was, and can be sent again. Raises Forbidden, UnknownToken,
        WrongToken, UploadBusy, RefusedArchive, Unavailable.
        """
        upload = await self.uploads.find_for(checked_token(token), Purpose.RESTORE)
        if upload.user_id != caller.user_id:
            raise Forbidden(f"user {caller.login} may not finish what another user began")
        try:
            with store_errors():
                staged = await self.in_thread(self.store.stage, upload.token, create=False)
        except NothingStaged as error:
            raise RefusedArchive("no bytes were sent", "empty") from error
        try:
            # Once more, now that nobody else can write: its digests are believed.
            upload = await self.database.run(uploads.get, upload.token)
            content = await self.publisher.content_of(staged, upload)
            if wrong := difference(upload, content):
                raise RefusedArchive(*wrong)
            # Nobody writes to it now, and from now on nobody can.
            return await self.database.run(_hand_over, caller, upload.token, self.now())
        finally:
            await self.in_thread(staged.close)

    async def state(self, token: str) -> JobState:
        """How it stands. Raises UnknownToken, WrongToken."""
        return await self.jobs.state(token, _KINDS)

    async def close(self, token: str) -> None:
        """Forget it, or stop it: what is restored already stays. Raises UnknownToken, WrongToken.

        The janitor removes the bytes that were sent.
        """
        await self.jobs.close(token, _KINDS)

    async def work(self, job: Job, report: Report) -> Mapping[str, Any]:
        """Restore what a job was asked to. Raises RefusedArchive if anything could not be."""
        with store_errors():
            file = await self.in_thread(_open_staged, self.store, job.parameters["upload"])
        try:
            restored = await self.restore(job.caller, file, report)
        finally:
            await self.in_thread(file.close)
        if restored.failures:
            raise RefusedArchive(restored.fault(), "items-refused")
        return {"restored": restored.restored, "unchanged": restored.unchanged}

    async def restore(self, caller: Caller, file: BinaryIO, report: Report) -> Restored:
        """Restore all that can be of a backup; what is new becomes the caller's.

        Raises RefusedArchive for what is no backup, and Unavailable: neither is about an item.
        """
        restoring = await self.in_thread(_Restoring.begin, self, caller, file, report)
        return await restoring.run()


@dataclass
class _Restoring:
    """A backup under way."""

    service: RestoreService
    caller: Caller
    file: BinaryIO
    report: Report
    files: Mapping[str, TarFile]
    contents: Contents
    size: int  # bytes, of all items
    done: int = 0
    restored: int = 0
    unchanged: int = 0
    failures: list[Failure] = field(default_factory=list)

    @classmethod
    def begin(
        cls, service: RestoreService, caller: Caller, file: BinaryIO, report: Report
    ) -> "_Restoring":
        """Look through a backup. Raises RefusedArchive."""
        size = file.seek(0, 2)
        files = list_files(file, size, most=_MOST)
        return cls(service, caller, file, report, files, Contents.of(files), size)

    async def run(self) -> Restored:
        """Restore everything: what playlists hold, and then the playlists."""
        for gunid, names in self.contents.clips.items():
            await self._item(names.document or names.audio or "", self._clip(gunid, names))
            self._passed(names.document, names.audio)
        references: dict[Gunid, set[Gunid]] = {}
        for gunid, name in self.contents.playlists.items():
            references[gunid] = await self._references(name)
        for gunid in in_order(references):
            name = self.contents.playlists[gunid]
            await self._item(name, self._playlist(gunid, name))
            self._passed(name)
        return Restored(self.restored, self.unchanged, tuple(self.failures))

    async def _item(self, name: str, work: Awaitable[bool]) -> None:
        """Do what restores one item, which tells whether that has changed anything."""
        try:
            has_changed = await work
        except Unavailable:
            raise  # it is not the item's fault, and the next one's would be the same
        except ArchiveError as error:
            self.failures.append(Failure(name, str(error)))
        else:
            self.restored += has_changed
            self.unchanged += not has_changed

    def _passed(self, *names: str | None) -> None:
        self.done += sum(self.files[name].size for name in names if name is not None)
        self._tell(0)

    def _tell(self, read: int) -> None:
        self.report((self.done + read) / self.size)

    # -- clips and webstreams -----------------------------------------------------------------

    async def _clip(self, gunid: Gunid, names: Names) -> bool:
        if names.document is None:
            raise BadDocument("its metadata document is not in the backup")
        largest = self.service.largest_document
        document = Document.parse(await self._text(names.document), largest=largest)
        audio = self.files[names.audio] if names.audio is not None else None
        if audio is None or not audio.size:
            if document.first(webstreams.URL) is None:
                raise BadDocument("its audio is not in the backup")
            return bool(await self._run(_save_webstream, gunid, document))
        known = await self._run(_like, gunid, document, audio.size)
        if known.sha256 is not None and known.sha256 == await self._digest(audio):
            return False
        file_name = known.file_name or file_name_of(document, gunid)
        await self.service.publisher.add(
            self.caller, self._member(audio), gunid, document.to_xml(), file_name
        )
        return True

    async def _digest(self, audio: TarFile) -> bytes:
        return await self.service.in_thread(sha256_of, self._member(audio))

    # -- playlists ----------------------------------------------------------------------------

    async def _playlist(self, gunid: Gunid, name: str) -> bool:
        return bool(await self._run(_save_playlist, gunid, await self._parsed(name)))

    async def _references(self, name: str) -> set[Gunid]:
        """The playlists that a playlist holds; none if it cannot be read, which shows later."""
        try:
            found = (await self._parsed(name)).references()
        except ArchiveError:
            return set()
        return {
            item.gunid
            for item in found
            if item.kind is FileType.PLAYLIST and item.gunid is not None
        }

    async def _parsed(self, name: str) -> Playlist:
        return Playlist.parse(await self._text(name), largest=self.service.largest_document)

    # -- both ---------------------------------------------------------------------------------

    async def _run(self, work: Callable[..., Any], *args: object) -> Any:
        """Run a transaction that changes something, unless it says that it would not."""
        try:
            return await self.service.database.run(work, self.caller, *args, self.service.now())
        except _Unchanged:
            return False

    async def _text(self, name: str) -> bytes:
        file = self.files[name]
        largest = self.service.largest_document
        if file.size > largest:
            raise BadDocument(f"the document has more than {largest} bytes")
        return await self.service.in_thread(self._member(file).read)

    def _member(self, file: TarFile) -> BinaryIO:
        return member(self.file, file.part, self._tell)


class _Unchanged(Exception):
    """What was to be stored is there already; the transaction is to be rolled back."""


@dataclass(frozen=True, slots=True)
class _Known:
    """What there is under an id: its file name, and, of a clip that is described alike and has
    as many bytes, their digest.
    """

    file_name: str | None = None
    sha256: bytes | None = None


def _hand_over(cursor: Any, caller: Caller, upload: str, at: datetime) -> str:
    """Leave an upload to a job; return the job's token."""
    token = new_token()
    uploads.hand_over(cursor, upload)
    jobs.add(cursor, token, KIND, {"upload": upload}, user_id=caller.user_id, at=at)
    return token


def _open_staged(store: AudioStore, token: str) -> BinaryIO:
    """Open what was received, which nobody can write to any more. Raises UnknownToken."""
    try:
        with store.stage(token, create=False) as staged:
            return staged.path.open("rb")
    except NothingStaged as error:
        raise UnknownToken("the backup that was sent is gone") from error


def _like(
    cursor: Any, caller: Caller, gunid: Gunid, document: Document, size: int, at: datetime
) -> _Known:
    clip = clips.find(cursor, gunid)
    require_to_store(cursor, caller, clip)
    if clip is None:
        return _Known()
    if clip.file_type is not FileType.AUDIO_CLIP:
        raise Conflict(f"{gunid} is {clip.file_type.noun}, not an audio clip")
    if clip.state is ClipState.READY and clip.revision and clip.revision.content.size == size:
        xml = documents.xml(cursor, clip.document_id)
        title = Document.parse(xml).first(TITLE) or ""
        duration_us = clip.revision.facts.duration_us
        whole = completed(document, title=title, duration_us=duration_us).stamped(at)
        if _is_alike(xml, whole.to_xml()):
            return _Known(clip.file_name, clip.revision.content.sha256)
    return _Known(clip.file_name)


def _save_webstream(
    cursor: Any, caller: Caller, gunid: Gunid, document: Document, at: datetime
) -> bool:
    clips.lock_gunid(cursor, gunid)
    old = _Old.of(cursor, clips.find(cursor, gunid))
    file_name = old.file_name or file_name_of(document, gunid)
    webstreams.save(cursor, caller, gunid, document, "", file_name, at)
    old.require_other(cursor, gunid)
    return True


def _save_playlist(
    cursor: Any, caller: Caller, gunid: Gunid, playlist: Playlist, at: datetime
) -> bool:
    playlists.lock(cursor, gunid, playlist)
    clip = clips.find(cursor, gunid)
    old = _Old.of(cursor, clip)
    file_name = old.file_name or file_name_of(playlist.document, gunid)
    playlists.save(cursor, caller, clip, gunid, playlist, file_name, at)
    old.require_other(cursor, gunid)
    return True


@dataclass(frozen=True, slots=True)
class _Old:
    """What was there before something was saved."""

    file_name: str = ""
    xml: str | None = None  # None: nothing that can be seen

    @classmethod
    def of(cls, cursor: Any, clip: Clip | None) -> "_Old":
        if clip is None:
            return cls()
        is_ready = clip.state is ClipState.READY
        return cls(clip.file_name, documents.xml(cursor, clip.document_id) if is_ready else None)

    def require_other(self, cursor: Any, gunid: Gunid) -> None:
        """Raise _Unchanged if what is there now says the same as what was there before."""
        clip = clips.get_ready(cursor, gunid)
        if self.xml is not None and _is_alike(self.xml, documents.xml(cursor, clip.document_id)):
            raise _Unchanged


def _is_alike(one: str, other: str) -> bool:
    """Whether two documents differ at most in when they were written."""
    return _MTIME.sub("", one) == _MTIME.sub("", other)
