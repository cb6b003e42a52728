"""Changes the sample rate of a stream, block by block.

A windowed sinc (Kaiser), evaluated at the exact time of each output frame: output frame `n` lies
at `n * M / L` input frames, where `L / M` is the ratio of the rates in lowest terms. So nothing
drifts, nothing is delayed, and blocks have no borders that could be heard. Frames are computed in
groups: a group is one product of the input around it with a matrix of the filter's values, and
where the group is a multiple of `L`, all groups have the same matrix.

J. O. Smith, "Digital Audio Resampling"; Kaiser's formulas: Oppenheim and Schafer, 7.5.3.
"""

import math
from collections.abc import Callable
from functools import cache

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]
Read = Callable[[int], Samples]

# Zero crossings on each side, and the window: about 100 dB down from the lower of both Nyquist
# frequencies on, flat to 90 % of it (19.8 kHz at 44.1 kHz).
_CROSSINGS = 64
_BETA = 10.0
_CUTOFF = 0.95
_STEPS = 4096  # of the table between two crossings; the error of straight lines is below -140 dB
_GROUP = 128  # output frames, at least
_LARGEST_MATRIX = 2**22  # numbers; 16 MB


class Resampler:
    """Gives the frames of a stream at another rate; beyond its end the stream is silent."""

    def __init__(self, read: Read, from_rate: int, to_rate: int, channels: int) -> None:
        """`read` gives so many frames, one row a frame."""
        divisor = math.gcd(from_rate, to_rate)
        self._up, self._down = to_rate // divisor, from_rate // divisor
        self._read_more = read
        scale = min(1.0, self._up / self._down)  # downwards the filter gets wider
        self._half = math.ceil(_CROSSINGS / scale)
        self._scale = scale
        self._group = self._group_size()
        self._span = self._group * self._down // self._up + 2 * self._half + 1
        self._matrices: dict[int, Samples] = {}
        self._table = _table()
        # One row a channel; the column of input frame 0 comes after the filter's first half.
        self._input = np.zeros((channels, self._half - 1), np.float32)
        self._input_start = 1 - self._half
        self._next = 0  # the output frame that the next group begins with
        self._made = np.empty((0, channels), np.float32)

    def read(self, frames: int) -> Samples:
        """The next frames."""
        missing = frames - len(self._made)
        if missing > 0:
            groups = -(-missing // self._group)
            self._made = np.concatenate([self._made, *(self._make(groups))])
        given, self._made = self._made[:frames], self._made[frames:]
        return given

    def _group_size(self) -> int:
        same = self._up * -(-_GROUP // self._up)
        span = same * self._down // self._up + 2 * self._half + 1
        return same if same * span <= _LARGEST_MATRIX else _GROUP

    def _make(self, groups: int) -> list[Samples]:
        if self._group % self._up == 0:
            return [self._make_alike(groups)]
        return [self._make_one() for _ in range(groups)]

    def _make_alike(self, groups: int) -> Samples:
        """Groups that all begin on an input frame, in a single product."""
        step = self._group * self._down // self._up
        channels = len(self._input)
        view = self._window(groups * step - step + self._span)
        windows = np.lib.stride_tricks.sliding_window_view(view, self._span, axis=1)[:, ::step]
        made = windows[:, :groups].reshape(-1, self._span) @ self._matrix(0)
        self._advance(groups)
        return made.reshape(channels, groups * self._group).T

    def _make_one(self) -> Samples:
        phase = self._next * self._down % self._up
        made = self._window(self._span) @ self._matrix(phase)
        self._advance(1)
        return made.T

    def _window(self, frames: int) -> Samples:
        """So much input, from the first that the next group needs."""
        missing = frames - self._input.shape[1]
        if missing > 0:
            more = self._read_more(missing)
            self._input = np.concatenate([self._input, more.T], axis=1)
        return self._input[:, :frames]

    def _advance(self, groups: int) -> None:
        self._next += groups * self._group
        start = self._next * self._down // self._up - self._half + 1
        self._input = self._input[:, start - self._input_start :]
        self._input_start = start

    def _matrix(self, phase: int) -> Samples:
        """What each input frame of the window counts for each output frame of the group."""
        if phase not in self._matrices:
            self._matrices.clear()  # where there are several, each is needed once in a long while
            self._matrices[phase] = self._computed_matrix(phase)
        return self._matrices[phase]

    def _computed_matrix(self, phase: int) -> Samples:
        places = phase + np.arange(self._group, dtype=np.int64) * self._down
        first = places // self._up  # the input frame at or before each output frame
        after = (places % self._up) / self._up
        taps = np.arange(2 * self._half)
        times = np.abs(taps - (self._half - 1) - after[:, np.newaxis]) * self._scale
        values = _looked_up(self._table, times * _STEPS)
        values /= values.sum(axis=1, keepdims=True)  # a constant stays what it is
        matrix = np.zeros((self._span, self._group), np.float32)
        matrix[first[:, np.newaxis] + taps, np.arange(self._group)[:, np.newaxis]] = values
        return matrix


def _looked_up(
    table: npt.NDArray[np.float64], places: npt.NDArray[np.float64]
) -> npt.NDArray[np.float64]:
    """Values of the table, on straight lines between its entries; 0 beyond its end."""
    before = np.minimum(places.astype(np.int64), len(table) - 2)
    low = table[before]
    found: npt.NDArray[np.float64] = low + (table[before + 1] - low) * (places - before)
    found[places >= len(table) - 1] = 0.0
    return found


@cache
def _table() -> npt.NDArray[np.float64]:
    """The filter's values on one side, from its middle outwards, `_STEPS` a crossing."""
    times = np.arange(_CROSSINGS * _STEPS + 1) / _STEPS
    window = np.i0(_BETA * np.sqrt(1 - (times / _CROSSINGS) ** 2)) / np.i0(_BETA)
    values: npt.NDArray[np.float64] = np.sinc(_CUTOFF * times) * window
    return values
