"""One program at a time runs the embedded database of a data directory."""

import fcntl
import os
from dataclasses import dataclass
from pathlib import Path

from archive_server.database.embedded_errors import DirectoryBusy


@dataclass(frozen=True, slots=True)
class DirectoryLock:
    """The lock of a data directory: an flock on `DIR/lock`, so it ends with its holder.

    The file holds the process id and the command of the holder, for people and for messages. It
    is never removed: whoever waits for a removed file would wait for another one than we lock.
    """

    descriptor: int

    @classmethod
    def take(cls, data_dir: Path, command: str) -> "DirectoryLock":
        """Lock a data directory. Raises DirectoryBusy at once when it is locked."""
        path = data_dir / "lock"
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError as error:
            holder = path.read_text(encoding="utf-8", errors="replace").split("\n")
            os.close(descriptor)
            raise DirectoryBusy(f"{data_dir} is in use by {_named(holder)}") from error
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"{os.getpid()}\n{command}\n".encode(), 0)
        return cls(descriptor)

    def release(self) -> None:
        """Let others have the directory. Once only."""
        os.ftruncate(self.descriptor, 0)
        os.close(self.descriptor)


def _named(lines: list[str]) -> str:
    """The holder, from the lines of the lock file; it may have been about to write them."""
    pid, command, *_ = [*lines, "", ""]
    return f"process {pid} ({command})" if pid and command else "another process"
