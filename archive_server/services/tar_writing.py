"""Tar archives that are written to the disk, member after member, in constant memory.

The end mark is not padded to a record: programs that append (libtar, the scheduler's) look for it
either behind the last member or 1024 bytes before the end of the file, and find it both ways.
"""

import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import BinaryIO

from archive_server.model.tar_layout import BLOCK, TarMember, header


class TarWriter:
    """An archive that is being written; until it is finished it is its maker's only."""

    def __init__(self, path: Path, modified: datetime) -> None:
        """Begin a file that must not exist. Raises OSError."""
        self._path = path
        self._modified = int(modified.timestamp())
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW
        self._file: BinaryIO = os.fdopen(os.open(path, flags, 0o600), "wb")

    def __enter__(self) -> "TarWriter":
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def add(self, name: str, size: int, blocks: Iterable[bytes]) -> None:
        """Write a member, whose blocks have `size` bytes together. Raises OSError."""
        self._file.write(header(TarMember(name, size), self._modified))
        written = sum(self._file.write(block) for block in blocks)
        if written != size:
            raise ValueError(f"{name}: {written} bytes, not {size}")
        self._file.write(bytes(-size % BLOCK))

    def finish(self, mode: int) -> None:
        """End the archive, with these permissions; it then survives a power cut. Raises OSError."""
        self._file.write(bytes(2 * BLOCK))
        self._file.flush()
        os.fchmod(self._file.fileno(), mode)
        os.fsync(self._file.fileno())
        sync_directory(self._path.parent)

    def close(self) -> None:
        """Let go of the file, finished or not. Raises OSError."""
        self._file.close()


def sync_directory(path: Path) -> None:
    """Let the names in a directory survive a power cut. Raises OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
