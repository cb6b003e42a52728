"""Files that are being received, each by one writer at a time.

The writer is known by an exclusive flock(2) on the file. It holds over threads and processes,
and a writer that is killed loses it.
"""

import errno
import fcntl
import os
from collections.abc import Callable, Sequence
from contextlib import ExitStack, suppress
from io import FileIO
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from audio_store.content_id import Digests, RunningDigests, read_digests
from audio_store.disk import cloned, disk_errors, start_writing, sync_together, write_some
from audio_store.errors import AudioStoreError, NothingStaged, StagingBusy

# Opening is tried again when the file was published or dropped under our hands. Somebody got
# something done each time, so one more try nearly always suffices.
_ATTEMPTS = 10

# The disk begins with so many bytes while more arrive; fewer would only be more calls.
_BEGUN_AT_ONCE = 8 << 20
_BLOCK = 1 << 20  # bytes read of a file at once

_READ = os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW
_WRITE = os.O_RDWR | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW

_WRITABLE = 0o600
_SEALED = 0o444


class StagedFile:
    """Bytes being received, for one thread at a time. A context manager: leaving it closes it.

    What was appended stays when it is closed, and the next one goes on from there.
    """

    def __init__(self, path: Path, file: FileIO) -> None:
        """Take over a file that is locked; `open_staged` is the way to get one."""
        self.path = path
        self._file = file
        # As the only writer knows it: to ask for it after each block is what small files notice.
        self._written = self.size
        self._running = None if self._written else RunningDigests()
        self._begun = self._written  # the disk has begun with what is before
        self._is_synced = False  # so far as this object, the only writer, knows

    @property
    def size(self) -> int:
        """The bytes received so far."""
        with disk_errors():
            return os.fstat(self._file.fileno()).st_size

    @property
    def is_open(self) -> bool:
        """Whether this is still the file's only writer."""
        return not self._file.closed

    def append(self, block: bytes | memoryview) -> None:
        """Add a block to the end. It may be lost in a power cut until `sync`.

        Raises StoreFull or StoreAway. What fitted stays, and is counted in `size` and digests.
        """
        rest = memoryview(block).cast("B")
        self._is_synced = False
        while rest:
            with disk_errors():
                written = write_some(self._file.fileno(), rest)
            self._written += written
            if self._running is not None:
                self._running.update(rest[:written])
            rest = rest[written:]
        self._begin_writing()

    def _begin_writing(self) -> None:
        waiting = self._written - self._begun
        if waiting >= _BEGUN_AT_ONCE:
            start_writing(self._file.fileno(), self._begun, waiting)
            self._begun += waiting

    def truncate(self) -> None:
        """Drop what was received and start afresh."""
        self._is_synced = False
        with disk_errors():
            os.ftruncate(self._file.fileno(), 0)
        self._forget_digests()
        self._running = RunningDigests()
        self._written = self._begun = 0

    def known_digests(self) -> Digests | None:
        """The digests, if every byte passed through this object; else None.

        Waits for the last few blocks at most, never for the disk.
        """
        if self._running is None or self._running.size != self.size:
            return None
        return self._running.so_far()

    def digests(self) -> Digests:
        """The digests; reads the file when this object has not seen every byte.

        Asked for when all has arrived: the threads end, for many files may wait to be published.
        """
        known = self.known_digests()
        if known is not None:
            if self._running is not None:
                self._running.close()
            return known
        with disk_errors():
            self._file.seek(0)
            self._forget_digests()
            self._running = read_digests(self._file)
        return self._running.so_far()

    def _forget_digests(self) -> None:
        if self._running is not None:
            self._running.close()
            self._running = None

    def sync(self) -> None:
        """Make what was received survive a power cut; once is enough, until something changes.

        Raises StoreAway or StoreFull, and then nothing is left of it: the kernel reports a page
        it could not write once, and forgets it. A second fsync would succeed and prove nothing.
        """
        self._sync(os.fsync)

    def note_synced(self) -> None:
        """Take it from who wrote what there is that it was brought to the disk since."""
        self._is_synced = True

    def _sync(self, bring: Callable[[int], None]) -> None:
        if self._is_synced:
            return
        with disk_errors():
            try:
                bring(self._file.fileno())
            except OSError:
                with suppress(AudioStoreError):
                    self.truncate()
                raise
        self._is_synced = True

    def seal(self) -> None:
        """Make the file read-only, as it is to be published.

        This waits for no disk. What a power cut may take back is the mode, not the bytes.
        """
        with disk_errors():
            if os.fstat(self._file.fileno()).st_mode & 0o777 != _SEALED:
                os.fchmod(self._file.fileno(), _SEALED)

    def begin_sync(self) -> None:
        """Let the disk begin with all that was received: a `sync` later has less to wait for."""
        start_writing(self._file.fileno(), self._begun, 0)
        self._begun = self._written

    def move(self, final: Path) -> None:
        """Give the file its final name, in place of what has it, and close.

        It is complete, on the disk and read-only before anybody can see it under that name.
        The name itself is durable when the caller has synced its directory.
        """
        with disk_errors():
            self.seal()
            self.sync()
            self.path.rename(final)
        # At once: nothing may be appended to what is published.
        self.close()

    def fill(self, source: BinaryIO) -> None:
        """Append all that a file holds, from where it stands.

        An empty one shares the blocks of the source where the file system can do that: it takes no
        room, and no time. Raises what `append` does, and OSError if the source cannot be read.
        """
        if self._written == 0 and source.tell() == 0 and cloned(source.fileno(), self.path):
            self._forget_digests()
            self._is_synced = False
            self._written = self._begun = self.size
            return
        while block := source.read(_BLOCK):
            self.append(block)

    def drop(self) -> None:
        """Remove the file and close."""
        with disk_errors():
            self.path.unlink()
        self.close()

    def close(self) -> None:
        """Let the next writer in. Harmless the second time."""
        if self._running is not None:
            self._running.close()
        if not self._file.closed:
            # Closing alone would leave the lock with a child that was forked a moment ago.
            with suppress(OSError):
                fcntl.flock(self._file, fcntl.LOCK_UN)
            with disk_errors():
                self._file.close()

    def __enter__(self) -> "StagedFile":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


