"""Sums up parts, block by block, in a memory that does not grow with their length.

A sweep over the mix: a part is opened when its first frame comes, and closed after its last.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import numpy as np
import numpy.typing as npt

from audio_store.render.levels import fade, guard
from audio_store.render.mix import Mix, Part, frames_of
from audio_store.render.source import Source, Unreadable

Samples = npt.NDArray[np.float32]

BLOCK = 8192  # frames; many more in one go overrun the stack of the Vorbis encoder


class PartFailed(Exception):
    """The file of a part cannot be read; `number` is its place in the mix, from 0."""

    def __init__(self, number: int, text: str) -> None:
        super().__init__(text)
        self.number = number


def mixed(mix: Mix, tick: Callable[[], None]) -> Iterator[Samples]:
    """The blocks of a mix, one after the other. Raises PartFailed.

    `tick` is called every now and then while a block takes long.
    """
    waiting = [_Playing(number, part, mix) for number, part in enumerate(mix.parts)]
    waiting = [part for part in waiting if part.start < part.stop]
    waiting.sort(key=lambda part: part.start, reverse=True)
    playing: list[_Playing] = []
    with ExitStack() as stack:
        for start in range(0, mix.frames, BLOCK):
            stop = min(start + BLOCK, mix.frames)
            while waiting and waiting[-1].start < stop:
                playing.append(waiting.pop())
                stack.callback(playing[-1].close)
                playing[-1].open(tick)
            yield _block(playing, start, stop, mix)
            for part in [part for part in playing if part.stop <= stop]:
                playing.remove(part)
                part.close()


def _block(playing: "list[_Playing]", start: int, stop: int, mix: Mix) -> Samples:
    block = np.zeros((stop - start, mix.channels), np.float32)
    voices = np.zeros(stop - start, np.int32)
    for part in playing:
        first, last = max(part.start, start), min(part.stop, stop)
        heard = slice(first - start, last - start)
        block[heard] += part.read(first, last)
        voices[heard] += 1
    guard(block, voices > 1)
    return block


class _Playing:
    """A part, from its first to its last frame."""

    def __init__(self, number: int, part: Part, mix: Mix) -> None:
        self.start = frames_of(part.at_us, mix.sample_rate)
        self.stop = min(self.start + frames_of(part.length_us, mix.sample_rate), mix.frames)
        self._number = number
        self._part = part
        self._mix = mix
        self._source: Source | None = None

    def open(self, tick: Callable[[], None]) -> None:
        try:
            self._source = Source(self._part, self._mix, tick)
        except (Unreadable, OSError) as error:
            raise self._failed(error) from error

    def read(self, start: int, stop: int) -> Samples:
        """Its frames [start, stop) of the mix, with its fades."""
        assert self._source is not None, "parts are opened before they are read"
        try:
            samples = np.array(self._source.read(stop - start))  # ours to change
        except (Unreadable, OSError) as error:
            raise self._failed(error) from error
        for level in self._part.fades:
            fade(samples, level, start, self._mix.sample_rate)
        return samples

    def close(self) -> None:
        source, self._source = self._source, None  # it is of some size, and the mix may be long
        if source is not None:
            source.close()

    def _failed(self, error: Exception) -> PartFailed:
        text = error.strerror or "it cannot be read" if isinstance(error, OSError) else str(error)
        return PartFailed(self._number, text)
