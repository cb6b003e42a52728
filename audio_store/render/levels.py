"""Levels: fades, and what keeps overlapping parts within full scale."""

import numpy as np
import numpy.typing as npt

from audio_store.render.mix import SECOND_US, Fade, frames_of

Samples = npt.NDArray[np.float32]

_KNEE = np.float32(0.89)  # -1 dB: below it nothing is changed


def fade(samples: Samples, fade: Fade, start: int, sample_rate: int) -> None:
    """Apply a fade to samples, in place, of which the first is frame `start` of the mix."""
    first, last = frames_of(fade.start_us, sample_rate), frames_of(fade.end_us, sample_rate)
    rise = fade.in_us * sample_rate / SECOND_US
    fall = fade.out_us * sample_rate / SECOND_US
    if rise and start < first + rise:
        _multiply(samples, (_frames(samples, start) - first) / rise)
    if fall and start + len(samples) > last - fall:
        _multiply(samples, (last - _frames(samples, start)) / fall)


def guard(samples: Samples, several: npt.NDArray[np.bool_]) -> None:
    """Bend peaks so that they stay within full scale, in place, where several parts sound.

    Each frame by itself: what sounds alone, before or after, is not touched, and a block's
    border cannot be heard.
    """
    peaks = several[:, np.newaxis] & (np.abs(samples) > _KNEE)
    if not peaks.any():
        return
    loud = samples[peaks]
    room = 1 - _KNEE
    bent = _KNEE + room * np.tanh((np.abs(loud) - _KNEE) / room)
    samples[peaks] = np.copysign(bent, loud)


def _frames(samples: Samples, start: int) -> npt.NDArray[np.float64]:
    return np.arange(start, start + len(samples), dtype=np.float64)


def _multiply(samples: Samples, levels: npt.NDArray[np.float64]) -> None:
    samples *= np.clip(levels, 0, 1).astype(np.float32)[:, np.newaxis]
