"""Makes the audio beside it again: `python -m archive_server.sample.make`. Needs nothing new.

Every file is as long as its document says, to the sample: the MP3s tell the encoder's delay and
padding in their first frame. They are small because they are mono, of a low sample rate, and
mostly silent: a short beep every few seconds shows how far one has come.
"""

from pathlib import Path

import numpy as np
import soundfile

_BEEP_S = 0.1
_BLOCK = 8192  # frames: a long block in one piece overruns the stack of the Vorbis encoder

# File name, seconds, Hz of the file, Hz of its beeps, seconds from beep to beep.
_FILES = (
    ("test10001.mp3", 11.0, 8000, 440, 1),
    ("test10002.mp3", 12.2, 8000, 550, 1),
    ("test10003.mp3", 11.5, 8000, 660, 1),
    ("ex1.mp3", 3.0, 8000, 770, 1),
    ("ex2.ogg", 600.0, 8000, 880, 10),
    ("ex3.wav", 60.0, 4000, 990, 5),
)
_FORMATS: dict[str, dict[str, object]] = {
    ".mp3": {
        "format": "MP3",
        "subtype": "MPEG_LAYER_III",
        # At a constant rate as low as this the first frame has no room for delay and padding.
        "bitrate_mode": "VARIABLE",
        "compression_level": 0.9,
    },
    ".ogg": {"format": "OGG", "subtype": "VORBIS", "compression_level": 1.0},
    ".wav": {"format": "WAV", "subtype": "PCM_U8"},
}


def make(directory: Path) -> None:
    """Write every file into a directory."""
    for name, seconds, sample_rate, beep_hz, every_s in _FILES:
        frames = round(seconds * sample_rate)
        time = np.arange(frames) / sample_rate
        samples = np.sin(2 * np.pi * beep_hz * time) / 4 * (time % every_s < _BEEP_S)
        path = directory / name
        how = _FORMATS[path.suffix]
        with soundfile.SoundFile(path, "w", sample_rate, 1, **how) as file:
            for start in range(0, frames, _BLOCK):
                file.write(samples[start : start + _BLOCK])


if __name__ == "__main__":
    make(Path(__file__).parent)
