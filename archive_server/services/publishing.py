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
from functools import cache, partial
from pathlib import Path
from typing import Any, BinaryIO

from archive_server.blocking import Database, InThread
from archive_server.database import clips, contents, documents, journal, search, uploads
from archive_server.errors import Conflict, RefusedAudio, Unavailable
from archive_server.model.clips import AudioFacts, AudioFormat, Clip, ClipState, Content, FileType
from archive_server.model.completion import EXTENT, completed, described_by_tags, title_of
from archive_server.model.documents import Document
from archive_server.model.extents import extent_text
from archive_server.model.gunid import Gunid
from archive_server.model.rights import Action
from archive_server.model.uploads import Upload, new_token
from archive_server.model.users import Caller
from archive_server.services.rights import require_on_clip, require_on_home
from archive_server.services.storing import store_errors
from audio_store import (
    AudioStore,
    AudioStoreError,
    ContentId,
    ContentMissing,
    Digests,
    NothingStaged,
    StagedFile,
)
from audio_store.probe import Facts, Prober, ProbeUnavailable, Report

NAMELESS = "newFile"  # what a clip's file is called that nobody has named

_BLOCK = 2**20


@dataclass(frozen=True)
class Examined:
    """Audio that was found to be whole and lies on the disk: what a clip can be made of."""

    gunid: Gunid
    file_name: str  # empty: the one the clip has
    document: str | None  # as somebody wrote it; None: what the audio says of itself
    content: Content
    facts: Facts
    report: Report
    publish_file: Callable[[], object]  # gives the bytes their final name; may be called again


@dataclass(frozen=True)
class Publisher:
    """Makes clips of uploads, and of audio that is in the server already."""

    database: Database
    store: AudioStore
    prober: Prober
    on_disk: InThread  # short work, which must not wait for long work
    in_probe: InThread  # reading whole files
    now: Callable[[], datetime]
    accept: frozenset[str]  # codes of refusals that the station overrules

    async def publish(self, caller: Caller, token: str) -> Gunid:
        """Make a clip, or a new revision of one, of what was uploaded.

        Raises Forbidden, RefusedAudio, UploadBusy, UnknownToken, Unavailable.
        """
        try:
            with store_errors():
                staged = await self.on_disk(self.store.stage, token, create=False)
        except NothingStaged as error:
            upload = await self.database.run(uploads.get, token)
            if upload.digested is None:
                raise RefusedAudio("no bytes were sent", "empty") from error
            return await self._publish_again(caller, upload, upload.digested)
        try:
            # Not before nobody else can write: the digests in it are those of the bytes that were
            # there then, and they are believed.
            upload = await self.database.run(uploads.get, token)
            digests = await self._digests(staged, upload)
            content = Content(digests.sha256, digests.md5, digests.size)
            _compare(content, upload)
            facts, report = await self._probe(staged.path, upload.file_name)
            publish_file = await self._publication(staged, digests)
            examined = _examined(upload, content, facts, report, publish_file)
            await self._finish(caller, upload, examined)
        finally:
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
                await self.in_probe(_copy, source, staged)
                digests = await self.in_probe(staged.digests)
            content = Content(digests.sha256, digests.md5, digests.size)
            if content.size == 0:
                raise RefusedAudio("there are no bytes", "empty")
            facts, report = await self._probe(staged.path, file_name)
            publish_file = await self._publication(staged, digests)
            yield Examined(gunid, file_name, document, content, facts, report, publish_file)
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
        _compare(Content(content.sha256, content.md5, size), upload)
        facts, report = await self._probe(self.store.path(content_id), upload.file_name)
        still_there = partial(self.store.size, content_id)
        await self._finish(caller, upload, _examined(upload, content, facts, report, still_there))
        return upload.clip

    async def _publication(self, staged: StagedFile, digests: Digests) -> Callable[[], object]:
        """Bring the bytes to the disk; give what names them, however often a transaction is tried.

        There is a staged file the first time only. And between two tries the content is nobody's:
        if it was there before, and released, the janitor may take it away. So each time it looks.
        """
        with store_errors():
            # Long, and nothing a transaction must wait for.
            await self.on_disk(staged.sync)
        publish_once = cache(partial(self.store.publish, staged, digests))
        return lambda: self.store.size(publish_once())

    async def _digests(self, staged: StagedFile, upload: Upload) -> Digests:
        known = upload.digested
        if known is not None and known.size == staged.size:
            return Digests(known.sha256, known.md5, known.size)
        with store_errors():
            digests = await self.in_probe(staged.digests)
        content = Content(digests.sha256, digests.md5, digests.size)
        await self.database.run(uploads.note_received, upload.token, content, self.now())
        return digests

    async def _probe(self, path: Path, file_name: str) -> tuple[Facts, Report]:
        try:
            report = await self.in_probe(self.prober.probe, path, file_name, self.accept)
        except (ProbeUnavailable, OSError) as error:  # neither says anything about the file
            raise Unavailable("the audio cannot be examined now") from error
        if report.refusals or report.facts is None:
            first = report.refusals[0]
            raise RefusedAudio(f"{first.text} [{first.code}]", first.code)
        return report.facts, report

    async def _finish(self, caller: Caller, upload: Upload, examined: Examined) -> None:
        with store_errors():
            await self.database.run(_publish, caller, upload, examined, self.now())


