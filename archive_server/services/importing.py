"""Importing archives of playlists, all or nothing.

First everything is verified: the archive, each document, each playlist, and the audio of each
clip, which is copied into the store's staging place for that. Then one transaction gives the
files their names and makes the rows. What was refused has changed nothing; what a crash leaves
are bytes without rows, which the janitor removes.
"""

import io
from collections.abc import Callable, Mapping
from contextlib import AsyncExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any, BinaryIO

from archive_server.blocking import Database
from archive_server.database import uploads
from archive_server.errors import (
    BadDocument,
    BadRequest,
    RefusedArchive,
    RefusedAudio,
    Unavailable,
)
from archive_server.model.clips import Content
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid
from archive_server.model.playlist_archives import Contents
from archive_server.model.playlist_imports import Plan, planned
from archive_server.model.rights import Action
from archive_server.model.uploads import Purpose, Upload, checked_token
from archive_server.model.users import Caller
from archive_server.services import webstreams
from archive_server.services.import_writing import check, file_name_of, owner, write
from archive_server.services.publishing import (
    Examined,
    Publisher,
)
from archive_server.services.rights import require_on_home
from archive_server.services.storing import read_part, store_errors
from archive_server.services.tar_reading import TarFile, list_files
from archive_server.services.uploads import UploadService
from audio_store import NothingStaged, StagedFile

_FILE_NAME = "import.tar"
_MOST_TEXT = 64 * 2**20  # bytes, of all documents together: they are held in memory
_BLOCK = 2**20
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
            await self._compare(staged, upload)
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

    async def _compare(self, staged: StagedFile, upload: Upload) -> None:
        """Raise RefusedArchive unless the bytes are those that were announced."""
        content = upload.digested
        if content is None or content.size != staged.size:
            with store_errors():
                digests = await self.publisher.in_probe(staged.digests)
            content = Content(digests.sha256, digests.md5, digests.size)
        if upload.total_size not in (None, content.size):
            raise RefusedArchive(
                f"{content.size} of {upload.total_size} bytes have arrived", "incomplete"
            )
        if upload.announced_md5 not in (None, content.md5):
            raise RefusedArchive(
                f"the MD5 of the {content.size} bytes received is {content.md5.hex()}, not the "
                f"announced {(upload.announced_md5 or b'').hex()}",
                "md5-mismatch",
            )

    async def _import(self, caller: Caller, upload: Upload, file: BinaryIO, size: int) -> Gunid:
        files, plan = await self.publisher.in_probe(_read, file, size, self.limits)
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
        member: TarFile,
        gunid: Gunid,
        plan: Plan,
        file_name: str | None,
    ) -> Examined:
        document = plan.documents.get(gunid)
        source = io.BufferedReader(_Window(file, member.part), _BLOCK)
        context = self.publisher.examined(
            source,
            gunid,
            document.to_xml() if document else None,
            file_name_of(document) or file_name or member.name.rpartition("/")[2],
        )
        try:
            return await stack.enter_async_context(context)
        except RefusedAudio as error:
            raise RefusedAudio(f"{member.name}: {error}", error.reason) from error


class _Window(io.RawIOBase):
    """A part of a file, as a file."""

    def __init__(self, file: BinaryIO, part: range) -> None:
        self._file = file
        self._rest = part

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = read_part(self._file, self._rest[: len(buffer)])
        buffer[: len(block)] = block
        self._rest = self._rest[len(block) :]
        return len(block)


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


def _check_webstream(gunid: Gunid, document: Document) -> None:
    try:
        webstreams.checked(document)
    except BadRequest as error:
        raise BadDocument(f"webstream {gunid}: {error}") from error