def sync_all(files: Sequence[StagedFile]) -> None:
    """As `sync` of each: many, of one store, share the waiting for the disk."""
    waiting = [staged for staged in files if not staged._is_synced]
    with disk_errors():
        bring = sync_together([staged._file.fileno() for staged in waiting])
    for staged in waiting:
        staged._sync(bring)


def open_staged(path: Path, *, create: bool) -> StagedFile:
    """Open a staged file as its only writer.

    Raises StagingBusy while there is another, NothingStaged if it is not there and not to be
    created, StoreFull, StoreAway.
    """
    flags = _WRITE | (os.O_CREAT if create else 0)
    with disk_errors():
        for _ in range(_ATTEMPTS):
            try:
                file = _lock(path, flags)
            except PermissionError:
                _unseal(path)
                continue
            except FileNotFoundError as error:
                if create:
                    raise
                raise NothingStaged("nothing was received under this token") from error
            if file is not None:
                return StagedFile(path, file)
    raise StagingBusy("the upload is being published or dropped")


def _lock(path: Path, flags: int) -> FileIO | None:
    """Open and lock; None if the path has come to name another file meanwhile, or none."""
    mode = "r+" if flags & os.O_RDWR else "r"
    with ExitStack() as stack:
        file = stack.enter_context(FileIO(os.open(path, flags, _WRITABLE), mode))
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            raise StagingBusy("somebody else is writing this upload") from error
        if not _is_at(path, file):
            return None
        stack.pop_all()
        return file


def _is_at(path: Path, file: FileIO) -> bool:
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _unseal(path: Path) -> None:
    """Make a staged file writable that a crash left read-only just before its publication.

    Under the lock: without it this would open published content to writers. Raises
    PermissionError if it is not the mode that keeps us out.
    """
    file = _lock(path, _READ)
    if file is None:
        return
    with file:
        if os.fstat(file.fileno()).st_mode & 0o200:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES))
        os.fchmod(file.fileno(), _WRITABLE)