def _copy(source: Path | BinaryIO, staged: StagedFile) -> None:
    if isinstance(source, Path):
        with source.open("rb") as file:
            _copy(file, staged)
        return
    while block := source.read(_BLOCK):
        staged.append(block)


def _examined(
    upload: Upload,
    content: Content,
    facts: Facts,
    report: Report,
    publish_file: Callable[[], object],
) -> Examined:
    return Examined(
        upload.clip, upload.file_name, upload.document, content, facts, report, publish_file
    )


def require_to_store(cursor: Any, caller: Caller, clip: Clip | None) -> None:
    """Raise Forbidden unless the caller may replace this clip, or (None) add one."""
    if clip is None:
        require_on_home(cursor, caller, Action.WRITE)
    else:
        require_on_clip(cursor, caller, Action.WRITE, clip)


def _compare(content: Content, upload: Upload) -> None:
    """Raise RefusedAudio unless the bytes are those that were announced."""
    if content.size == 0:
        raise RefusedAudio("no bytes were sent", "empty")
    if upload.total_size not in (None, content.size):
        raise RefusedAudio(
            f"{content.size} of {upload.total_size} bytes have arrived", "incomplete"
        )
    if upload.announced_md5 not in (None, content.md5):
        raise RefusedAudio(
            f"the MD5 of the {content.size} bytes received is {content.md5.hex()}, "
            f"not the announced {(upload.announced_md5 or b'').hex()}",
            "md5-mismatch",
        )


def _publish(cursor: Any, caller: Caller, upload: Upload, examined: Examined, at: datetime) -> None:
    """The last step of an upload: it ends, and one transaction makes the clip."""
    clips.lock_gunid(cursor, upload.clip)  # whoever publishes comes by here first
    uploads.remove(cursor, upload.token)
    make_clip(cursor, caller, examined, at)


def make_clip(cursor: Any, caller: Caller, examined: Examined, at: datetime) -> None:
    """Give the file its name, and make the clip, or a new revision of it.

    Raises Conflict if the id is that of something else.
    """
    clips.lock_gunid(cursor, examined.gunid)
    contents.lock(cursor, examined.content.sha256)  # the janitor stays away from these bytes
    facts = examined.facts
    clip = clips.find(cursor, examined.gunid)
    if clip is not None and clip.file_type is not FileType.AUDIO_CLIP:
        raise Conflict(f"{examined.gunid} is {clip.file_type.noun}, not an audio clip")
    require_to_store(cursor, caller, clip)
    old = Document.parse(documents.xml(cursor, clip.document_id)) if clip else None
    file_name = examined.file_name or (clip.file_name if clip else NAMELESS)
    document = _document(examined, file_name, old, clip).stamped(at)
    examined.publish_file()  # bytes before rows
    contents.add(cursor, examined.content, at)
    document_id = documents.add(cursor, document.to_xml())
    if clip is None:
        clip_id = clips.add(
            cursor,
            examined.gunid,
            FileType.AUDIO_CLIP,
            owner_id=caller.user_id,
            file_name=file_name,
            document_id=document_id,
            at=at,
        )
    else:
        clip_id = clip.clip_id
        if clip.state is ClipState.TRASHED:
            clips.restore(cursor, clip_id)
        clips.rename(cursor, clip_id, file_name)
        clips.describe(cursor, clip_id, document_id, at)
        documents.remove_unless_used(cursor, clip.document_id)
    warnings = [remark.code for remark in examined.report.warnings]
    clips.revise(cursor, clip_id, examined.content, audio_facts(facts), warnings, at)
    search.index(cursor, clip_id, examined.gunid, FileType.AUDIO_CLIP, document, at)
    event = journal.Event.CREATED if clip is None else journal.Event.REPLACED
    journal.add(cursor, event, examined.gunid, caller.login, at)


def _document(
    examined: Examined, file_name: str, old: Document | None, clip: Clip | None
) -> Document:
    """What the clip is described by: the client's words, then the old ones, then the audio's."""
    facts, tags = examined.facts, examined.report.tags
    if examined.document is not None:
        document = Document.parse(examined.document)
    elif old is not None and clip is not None:
        document = _with_new_extent(old, clip, facts)
    else:
        document = Document.empty(FileType.AUDIO_CLIP)
    if not document.elements:
        measured = {
            "dc:format": AudioFormat(facts.format).media_type,
            "ls:bitrate": str(facts.bit_rate),
            "ls:samplerate": str(facts.sample_rate),
            "ls:channels": str(facts.channels),
            "ls:filename": file_name,
        }
        document = completed(
            document, title=title_of(file_name, tags), duration_us=facts.duration_us
        )
        return described_by_tags(document, tags, measured)
    return completed(document, title=title_of(file_name, tags), duration_us=facts.duration_us)


def _with_new_extent(old: Document, clip: Clip, facts: Facts) -> Document:
    """A replaced clip's own document; an extent that was its audio's becomes the new audio's."""
    was = clip.revision and extent_text(clip.revision.facts.duration_us)
    if was is not None and old.first(EXTENT) == was:
        return old.with_element(EXTENT, extent_text(facts.duration_us))
    return old


def audio_facts(facts: Facts) -> AudioFacts:
    """What the probe has measured, as it is kept."""
    return AudioFacts(
        AudioFormat(facts.format),
        facts.duration_us,
        facts.sample_rate,
        facts.channels,
        facts.bit_rate,
    )
