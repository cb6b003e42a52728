"""Packing what meets some criteria as a tar archive on the archive's disk: LiveSupport's backups.

It is a real file, since the scheduler adds to it what it knows itself, before anybody fetches it.
"""

import errno
import hashlib
import os
import shutil
import socket
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, BinaryIO

from archive_server.blocking import Database, InThread
from archive_server.database import backups, clips, documents
from archive_server.errors import Damaged, NotFound, Unavailable, UnknownToken, WrongToken
from archive_server.model.backups import NOTE, audio_name, criteria, document_name, kept, note
from archive_server.model.clips import Clip, ClipState
from archive_server.model.jobs import Job, JobState, JobStatus, Report
from archive_server.model.rights import Action
from archive_server.model.search import Criteria
from archive_server.model.users import Caller
from archive_server.services.jobs import JobService
from archive_server.services.rights import require_on_archive, require_on_clip
from archive_server.services.search import SearchService
from archive_server.services.storing import read_part, store_errors
from archive_server.services.tar_writing import TarWriter, sync_directory
from audio_store import AudioStore, ContentId

KIND = "backup"  # of job
_KINDS = (KIND,)
_FILE = "backup.tar"
# Also by the scheduler's user, who knows the path: nobody else gets past its directory.
_WRITABLE = 0o666
_PRIVATE = 0o600
_BLOCK = 2**20
_TRIFLE = 2000  # bytes of progress for what has no audio


@dataclass(frozen=True, slots=True)
class BackupState:
    """How it stands with a backup."""

    status: JobStatus
    fault: str
    path: Path | None  # where the archive lies, once there is one


@dataclass(frozen=True, slots=True)
class BackupFile:
    """A backup to be sent, as it is now. Who gets it closes `content`."""

    content: BinaryIO
    was: os.stat_result

    @property
    def size(self) -> int:
        """Its bytes."""
        return self.was.st_size

    @property
    def modified(self) -> datetime:
        """When somebody last wrote to it."""
        return datetime.fromtimestamp(self.was.st_mtime, UTC)

    @property
    def version(self) -> str:
        """A name for the bytes it has now: whatever is written to it, changes it."""
        return repr(_version(self.was))

    def read(self, part: range) -> bytes:
        """Read a part; blocks. Raises Unavailable if somebody has written to it meanwhile."""
        found = read_part(self.content, part)
        if _version(os.fstat(self.content.fileno())) != _version(self.was):
            raise Unavailable("the backup was changed while it was sent")
        return found


@dataclass(frozen=True)
class BackupService:
    """Making backups, and handing them out."""

    database: Database
    store: AudioStore
    search: SearchService
    jobs: JobService
    in_thread: InThread  # for minutes of work
    now: Callable[[], datetime]

    async def start(self, caller: Caller, wanted: Criteria) -> str:
        """Ask for a backup of what meets the criteria; return its token.

        Raises Forbidden, BadCriteria, TooManyJobs.
        """
        await self.search.find(caller, replace(wanted, limit=1, offset=0))
        return await self.jobs.start(caller, KIND, kept(wanted))

    async def state(self, token: str) -> BackupState:
        """How it stands. Raises UnknownToken, WrongToken."""
        state: JobState = await self.jobs.state(token, _KINDS)
        path = self._path(token) if state.status is JobStatus.SUCCESS else None
        return BackupState(state.status, state.fault, path)

    async def close(self, token: str) -> None:
        """Forget a backup and its file, or stop making it; tokens of anything else are ignored.

        (The original's clients close restores with it, and what was never open.)
        """
        try:
            await self.jobs.close(token, _KINDS)
        except (UnknownToken, WrongToken):
            return

    async def open(self, token: str) -> BackupFile:
        """The file of a backup that is ready. Raises UnknownToken, WrongToken, NotFound."""
        state = await self.state(token)
        if state.path is None:
            raise NotFound("this backup is not ready")
        try:
            content = await self.in_thread(_open, state.path)
        except OSError as error:
            raise Unavailable("the backup cannot be read now") from error
        return BackupFile(content, os.fstat(content.fileno()))

    async def work(self, job: Job, report: Report) -> Mapping[str, Any]:
        """Make the backup that a job asks for."""
        path = job.directory / _FILE
        wanted = criteria(job.parameters)
        written = await self._write(job.caller, wanted, path, report, _WRITABLE)
        await self.in_thread(sync_directory, job.directory.parent)  # the job's directory is new
        return {"clips": written}

    async def write(self, caller: Caller, wanted: Criteria, path: Path, report: Report) -> int:
        """Write a backup to a new file; return how many clips are in it.

        What the caller may not read is no reason to leave it out silently: Forbidden. Raises
        BadCriteria, Unavailable, OSError; the file is then incomplete.
        """
        return await self._write(caller, wanted, path, report, _PRIVATE)

    async def _write(
        self, caller: Caller, wanted: Criteria, path: Path, report: Report, mode: int
    ) -> int:
        clip_ids, size = await self.database.run(_select, caller, wanted)
        await self.in_thread(_require_room, path.parent, size)
        progress = _Progress(report, size + _TRIFLE * len(clip_ids))
        archive = await self.in_thread(TarWriter, path, self.now())
        try:
            body = note(self.now(), socket.gethostname()).encode()
            await self.in_thread(archive.add, NOTE, len(body), (body,))
            written = 0
            for clip_id in clip_ids:
                written += await self._add(archive, caller, clip_id, progress)
            await self.in_thread(archive.finish, mode)
        finally:
            await self.in_thread(archive.close)
        return written

    async def _add(
        self, archive: TarWriter, caller: Caller, clip_id: int, progress: "_Progress"
    ) -> bool:
        """Write a clip as it is now; False: it is gone."""
        with store_errors():
            taken = await self.database.run(_take, caller, clip_id, self.store)
        if taken is None:
            return False
        try:
            await self.in_thread(_copy, archive, taken, progress)
        finally:
            if taken.audio is not None:
                await self.in_thread(taken.audio.close)
        return True

    def _path(self, token: str) -> Path:
        return self.jobs.files(token.lower()) / _FILE


