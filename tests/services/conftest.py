"""Small sounds: short WAV files, each of other bytes."""

import io
import math
import struct
import wave

import pytest


def sound(seconds: float = 0.5, hertz: float = 440) -> bytes:
    """A tone as a WAV file."""
    rate = 8000
    samples = (
        int(10_000 * math.sin(2 * math.pi * hertz * n / rate)) for n in range(int(seconds * rate))
    )
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(rate)
        writer.writeframes(b"".join(struct.pack("<h", sample) for sample in samples))
    return file.getvalue()


@pytest.fixture(scope="session")
def high() -> bytes:
    """A high tone of half a second."""
    return sound(0.5, 880)


@pytest.fixture(scope="session")
def low() -> bytes:
    """A low tone of three quarters of a second."""
    return sound(0.75, 220)
