"""Reading content again, to see whether it is still what was stored; and not in the way of others.

Sources: posix_fadvise(2), preadv2(2). A reader of the usual kind would leave the page cache full of
what nobody has asked for, and without what is on air. So nothing is read ahead, and what had to
be fetched from the disk is let go of again; what was in the cache already stays there.
"""

import hashlib
import os
import stat
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from audio_store.content_id import ContentId
from audio_store.disk import OF_THE_FILE, disk_errors
from audio_store.errors import ContentMissing, StoreAway
from audio_store.store import AudioStore

_BLOCK = 1 << 20  # bytes; SHA-256 of so many takes a millisecond
_NO_WAIT = getattr(os, "RWF_NOWAIT", 0)  # Linux

OnBlock = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Sight:
    """What lay under a name when it was looked at."""

    device: int
    inode: int
    size: int  # bytes
    mtime_ns: int

    @classmethod
    def of(cls, path: Path) -> "Sight | None":
        """What lies there now; None: nothing."""
        try:
            status = path.lstat()
        except (FileNotFoundError, NotADirectoryError):
            return None
        return cls(status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns)


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a file was found to be."""

    flaw: str | None  # a sentence without its full stop; None: it is whole
    seen: Sight | None  # None: there was nothing


def verify(
    store: AudioStore,
    content_id: ContentId,
    size: int,
    *,
    every_byte: bool = True,
    on_block: OnBlock = lambda _: None,
) -> Verdict:
    """Whether content is there, has its size and, if `every_byte` is read, its bytes.

    `on_block` hears the bytes of each block that was read, and ends it by an exception. Raises
    StoreAway where nothing can be said of the content itself.
    """
    path = store.path(content_id)
    verdict = look_at(path, content_id, size, every_byte=every_byte, on_block=on_block)
    if verdict.flaw is not None:
        store.require_present()
        if verdict.seen is None:
            _require_missing(store, content_id)
    return verdict


def look_at(
    path: Path,
    content_id: ContentId,
    size: int,
    *,
    every_byte: bool = True,
    on_block: OnBlock = lambda _: None,
) -> Verdict:
    """As `verify`, for any file that may have these bytes."""
    with disk_errors():
        seen = Sight.of(path)
        try:
            return Verdict(_flaw(path, content_id, size, every_byte, on_block), seen)
        except FileNotFoundError:
            return Verdict("the file is missing", None)
        except OSError as error:
            if error.errno in OF_THE_FILE:
                return Verdict(f"the file cannot be read: {os.strerror(error.errno)}", seen)
            raise


def _flaw(
    path: Path, content_id: ContentId, size: int, every_byte: bool, on_block: OnBlock
) -> str | None:
    # A pipe of that name would let us wait for ever for somebody to write into it.
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)
    try:
        status = os.fstat(descriptor)
        if not stat.S_ISREG(status.st_mode):
            return "the file is no file any more"
        found = _digest(descriptor, size, on_block) if every_byte else content_id.digest
        if (there := os.fstat(descriptor).st_size) != size:
            return f"the file has {there} bytes instead of {size}"
        return None if found == content_id.digest else "the file has other bytes than were stored"
    finally:
        os.close(descriptor)


def _digest(descriptor: int, size: int, on_block: OnBlock) -> bytes:
    """The SHA-256 of a file, or of so many of its bytes."""
    os.posix_fadvise(descriptor, 0, 0, os.POSIX_FADV_RANDOM)
    digest = hashlib.sha256()
    buffer = memoryview(bytearray(_BLOCK))
    place = 0
    while place <= size and (count := _read(descriptor, buffer, place)):
        digest.update(buffer[:count])
        place += count
        on_block(count)
    return digest.digest()


def _read(descriptor: int, buffer: memoryview, place: int) -> int:
    """Read what comes next, and leave the page cache as it was."""
    cached = _read_cached(descriptor, buffer, place)
    if cached:
        return cached
    count = os.preadv(descriptor, [buffer], place)
    os.posix_fadvise(descriptor, place, count, os.POSIX_FADV_DONTNEED)
    return count


def _read_cached(descriptor: int, buffer: memoryview, place: int) -> int:
    """Read what of it needs no disk, which may be nothing."""
    if not _NO_WAIT:
        return 0
    try:
        return os.preadv(descriptor, [buffer], place, _NO_WAIT)
    except OSError:  # it would wait; or the file system cannot tell
        return 0


def _require_missing(store: AudioStore, content_id: ContentId) -> None:
    """Raise StoreAway if not this file alone is missing, but the directory of many."""
    try:
        store.size(content_id)
    except ContentMissing:
        return
    except StoreAway as error:
        if not isinstance(error.__cause__, NotADirectoryError):
            raise
