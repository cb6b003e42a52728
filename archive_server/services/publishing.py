"""From received bytes to a clip: verify, probe, publish.

The bytes were sent by a client (`publish`), or are at hand in the server: an archive's member, a
file a job has made (`add`, `examined`).

The order is promise 2: digests, then the probe's verdict, then the file under its final name, then
one transaction that makes the clip. A crash before the last step leaves bytes without a row, which
the janitor removes; it never leaves a row without its bytes.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from pathlib import Path
from typing import Any, BinaryIO

from archive_server.blocking import Database, InThread
from archive_server.database import uploads
from archive_server.database.reading import Reading
from archive_server.errors import Damaged, RefusedAudio
from archive_server.model.clips import Content
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid
from archive_server.model.uploads import Upload, difference, new_token
from archive_server.model.users import Caller
from archive_server.services.clip_making import Examined, make_clip
from archive_server.services.probing import Probing
from archive_server.services.quotas import UNBOUNDED, Quota
from archive_server.services.storing import store_errors
from audio_store import (
    AudioStore,
    AudioStoreError,
    ContentId,
    ContentMissing,
    Digests,
    NothingStaged,
    Quarantine,
    StagedFile,
)
from audio_store.probe import Facts, Report

_BLOCK = 2**20


@dataclass(frozen=True)
class Publisher:
    """Makes clips of uploads, and of audio that is in the server already."""

    database: Database
    store: AudioStore
    on_disk: InThread  # short work, which must not wait for long work
    probing: Probing
    now: Callable[[], datetime]
    quota: Quota = UNBOUNDED

    async def publish(
        self, caller: Caller, token: str, find: Callable[[], Reading[Upload]]
    ) -> Gunid:
        """Make a clip, or a new revision of one, of what was uploaded.

        `find` reads the upload, or raises why the caller may not finish it.
        Raises what it does, and RefusedAudio, UploadBusy, UnknownToken, Unavailable.
        """
        try:
            with store_errors():
                staged = await self.on_disk(self.store.stage, token, create=False)
        except NothingStaged as error:
            upload = await self.database.note(find)
            if upload.digested is None:
                raise RefusedAudio("no bytes were sent", "empty") from error
            return await self._publish_again(caller, upload, upload.digested)
        try:
            # Not before nobody else can write: the digests in it are those of the bytes that were
            # there then, and they are believed.
            upload = await self.database.note(find)
            content = await self.content_of(staged, upload)
            _compare(upload, content)
            report = self.probing.kept(upload.verdict) if content is upload.digested else None
            if report is None:
                report = await self._examine(staged, upload.file_name)
            publish_file = self._publication(staged, content)
            await self._finish(caller, upload, content, report, publish_file)
        finally:
            if staged.is_open:  # else it has been published
                await self.on_disk(staged.close)
        return upload.clip

    async def add(
        self,
        caller: Caller,
        source: Path | BinaryIO,
        gunid: Gunid,
        document: str | None,
        file_name: str,
    ) -> Gunid:
        """Make a clip, or a new revision of one, of audio that is at hand; read to its end.

        It passes all the checks of an upload. Raises RefusedAudio, BadDocument, Conflict,
        Forbidden, Unavailable.
        """
        async with self.examined(source, gunid, document, file_name) as examined:
            with store_errors():
                await self.database.run(make_clip, caller, examined, self.now())
        return gunid

    @asynccontextmanager
    async def examined(
        self, source: Path | BinaryIO, gunid: Gunid, document: str | None, file_name: str
    ) -> AsyncIterator[Examined]:
        """Copy audio into the store, and find it whole: for transactions of the caller's own.

        Inside the block such a transaction may call `make_clip`. Whatever it has not published
        is dropped at the end of the block; where the process dies, by the janitor, who leaves
        alone what is locked. Raises RefusedAudio, BadDocument, Unavailable.
        """
        if document is not None:
            Document.parse(document)
        token = new_token()
        with store_errors():
            staged = await self.on_disk(self.store.stage, token)
        try:
            with store_errors():
                await self.probing.in_thread(_copy, source, staged)
                content = await self.probing.in_thread(_content, staged)
            if content.size == 0:
                raise RefusedAudio("there are no bytes", "empty")
            report = await self._examine(staged, file_name)
            publish_file = self._publication(staged, content)
            yield Examined(
                gunid,
                file_name,
                document,
                content,
                _accepted(report),
                report,
                publish_file,
                self.quota,
            )
        finally:
            # It may have been published already, and what is left here the janitor would find.
            with suppress(AudioStoreError):
                await self.on_disk(staged.close)
                await self.on_disk(self.store.discard, token)

    async def _publish_again(self, caller: Caller, upload: Upload, content: Content) -> Gunid:
        """Go on where a transaction failed after the file had got its name."""
        content_id = ContentId(content.sha256)
        with store_errors():
            try:
                size = await self.on_disk(self.store.size, content_id)
            except ContentMissing as error:
                raise RefusedAudio("no bytes were sent", "empty") from error
        _compare(upload, Content(content.sha256, content.md5, size))
        report = self.probing.kept(upload.verdict)
        if report is None:
            report = await self.probing.report(self.store.path(content_id), upload.file_name)

        def still_there(is_damaged: bool) -> int:
            if is_damaged:
                raise Damaged
            # Whatever failed may have been the disk, before it kept the name.
            return self.store.settle(content_id)

        await self._finish(caller, upload, content, report, still_there)
        return upload.clip

    async def _examine(self, staged: StagedFile, file_name: str) -> Report:
        """Judge staged bytes, and bring them to the disk meanwhile.

        Where they are refused they were brought there for nothing, but it is milliseconds, and
        all others need not wait for them after the verdict, nor in the transaction.
        """
        settling = self.on_disk(_settle, staged)
        try:
            return await self.probing.report(staged.path, file_name)
        finally:
            with store_errors():
                await settling

    def _publication(self, staged: StagedFile, content: Content) -> Callable[[bool], object]:
        """What names the bytes, however often a transaction is tried.

        There is a staged file the first time only. And between two tries the content is nobody's:
        if it was there before, and released, the janitor may take it away. So each time it looks.
        """
        digests = Digests(content.sha256, content.md5, content.size)

        @cache
        def publish_once(is_damaged: bool) -> ContentId:
            if not staged.is_open:  # what was published at the last try was found damaged since
                raise Damaged
            if is_damaged:
                Quarantine(self.store).clear(digests.content_id)
            return self.store.publish(staged, digests)

        return lambda is_damaged: self.store.size(publish_once(is_damaged))

    async def content_of(self, staged: StagedFile, upload: Upload) -> Content:
        """The digests of what was sent; it is read only where they are not known already.

        `upload` must have been looked up since `staged` was opened, or they may be those of other
        bytes.
        """
        known = upload.digested
        if known is not None and known.size == staged.size:
            staged.note_synced()
            return known
        with store_errors():
            content = await self.probing.in_thread(_content, staged)
            await self.on_disk(staged.sync)  # of what is noted nobody doubts that it is on the disk
        await self.database.note(uploads.note_received, upload.token, content, None, self.now())
        return content

    async def _finish(
        self,
        caller: Caller,
        upload: Upload,
        content: Content,
        report: Report,
        publish_file: Callable[[bool], object],
    ) -> None:
        examined = Examined(
            upload.clip,
            upload.file_name,
            upload.document,
            content,
            _accepted(report),
            report,
            publish_file,
            self.quota,
        )
        with store_errors():
            await self.database.run(_publish, caller, upload, examined, self.now())


def _copy(source: Path | BinaryIO, staged: StagedFile) -> None:
    if isinstance(source, Path):
        with source.open("rb") as file:
            _copy(file, staged)
        return
    while block := source.read(_BLOCK):
        staged.append(block)


def _settle(staged: StagedFile) -> None:
    staged.seal()
    staged.sync()


def _content(staged: StagedFile) -> Content:
    digests = staged.digests()
    return Content(digests.sha256, digests.md5, digests.size)


def _accepted(report: Report) -> Facts:
    """What was measured on audio that may be stored. Raises RefusedAudio."""
    if report.refusals or report.facts is None:
        first = report.refusals[0]
        raise RefusedAudio(f"{first.text} [{first.code}]", first.code)
    return report.facts


def _compare(upload: Upload, content: Content) -> None:
    """Raise RefusedAudio unless the bytes are those that were announced."""
    if wrong := difference(upload, content):
        raise RefusedAudio(*wrong)


def _publish(cursor: Any, caller: Caller, upload: Upload, examined: Examined, at: datetime) -> None:
    """The last step of an upload: it ends, and one transaction makes the clip."""
    uploads.remove(cursor, upload.token)
    make_clip(cursor, caller, examined, at)
