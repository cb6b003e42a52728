"""Decisions taken from bytes: how targets make values of them that no parser would let through."""

from collections.abc import Sequence
from typing import TypeVar

T = TypeVar("T")


class Choices:
    """The same decisions from the same bytes; when they have ended, the simplest ones."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self._place = 0

    @property
    def are_left(self) -> bool:
        """Whether there are bytes left to decide by."""
        return self._place < len(self._data)

    def byte(self) -> int:
        """A number from 0 to 255."""
        self._place += 1
        return self._data[self._place - 1] if self._place <= len(self._data) else 0

    def number(self, most: int) -> int:
        """A number from 0 to `most`."""
        size = (most.bit_length() + 7) // 8
        return int.from_bytes([self.byte() for _ in range(size)], "big") % (most + 1)

    def one_of(self, options: Sequence[T]) -> T:
        """One of them."""
        return options[self.number(len(options) - 1)]

    def is_so(self) -> bool:
        """Yes or no."""
        return bool(self.byte() & 1)

    def text(self, pieces: Sequence[str], most: int) -> str:
        """A text of so many pieces at most."""
        return "".join(self.one_of(pieces) for _ in range(self.number(most)))

    def block(self) -> bytes:
        """Some of the bytes as they are."""
        size = self.byte()
        block = self._data[self._place : self._place + size]
        self._place += size
        return block

    def rest(self) -> bytes:
        """All bytes that are left."""
        rest = self._data[self._place :]
        self._place = len(self._data)
        return rest
