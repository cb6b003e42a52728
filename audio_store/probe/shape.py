"""What a walker tells of a file: which bytes are audio, and how much audio they promise."""

from dataclasses import dataclass
from typing import BinaryIO


@dataclass(frozen=True, slots=True)
class Chunk:
    """A chunk of a WAV file: its id, and where its content lies."""

    id: bytes
    start: int
    size: int


@dataclass(frozen=True, slots=True)
class Shape:
    """A file as its container describes it, before anything is decoded."""

    format: str
    codec: str
    encoder: str
    sample_rate: int
    channels: int
    frames: int  # samples a channel that the container promises
    start: int  # of the bytes a decoder is given
    end: int
    audio_bytes: int
    prefix: bytes = b""  # what the decoder is given before them
    slack: int = 0  # so many frames less may come out of the decoder
    # Each frame or packet was found, and found to decode to its share of the frames.
    is_counted: bool = False
    chunks: tuple[Chunk, ...] = ()

    @property
    def duration_s(self) -> float:
        return self.frames / self.sample_rate


def size_of(file: BinaryIO) -> int:
    return file.seek(0, 2)


def read_at(file: BinaryIO, position: int, size: int) -> bytes:
    """As many of `size` bytes as there are."""
    file.seek(position)
    return file.read(size)


def find_in(file: BinaryIO, needle: bytes, start: int, end: int) -> int | None:
    """Where `needle` first lies within [start, end), read in pieces."""
    step = 2**20
    position = start
    while position < end:
        piece = read_at(file, position, min(step + len(needle) - 1, end - position))
        found = piece.find(needle)
        if found >= 0:
            return position + found
        position += step
    return None
