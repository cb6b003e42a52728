"""One, two or more channels, as one or two.

More than two are mixed down as ITU-R BS.775-3 has it, and lowered so far that they cannot exceed
full scale. Their order is the file format's own: that of the channel mask in WAV, that of the
Vorbis I specification, 4.3.9, in Ogg.
"""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

Samples = npt.NDArray[np.float32]

_HALF = 0.5**0.5
_L, _R, _C, _LFE = (1, 0), (0, 1), (_HALF, _HALF), (0, 0)
_BACK_L, _BACK_R = (_HALF, 0), (0, _HALF)

_Layouts = Mapping[int, tuple[tuple[float, float], ...]]

# The share of each channel in left and right, by how many there are.
_WAV: _Layouts = {
    3: (_L, _R, _C),
    4: (_L, _R, _BACK_L, _BACK_R),
    5: (_L, _R, _C, _BACK_L, _BACK_R),
    6: (_L, _R, _C, _LFE, _BACK_L, _BACK_R),
    7: (_L, _R, _C, _LFE, _C, _BACK_L, _BACK_R),
    8: (_L, _R, _C, _LFE, _BACK_L, _BACK_R, _BACK_L, _BACK_R),
}
_VORBIS: _Layouts = {
    3: (_L, _C, _R),
    4: (_L, _R, _BACK_L, _BACK_R),
    5: (_L, _C, _R, _BACK_L, _BACK_R),
    6: (_L, _C, _R, _BACK_L, _BACK_R, _LFE),
    7: (_L, _C, _R, _BACK_L, _BACK_R, _C, _LFE),
    8: (_L, _C, _R, _BACK_L, _BACK_R, _BACK_L, _BACK_R, _LFE),
}


def matched(samples: Samples, channels: int, audio_format: str) -> Samples:
    """The samples with one or two channels, whatever they had. Mono is as loud in both."""
    there = samples.shape[1]
    if there == channels:
        return samples
    if there == 1:
        return np.repeat(samples, channels, axis=1)
    stereo = samples if there == 2 else samples @ _shares(there, audio_format)
    return stereo if channels == 2 else stereo.mean(axis=1, keepdims=True)


def _shares(channels: int, audio_format: str) -> Samples:
    layouts = _VORBIS if audio_format == "ogg" else _WAV
    shares = np.array(layouts[channels], np.float32)
    normal: Samples = shares / shares.sum(axis=0)
    return normal
