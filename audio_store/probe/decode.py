"""Decodes the audio once, to count it and to see that it is made of numbers; or only begins to.

Where the walker has accounted for every frame or packet, the decoder can come to no other count: it
only begins, and says how much it will deliver. Of 2,300 damaged MP3 and Ogg files none was judged
differently by the rest. That takes 0.3 ms for a second of MP3 or Vorbis instead of 1.6, and for an
hour as much as for a second. What it cannot see is a Vorbis stream whose codebooks were forged to
overflow somewhere in the middle.

Integers of a WAV are what they are: they are read, but not decoded. Whatever their bytes hold, they
are numbers, and so many bytes a sample. That takes 0.1 ms for a second of audio instead of 0.4, and
reads an hour at the pace of the page cache.
"""

import io
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO

import numpy as np
import soundfile

from audio_store.probe.shape import Shape, read_at
from audio_store.probe.window import Window

_BLOCK = 2**16
_PIECE = 2**18  # bytes that are read at once where nothing is decoded
_AHEAD = 2**16  # bytes
# Compressed audio of so many bytes is decoded from memory; to begin with, of so many.
_MOST_IN_MEMORY = 2**26
_MOST_TO_BEGIN = 2**18
_BEGINNING = 1152  # samples: an MP3 frame


@dataclass(frozen=True, slots=True)
class Decoded:
    """What came out of the decoder."""

    frames: int
    sample_rate: int
    channels: int
    is_finite: bool
    failure: str  # why the decoder gave up before the end; empty if it did not


def decode(file: BinaryIO, shape: Shape) -> Decoded | None:
    """Decode what `shape` says is audio; None if the decoder cannot even begin.

    Raises OSError if the file cannot be read.
    """
    try:
        with opened(file, shape) as sound:
            return _count(sound) if _may_be_infinite(shape) else _read(file, shape, sound)
    except soundfile.LibsndfileError:
        return None


def begin(file: BinaryIO, shape: Shape) -> Decoded | None:
    """As `decode`, but decode the first samples only; `frames` are what the decoder has found.

    Raises OSError if the file cannot be read.
    """
    try:
        with opened(file, shape, most_in_memory=_MOST_TO_BEGIN) as sound:
            first = sound.read(_BEGINNING, dtype="float32", always_2d=True)
            is_finite = bool(len(first)) and _is_finite(first)
            return Decoded(sound.frames, sound.samplerate, sound.channels, is_finite, failure="")
    except soundfile.LibsndfileError:
        return None


@contextmanager
def opened(
    file: BinaryIO, shape: Shape, most_in_memory: int = _MOST_IN_MEMORY
) -> Iterator[soundfile.SoundFile]:
    """Have the decoder at hand for what `shape` says is audio.

    Raises LibsndfileError if it cannot begin, and at the end OSError if the file could not be
    read.
    """
    if shape.format != "wav" and shape.end - shape.start <= most_in_memory:
        # mpg123 asks for each frame's header and body by itself, 77 times a second of audio:
        # each of its calls costs a third of what it does with a window of our own.
        content = shape.prefix + read_at(file, shape.start, shape.end - shape.start)
        with soundfile.SoundFile(io.BytesIO(content)) as sound:
            yield sound
        return
    window = _WindowForC(file, shape.start, shape.end, shape.prefix)
    try:
        with soundfile.SoundFile(window) as sound:
            yield sound
    finally:
        if window.error:
            raise window.error


class _WindowForC(Window):
    """A window for a library that cannot pass on exceptions of its callbacks.

    The first OSError is kept in `error`: a failing disk must not look like a short file.
    """

    error: OSError | None = None
    _ahead = b""  # what was read of the window at once,
    _ahead_at = 0  # and where that begins

    def readinto(self, buffer: memoryview | bytearray, /) -> int:  # type: ignore[override]
        wanted, place = len(buffer), self._position - self._ahead_at
        # mpg123 asks for each frame's header and body by itself: 170 times for 2 s of audio. From
        # memory that takes 0.2 ms of them, with two calls of the system each 0.8.
        if 0 <= place <= len(self._ahead) - wanted:
            buffer[:wanted] = self._ahead[place : place + wanted]
            self._position += wanted
            return wanted
        try:
            if wanted >= _AHEAD:
                return super().readinto(buffer)
            return self._read_ahead(buffer, wanted)
        except OSError as error:
            self.error = self.error or error
            return 0

    def _read_ahead(self, buffer: memoryview | bytearray, wanted: int) -> int:
        self._ahead_at, ahead = self._position, bytearray(_AHEAD)
        count = super().readinto(ahead)
        self._ahead = bytes(ahead[:count])
        some = self._ahead[:wanted]
        buffer[: len(some)] = some
        self._position = self._ahead_at + len(some)
        return len(some)


def _may_be_infinite(shape: Shape) -> bool:
    return shape.format != "wav" or "float" in shape.codec


def _count(sound: soundfile.SoundFile) -> Decoded:
    buffer = np.empty((_BLOCK, sound.channels), dtype="float32")
    frames, is_finite, failure = 0, True, ""
    try:
        while len(block := sound.read(out=buffer)):
            frames += len(block)
            is_finite = is_finite and _is_finite(block)
    except soundfile.LibsndfileError as error:
        failure = error.error_string
    return Decoded(frames, sound.samplerate, sound.channels, is_finite, failure)


def _read(file: BinaryIO, shape: Shape, sound: soundfile.SoundFile) -> Decoded:
    """What decoding integers would come to; the decoder has found their header good."""
    size = shape.end - shape.start
    rest, buffer = size, memoryview(bytearray(min(size, _PIECE)))
    file.seek(shape.start)
    while rest and (count := file.readinto(buffer[:rest])):  # type: ignore[attr-defined]
        rest -= count
    frames = sound.frames * (size - rest) // size
    return Decoded(frames, sound.samplerate, sound.channels, is_finite=True, failure="")


def _is_finite(block: "np.ndarray[tuple[int, ...], np.dtype[np.float32]]") -> bool:
    # A single NaN or infinity shows in the extremes.
    return bool(np.isfinite(block.min()) and np.isfinite(block.max()))
