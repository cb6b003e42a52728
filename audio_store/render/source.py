"""The sound of one part, read from its file in the form of the mix."""

from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import BinaryIO

import numpy as np
import numpy.typing as npt
import soundfile

from audio_store.probe.decode import opened
from audio_store.probe.gate import walk
from audio_store.probe.shape import Shape
from audio_store.probe.verdicts import Findings
from audio_store.render.channels import matched
from audio_store.render.mix import Mix, Part, frames_of
from audio_store.render.resample import Resampler

Samples = npt.NDArray[np.float32]

_SKIPPED = 2**16  # frames decoded and dropped in one go


class Unreadable(Exception):
    """The file is no audio, or its decoder gives up."""


class Source:
    """A file that is being read from where its part begins. Beyond its end there is silence."""

    def __init__(self, part: Part, mix: Mix, tick: Callable[[], None]) -> None:
        """Open the file and go to the part's start; `tick` is called while that takes time.

        Raises Unreadable, OSError.
        """
        self._channels = mix.channels
        self._is_over = False
        with ExitStack() as stack:
            file = stack.enter_context(Path(part.path).open("rb", buffering=0))
            shape = _shape_of(file)
            try:
                self._sound = stack.enter_context(opened(file, shape))
            except soundfile.LibsndfileError as error:
                raise Unreadable(error.error_string) from error
            self._format = shape.format
            # Of an MP3 without a header the decoder drops the first frames; they were silent,
            # and everything has its place behind them.
            self._silence = max(0, shape.frames - self._sound.frames) if shape.slack else 0
            self._go_to(frames_of(part.from_us, self._sound.samplerate), tick)
            self._stack = stack.pop_all()
        rate = self._sound.samplerate
        self._resampler: Resampler | None = (
            Resampler(self._read, rate, mix.sample_rate, mix.channels)
            if rate != mix.sample_rate
            else None
        )

    def read(self, frames: int) -> Samples:
        """The next frames, in the form of the mix. Raises Unreadable, OSError."""
        return self._resampler.read(frames) if self._resampler else self._read(frames)

    def close(self) -> None:
        self._resampler = None  # it refers to us: its matrix would stay until it is collected
        self._stack.close()

    def _go_to(self, frame: int, tick: Callable[[], None]) -> None:
        """Only in PCM is every frame where one expects it; all else is decoded to be exact."""
        if self._format == "wav":
            self._sound.seek(min(frame, self._sound.frames))
            return
        while frame > 0 and not self._is_over:
            frame -= len(self._decoded(min(frame, _SKIPPED)))
            tick()

    def _read(self, frames: int) -> Samples:
        """The next frames at the file's own rate."""
        pieces = []
        while frames and not self._is_over:
            pieces.append(self._decoded(frames))
            frames -= len(pieces[-1])
        sound = matched(np.concatenate(pieces), self._channels, self._format) if pieces else None
        if not frames and sound is not None:
            return sound
        silence = np.zeros((frames, self._channels), np.float32)
        return silence if sound is None else np.concatenate([sound, silence])

    def _decoded(self, frames: int) -> Samples:
        """Some of the next frames, with the file's channels; none at its end, or no number."""
        if self._silence:
            frames = min(frames, self._silence)
            self._silence -= frames
            return np.zeros((frames, self._sound.channels), np.float32)
        try:
            block: Samples = self._sound.read(frames, dtype="float32", always_2d=True)
        except soundfile.LibsndfileError as error:
            raise Unreadable(error.error_string) from error
        self._is_over = not len(block)
        if not np.isfinite(block).all():
            np.nan_to_num(block, copy=False, nan=0.0, posinf=0.0, neginf=0.0)
        return block


def _shape_of(file: BinaryIO) -> Shape:
    shape = walk(file, Findings())
    if shape is None or shape.end <= shape.start:
        raise Unreadable("there is no audio in it")
    return shape
