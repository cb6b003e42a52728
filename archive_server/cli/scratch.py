"""A place for a second archive, for the time of a command; what a kill leaves the next one removes.

    archive-drill-STORE_ID-…/        beside the data directory, or where one says
        in-use                       held (flock) by the command for as long as it runs

Removed is only what has such a name with the id of the same archive, belongs to the same user, and
is held by nobody: what another archive's drill has left is for the next drill of that one.
"""

import fcntl
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from archive_server.cli.offline import CommandFailed
from archive_server.database.cluster import Cluster
from archive_server.database.embedded_errors import EmbeddedError
from archive_server.database.socket_directory import remove_socket_directory

_PREFIX = "archive-drill-"
_HELD = "in-use"


@contextmanager
def scratch_place(above: Path, store_id: str) -> Iterator[Path]:
    """An empty directory for this archive's drill, which is gone in the end."""
    prefix = f"{_PREFIX}{store_id}-"
    with _named("{} cannot be read", above):
        found = list(above.glob(f"{prefix}*"))
    for left in found:
        with _named("{}, which an earlier drill has left, cannot be removed", left):
            _remove_left(left)
    with _named("no directory can be made in {}", above):
        directory, descriptor = _made(prefix, above)
    try:
        directory.chmod(0o711)  # PostgreSQL may run as somebody else
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)
        os.close(descriptor)


@contextmanager
def _named(trouble: str, path: Path) -> Iterator[None]:
    """Say what could not be done where, and why."""
    try:
        yield
    except OSError as error:
        raise CommandFailed(f"{trouble.format(path)}: {error.strerror}") from error


def _made(prefix: str, above: Path) -> tuple[Path, int]:
    """A new directory, and the descriptor that holds it."""
    while True:
        directory = Path(tempfile.mkdtemp(prefix=prefix, dir=above))
        with suppress(FileNotFoundError):  # another drill took it for one that was left
            descriptor = os.open(directory / _HELD, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            fcntl.flock(descriptor, fcntl.LOCK_EX)
            if os.fstat(descriptor).st_nlink:
                return directory, descriptor
            os.close(descriptor)


def _remove_left(left: Path) -> None:
    """Remove a place whose command has died, if it is one."""
    status = left.lstat()
    if not stat.S_ISDIR(status.st_mode) or status.st_uid != os.geteuid():
        return
    try:
        descriptor = os.open(left / _HELD, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:  # it died before it could hold it, and so it is empty
        with suppress(OSError):
            left.rmdir()
        return
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        Cluster(left / "postgres").clear()  # it ends with the command, but not at once
        remove_socket_directory(left)
        shutil.rmtree(left)
    except (BlockingIOError, EmbeddedError):  # somebody is at work on it
        return
    finally:
        os.close(descriptor)
