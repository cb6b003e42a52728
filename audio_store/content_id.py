"""What bytes are called: the digests that name them."""

import hashlib
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from audio_store.errors import BadName

_HEX = re.compile(r"[0-9a-f]{64}")
_BLOCK = 1 << 20  # bytes; hashlib lets other threads run while it works on a block


@dataclass(frozen=True, slots=True, order=True)
class ContentId:
    """The SHA-256 of some bytes, which is their name for ever; `str()` is 64 hex digits."""

    digest: bytes

    def __post_init__(self) -> None:
        if len(self.digest) != 32:
            raise BadName("content id: 32 bytes expected")

    def __str__(self) -> str:
        return self.digest.hex()

    @classmethod
    def parse(cls, text: str) -> "ContentId":
        """Read 64 lower-case hex digits. Raises BadName for anything else."""
        if not _HEX.fullmatch(text):
            raise BadName("content id: 64 lower-case hex digits expected")
        return cls(bytes.fromhex(text))


@dataclass(frozen=True, slots=True)
class Digests:
    """What identifies some bytes: to us (SHA-256), to classic clients (MD5), and how many."""

    sha256: bytes
    md5: bytes
    size: int  # bytes

    @property
    def content_id(self) -> ContentId:
        """The name of these bytes."""
        return ContentId(self.sha256)


class RunningDigests:
    """The digests of bytes that are still arriving."""

    def __init__(self) -> None:
        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False)
        self.size = 0

    def update(self, block: bytes | memoryview) -> None:
        """Take in the bytes that come next."""
        self._sha256.update(block)
        self._md5.update(block)
        self.size += len(block)

    def so_far(self) -> Digests:
        """The digests of what has been taken in."""
        return Digests(self._sha256.digest(), self._md5.digest(), self.size)


def read_digests(file: BinaryIO, on_block: Callable[[int], None] | None = None) -> RunningDigests:
    """Read a file from where it stands to its end; `on_block` hears the bytes of each block."""
    running = RunningDigests()
    while block := file.read(_BLOCK):
        running.update(block)
        if on_block is not None:
            on_block(len(block))
    return running
