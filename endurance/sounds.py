"""The audio that is stored again and again: few sounds, so that equal bytes meet, of many sizes."""

import io
from functools import cache
from hashlib import md5

import numpy as np
import soundfile

_RATE = 8000
# Frames of 2 bytes: mostly jingles, some that take many writes, one that is still being sent when
# something dies.
_FRAMES = (*(2000 + 500 * number for number in range(24)), 60_000, 90_000, 200_000, 900_000)
COUNT = len(_FRAMES)


@cache
def sound(number: int) -> bytes:
    """A WAV file."""
    noise = np.random.default_rng(number).integers(-3000, 3000, _FRAMES[number], dtype=np.int16)
    file = io.BytesIO()
    soundfile.write(file, noise, _RATE, subtype="PCM_16", format="WAV")
    return file.getvalue()


@cache
def digest(number: int) -> str:
    """Its MD5, in hex digits."""
    return md5(sound(number), usedforsecurity=False).hexdigest()


@cache
def by_digest() -> dict[str, bytes]:
    """All of them."""
    return {digest(number): sound(number) for number in range(COUNT)}
