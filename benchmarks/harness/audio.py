"""Files of audio to measure with."""

import wave
from pathlib import Path

import numpy as np

_FRAMES_AT_ONCE = 2**20
_FRAME_BYTES = 4  # two channels of 16 bits
_HEAD_BYTES = 44


def write_noise(path: Path, size: int, seed: int = 0) -> Path:
    """Write a WAV of very nearly `size` bytes of stereo noise; other seeds, other bytes."""
    generator = np.random.default_rng(seed)
    left = (size - _HEAD_BYTES) // _FRAME_BYTES
    with wave.open(str(path), "wb") as sound:
        sound.setnchannels(2)
        sound.setsampwidth(2)
        sound.setframerate(44100)
        while left > 0:
            frames = min(left, _FRAMES_AT_ONCE)
            samples = generator.integers(-(2**13), 2**13, (frames, 2), dtype=np.int16)
            sound.writeframes(samples.tobytes())
            left -= frames
    return path