@dataclass(frozen=True, slots=True)
class _Taken:
    """A clip as it was at one moment; its audio stays readable while it is open."""

    clip: Clip
    xml: str
    audio: BinaryIO | None


@dataclass
class _Progress:
    """Tells how much of some bytes is done."""

    report: Report
    size: int
    done: int = 0

    def advance(self, by: int) -> None:
        self.done += by
        self.report(self.done / max(self.size, 1))


def _select(cursor: Any, caller: Caller, wanted: Criteria) -> tuple[Any, int]:
    require_on_archive(cursor, caller, Action.READ)
    return backups.select(cursor, wanted)


def _require_room(directory: Path, size: int) -> None:
    """Raise OSError rather than fill the disk of all others first."""
    if shutil.disk_usage(directory).free < size:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def _take(cursor: Any, caller: Caller, clip_id: int, store: AudioStore) -> _Taken | None:
    gunid = backups.hold(cursor, clip_id)
    clip = None if gunid is None else clips.find(cursor, gunid)
    if clip is None or clip.state is not ClipState.READY:
        return None
    require_on_clip(cursor, caller, Action.READ, clip)
    xml = documents.xml(cursor, clip.document_id)
    audio = None
    if clip.revision is not None:
        if clip.revision.content.is_damaged:
            raise Damaged(f"clip {clip.gunid}: the audio is damaged in the store")
        # Open before the transaction ends: a file that is open keeps its bytes.
        audio = store.open_content(ContentId(clip.revision.content.sha256))
    return _Taken(clip, xml, audio)


def _copy(archive: TarWriter, taken: _Taken, progress: _Progress) -> None:
    clip = taken.clip
    if taken.audio is not None and clip.revision is not None:
        size = clip.revision.content.size
        blocks = _blocks(clip, taken.audio, size, clip.revision.content.sha256, progress)
        archive.add(audio_name(clip.gunid), size, blocks)
    body = taken.xml.encode()
    archive.add(document_name(clip.gunid, clip.file_type), len(body), (body,))
    progress.advance(_TRIFLE)


def _blocks(
    clip: Clip, audio: BinaryIO, size: int, sha256: bytes, progress: _Progress
) -> Iterator[bytes]:
    """The audio, block by block. Raises Unavailable if it is not what was stored."""
    digest = hashlib.sha256()
    for start in range(0, size, _BLOCK):
        try:
            block = read_part(audio, range(start, min(start + _BLOCK, size)))
        except Unavailable as error:
            raise Unavailable(f"clip {clip.gunid}: {error}", error.retry_after) from error
        digest.update(block)
        progress.advance(len(block))
        yield block
    if digest.digest() != sha256:
        raise Damaged(f"clip {clip.gunid}: the audio is damaged in the store")


def _open(path: Path) -> BinaryIO:
    return os.fdopen(os.open(path, os.O_RDONLY | os.O_NOFOLLOW), "rb")


def _version(status: os.stat_result) -> tuple[int, ...]:
    return (status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
