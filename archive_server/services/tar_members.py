"""Members of tar archives, read as files of their own; blocks."""

import hashlib
import io
from collections.abc import Callable
from typing import Any, BinaryIO

from archive_server.services.storing import read_part

_BLOCK = 2**20


def member(file: BinaryIO, part: range, on_read: Callable[[int], None]) -> BinaryIO:
    """A part of a file as a file; `on_read` hears how many of its bytes are read, and may raise.

    Others may read other parts meanwhile. What is read raises Unavailable where `file` ends early.
    """
    return io.BufferedReader(_Member(file, part, on_read), _BLOCK)


def sha256_of(file: BinaryIO) -> bytes:
    """The digest of what is left to be read."""
    digest = hashlib.sha256()
    while block := file.read(_BLOCK):
        digest.update(block)
    return digest.digest()


class _Member(io.RawIOBase):
    def __init__(self, file: BinaryIO, part: range, on_read: Callable[[int], None]) -> None:
        super().__init__()
        self._file = file
        self._part = part
        self._rest = part
        self._on_read = on_read

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        block = read_part(self._file, self._rest[: len(buffer)])
        buffer[: len(block)] = block
        self._rest = self._rest[len(block) :]
        self._on_read(len(self._part) - len(self._rest))
        return len(block)
