"""Importing archives of playlists, all or nothing.

First everything is verified: the archive, each document, each playlist, and the audio of each
clip, which is copied into the store's staging place for that. Then one transaction gives the
files their names and makes the rows. What was refused has changed nothing; what a crash leaves
are bytes without rows, which the janitor removes.
"""

import resource
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import BinaryIO

from archive_server.blocking import Database
from archive_server.database import uploads
from archive_server.errors import (
    BadDocument,
    BadRequest,
    RefusedArchive,
    RefusedAudio,
    Unavailable,
)
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid
from archive_server.model.playlist_archives import Contents
from archive_server.model.playlist_imports import Plan, planned
from archive_server.model.rights import Action
from archive_server.model.uploads import Purpose, Upload, checked_token, difference
from archive_server.model.users import Caller
from archive_server.services import webstreams
from archive_server.services.clip_making import Examined
from archive_server.services.import_writing import check, file_name_of, owner, write
from archive_server.services.publishing import Publisher
from archive_server.services.rights import require_on_home
from archive_server.services.storing import read_part, store_errors
from archive_server.services.tar_members import member
from archive_server.services.tar_reading import TarFile, list_files
from archive_server.services.uploads import UploadService
from audio_store import NothingStaged

_FILE_NAME = "import.tar"
_MOST_TEXT = 64 * 2**20  # bytes, of all documents together: they are held in memory
_TEXTS = ("xml", "lspl", "smil", "m3u")


@dataclass(frozen=True, slots=True)
class ImportLimits:
    """What an archive may hold."""

    members: int
    largest_document: int  # bytes


@dataclass(frozen=True)
class ImportService:
    """Importing playlists, with their clips."""

    database: Database
    uploads: UploadService
    publisher: Publisher
    now: Callable[[], datetime]
    limits: ImportLimits

    async def open(self, caller: Caller, md5: str) -> Upload:
        """Give out the right to send an archive. `md5` (hex) may be empty.

        Raises BadRequest, Forbidden.
        """
        await self.database.run(require_on_home, caller, Action.WRITE)
        return await self.uploads.start(caller, Purpose.IMPORT, _FILE_NAME, md5)

    async def close(self, token: str) -> Gunid:
        """Import what was sent, for the user who began it; return the id of the main playlist.

        Clips replace those that there are; playlists that there are stay as they are. What was
        refused can be sent again. Raises UnknownToken, WrongToken, UploadBusy, RefusedArchive,
        RefusedAudio, BadDocument, Conflict, Forbidden, Unavailable.
        """
        upload = await self.uploads.find_for(checked_token(token), Purpose.IMPORT)
        caller = await self.database.run(owner, upload)
        on_disk, store = self.publisher.on_disk, self.publisher.store
        try:
            with store_errors():
                staged = await on_disk(store.stage, upload.token, create=False)
        except NothingStaged as error:
            raise RefusedArchive("no bytes were sent", "empty") from error
        try:
            # Once more, now that nobody else can write: its digests are believed.
            upload = await self.database.run(uploads.get, upload.token)
            content = await self.publisher.content_of(staged, upload)
            if wrong := difference(upload, content):
                raise RefusedArchive(*wrong)
            file = await on_disk(_opened, staged.path)
            try:
                gunid = await self._import(caller, upload, file, staged.size)
            finally:
                await on_disk(file.close)
            with store_errors():
                await on_disk(staged.drop)
        finally:
            await on_disk(staged.close)
        return gunid

    async def _import(self, caller: Caller, upload: Upload, file: BinaryIO, size: int) -> Gunid:
        files, plan = await self.publisher.probing.in_thread(_read, file, size, self.limits)
        _require_descriptors(len(plan.audio))
        # What can be refused without the audio is refused before that is looked at.
        names = await self.database.run(check, caller, plan)
        async with AsyncExitStack() as stack:
            examined = [
                await self._examine(stack, file, files[name], gunid, plan, names.get(gunid))
                for gunid, name in plan.audio.items()
            ]
            with store_errors():
                await self.database.run(write, caller, upload, plan, examined, self.now())
        return plan.main

    async def _examine(
        self,
        stack: AsyncExitStack,
        file: BinaryIO,
        found: TarFile,
        gunid: Gunid,
        plan: Plan,
        file_name: str | None,
    ) -> Examined:
        document = plan.documents.get(gunid)
        source = member(file, found.part, lambda done: None)
        context = self.publisher.examined(
            source,
            gunid,
            document.to_xml() if document else None,
            file_name_of(document) or file_name or found.name.rpartition("/")[2],
        )
        try:
            return await stack.enter_async_context(context)
        except RefusedAudio as error:
            raise RefusedAudio(f"{found.name}: {error}", error.reason) from error


def _opened(path: Path) -> BinaryIO:
    try:
        return path.open("rb")
    except OSError as error:
        raise Unavailable("the archive cannot be read now") from error


def _read(file: BinaryIO, size: int, limits: ImportLimits) -> tuple[Mapping[str, TarFile], Plan]:
    """Everything but the audio; blocks."""
    files = list_files(file, size, most=limits.members)
    found = Contents.of(files)
    wanted = [name for name in files if name.rpartition(".")[2].lower() in _TEXTS]
    if sum(files[name].size for name in wanted) > _MOST_TEXT:
        raise RefusedArchive(f"its documents have more than {_MOST_TEXT} bytes", "too-much-text")
    for name in wanted:
        if files[name].size > limits.largest_document:
            raise BadDocument(f"{name}: more than {limits.largest_document} bytes")
    texts = {name: read_part(file, files[name].part) for name in wanted}
    empty = frozenset(name for name, member in files.items() if not member.size)
    plan = planned(found, texts, empty, largest=limits.largest_document)
    for gunid in plan.webstreams:
        _check_webstream(gunid, plan.documents[gunid])
    return files, plan


def _require_descriptors(count: int) -> None:
    """Raise RefusedArchive for more clips than files can be open: each keeps its own locked."""
    files, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = files // 2  # connections need some, too
    if files != resource.RLIM_INFINITY and count > most:
        raise RefusedArchive(
            f"it has {count} clips, of which this server can take {most} at once", "too-many-clips"
        )


def _check_webstream(gunid: Gunid, document: Document) -> None:
    try:
        webstreams.checked(document)
    except BadRequest as error:
        raise BadDocument(f"webstream {gunid}: {error}") from error
