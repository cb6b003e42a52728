"""What bytes are called: the digests that name them."""

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import BinaryIO

from audio_store.digest_thread import ThreadedDigest
from audio_store.errors import BadName

_HEX = re.compile(r"[0-9a-f]{64}")
_BLOCK = 1 << 20  # bytes


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
    """The digests of bytes that are still arriving, taken side by side. `close` it in the end."""

    def __init__(self) -> None:
        self._sha256 = ThreadedDigest("sha256")
        self._md5 = ThreadedDigest("md5")
        self.size = 0

    def update(self, block: bytes | memoryview) -> None:
        """Take in the bytes that come next. They may be digested later, but not much later."""
        self._sha256.update(block)
        self._md5.update(block)
        self.size += len(block)

    def so_far(self) -> Digests:
        """The digests of what has been taken in; waits for them."""
        return Digests(self._sha256.digest(), self._md5.digest(), self.size)

    def close(self) -> None:
        """End the threads, when all has been digested. What was found can still be asked for."""
        self._sha256.close()
        self._md5.close()


def read_digests(file: BinaryIO, on_block: Callable[[int], None] | None = None) -> RunningDigests:
    """Read a file from where it stands to its end; `on_block` hears the bytes of each block."""
    running = RunningDigests()
    try:
        while block := file.read(_BLOCK):
            running.update(block)
            if on_block is not None:
                on_block(len(block))
    finally:
        running.close()
    return running
