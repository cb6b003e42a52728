"""A part of a file, as a file of its own."""

import io
from typing import BinaryIO


class Window(io.RawIOBase):
    """Read-only: `prefix`, then the bytes [start, end) of `file`."""

    def __init__(self, file: BinaryIO, start: int, end: int, prefix: bytes = b"") -> None:
        super().__init__()
        self._file = file
        self._start = start
        self._prefix = prefix
        self._size = len(prefix) + end - start
        self._position = 0

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._position

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        origin = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        if origin + offset < 0:
            raise ValueError("negative seek position")
        self._position = origin + offset
        return self._position

    def read(self, size: int = -1, /) -> bytes:
        # The base class makes room for all that is asked for, be it what a forged header tells.
        return super().read(min(size, max(0, self._size - self._position))) or b""

    def readinto(self, buffer: memoryview | bytearray, /) -> int:  # type: ignore[override]
        count = self._read(memoryview(buffer).cast("B"))
        self._position += count
        return count

    def _read(self, view: memoryview) -> int:
        position = self._position
        if position < len(self._prefix):
            piece = self._prefix[position : position + len(view)]
            view[: len(piece)] = piece
            return len(piece)
        size = min(len(view), self._size - position)
        if size <= 0:
            return 0
        self._file.seek(self._start + position - len(self._prefix))
        return self._file.readinto(view[:size])  # type: ignore[attr-defined, no-any-return]
