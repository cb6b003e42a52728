"""Writing that survives a power cut, and the disk's errors in our words.

Sources: fsync(2), rename(2), open(2); for the order of steps, Pillai et al., "All File Systems
Are Not Created Equal" (OSDI 2014).
"""

import ctypes
import errno
import fcntl
import os
import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

from audio_store.errors import AudioStoreError, StoreAway, StoreFull

_FULL = frozenset(
    {
        errno.ENOSPC,
        errno.EDQUOT,
        errno.EFBIG,  # beyond what the file system or a limit allows one file
        errno.EMLINK,  # ext4 allows 65,000 names of one file
    }
)

_AWAY = frozenset(
    {
        # the device, the mount, or the server behind it
        errno.EIO,
        errno.ENODEV,
        errno.ENXIO,
        errno.ENOMEDIUM,
        errno.EREMOTEIO,
        errno.EUCLEAN,
        errno.ESTALE,
        errno.ENOTCONN,
        errno.ESHUTDOWN,
        errno.ETIMEDOUT,
        errno.EHOSTDOWN,
        errno.EHOSTUNREACH,
        # there, but not for us
        errno.EROFS,
        errno.EACCES,
        errno.EPERM,
        # not as we made it; who can tell "no such file" from this catches it before
        errno.ENOENT,
        errno.ENOTDIR,
        errno.EISDIR,
        errno.EEXIST,
        errno.ELOOP,
        # nothing wrong with the disk, but it is the same to the caller: try again
        errno.EMFILE,
        errno.ENFILE,
        errno.ENOMEM,
    }
)

# Of one file, while the store is there. Others (no rights, no descriptors) tell of us.
OF_THE_FILE = frozenset(
    {
        errno.EIO,
        errno.EREMOTEIO,
        errno.ENODATA,  # a sector that cannot be read
        errno.EUCLEAN,
        errno.EBADMSG,  # a checksum of the file system
        errno.EISDIR,
        errno.ENOTDIR,
        errno.ELOOP,
        errno.ENXIO,
    }
)


@contextmanager
def disk_errors() -> Iterator[None]:
    """Raise StoreFull or StoreAway for the OSErrors that mean it; others are ours to repair."""
    try:
        yield
    except OSError as error:
        # strerror names no path: the message may be shown to a caller, the cause to the log.
        if error.errno in _FULL:
            raise StoreFull(f"the store has no room: {error.strerror}") from error
        if error.errno in _AWAY:
            raise StoreAway(f"the store is away: {error.strerror}") from error
        raise


@contextmanager
def file_errors(damaged: Callable[[str], AudioStoreError]) -> Iterator[None]:
    """As `disk_errors`; for an error of the one file that is read, raise what `damaged` makes.

    The caller sees that the store is there.
    """
    with disk_errors():
        try:
            yield
        except OSError as error:
            if error.errno in OF_THE_FILE:
                raise damaged(os.strerror(error.errno)) from error
            raise


def write_some(descriptor: int, block: memoryview) -> int:
    """Write what the disk takes in one go, at least a byte; return how much that was."""
    written = os.write(descriptor, block)
    assert written > 0, "write(2) of a regular file takes something or fails"
    return written


def write_all(descriptor: int, block: bytes) -> None:
    """Write a block, however many calls it takes."""
    rest = memoryview(block)
    while rest:
        rest = rest[write_some(descriptor, rest) :]


def cloned(source: int, target: Path) -> bool:
    """Let an empty file share all blocks of another one (FICLONE); False where that is impossible.

    XFS, btrfs and bcachefs can, within one file system.
    """
    # Not the descriptor that appends: the kernel refuses to clone into one.
    descriptor = os.open(target, os.O_WRONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    try:
        fcntl.ioctl(descriptor, _FICLONE, source)
    except OSError:
        return False
    else:
        return True
    finally:
        os.close(descriptor)


_FICLONE = 0x40049409  # linux/fs.h


def start_writing(descriptor: int, offset: int, size: int) -> None:
    """Let the disk begin with a part of a file (`size` 0: to its end); promises nothing.

    Of 1 GiB that takes two seconds to arrive, this leaves 8 ms of work to the fsync at the end
    instead of 450. An error shows there too: only fsync takes note of errors.
    """
    if _sync_file_range is not None:
        _sync_file_range(descriptor, offset, size, _SYNC_FILE_RANGE_WRITE)


def _find(name: str, *arguments: type) -> Callable[..., int] | None:
    """A function of the C library; None outside of Linux."""
    function = getattr(ctypes.CDLL(None, use_errno=True), name, None)
    if function is not None:
        function.argtypes = arguments
    return function


def _kernel() -> tuple[int, ...]:
    return tuple(int(number) for number in re.findall(r"\d+", os.uname().release)[:2])


# sync_file_range(2), syncfs(2)
_sync_file_range = _find(
    "sync_file_range", ctypes.c_int, ctypes.c_int64, ctypes.c_int64, ctypes.c_uint
)
_SYNC_FILE_RANGE_WAIT_BEFORE, _SYNC_FILE_RANGE_WRITE = 1, 2
# An older kernel keeps to itself that a file system could not write what belongs to no file.
_syncfs = _find("syncfs", ctypes.c_int) if _kernel() >= (5, 17) else None
MANY = 16  # from so many on it is worth it, though what others write is waited for, too


def sync_files(descriptors: Sequence[int]) -> None:
    """Make the bytes of files of one file system survive a power cut."""
    sync = sync_together(descriptors)
    for descriptor in descriptors:
        sync(descriptor)


def sync_together(descriptors: Sequence[int]) -> Callable[[int], None]:
    """Bring many files of one file system to the disk; return what is left to do for each.

    That raises the OSError of a file that could not be written. To fsync 250 small ones takes the
    disk 750 ms and a processor 26; to bring all of a file system there, and then to ask each file
    whether it went well, 40 and 0.5.
    """
    if len(descriptors) >= MANY and _is_on_disk(descriptors[0]):
        return _confirm
    return os.fsync


def _is_on_disk(descriptor: int) -> bool:
    """Bring a whole file system to the disk, if that can be done and told.

    An error may be of a file that is not ours: fsync tells whose it is.
    """
    return _syncfs is not None and _sync_file_range is not None and _syncfs(descriptor) == 0


def _confirm(descriptor: int) -> None:
    """Raise the error, if there is one, of a file that nothing is waiting to be written of."""
    assert _sync_file_range is not None  # `_is_on_disk` has looked
    if _sync_file_range(descriptor, 0, 0, _SYNC_FILE_RANGE_WAIT_BEFORE):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def sync_directories(paths: Iterable[Path]) -> None:
    """As `sync_directory`, for those of one file system, each once; many of them together."""
    directories = list(dict.fromkeys(paths))
    if len(directories) >= MANY:
        descriptor = os.open(directories[0], os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            if _is_on_disk(descriptor):
                return
        finally:
            os.close(descriptor)
    for directory in directories:
        sync_directory(directory)


def sync_directory(path: Path) -> None:
    """Make the names in a directory survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    except OSError as error:
        # Some network file systems cannot; their names are as durable as they ever get.
        if error.errno not in (errno.EINVAL, errno.ENOTSUP):
            raise
    finally:
        os.close(descriptor)
