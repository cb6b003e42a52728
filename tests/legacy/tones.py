"""Audio to be stored: tones, as WAV files."""

import io
import math
import wave
from array import array

_RATE = 8000


def tone(hertz: float, seconds: float) -> bytes:
    """A tone, mono, 16 bits, 8000 Hz."""
    samples = array(
        "h",
        (
            round(9000 * math.sin(2 * math.pi * hertz * n / _RATE))
            for n in range(round(_RATE * seconds))
        ),
    )
    file = io.BytesIO()
    with wave.open(file, "wb") as writer:
        writer.setnchannels(1)
        writer.setsampwidth(2)
        writer.setframerate(_RATE)
        writer.writeframes(samples.tobytes())
    return file.getvalue()
