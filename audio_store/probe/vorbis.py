"""A second opinion on Ogg Vorbis: libvorbisfile through PyOgg, where the machine has it.

Only PyOgg's low-level calls are used. Its classes splice stale memory into damaged audio, and any
code that reads on after an error other than a hole can die of SIGFPE within libvorbis.
"""

import ctypes
import sys
from dataclasses import dataclass
from typing import Any

_BUFFER = 2**16
_HOLE = -3  # OV_HOLE: some packets are missing; the only error after which reading may go on
_MOST_HOLES = 1000


@dataclass(frozen=True, slots=True)
class SecondOpinion:
    """What libvorbisfile found."""

    frames: int
    holes: int
    streams: int
    failure: int  # the code that ended the reading; 0 at the end of the file


def available() -> bool:
    """Whether PyOgg is there, and the libraries it needs."""
    return _pyogg() is not None


def count(path: bytes) -> SecondOpinion | None:
    """Decode the file to its end; None without libraries, or if it cannot be opened."""
    vorbis = _pyogg()
    if vorbis is None:
        return None
    file = vorbis.OggVorbis_File()
    reference = ctypes.byref(file)
    if vorbis.libvorbisfile.ov_fopen(path, reference):
        return None
    try:
        return _read(vorbis, reference, file)
    finally:
        vorbis.libvorbisfile.ov_clear(reference)


def _read(vorbis: Any, reference: Any, file: Any) -> SecondOpinion:
    channels = vorbis.libvorbisfile.ov_info(reference, -1).contents.channels
    streams = vorbis.libvorbisfile.ov_streams(reference)
    buffer = ctypes.create_string_buffer(_BUFFER)
    link = ctypes.c_int()
    ov_read = vorbis.libvorbisfile.ov_read
    size = holes = 0
    while holes < _MOST_HOLES:
        got = ov_read(reference, buffer, _BUFFER, 0, 2, 1, ctypes.byref(link))
        if got > 0:
            size += got
        elif got == _HOLE:
            holes += 1
        else:
            return SecondOpinion(size // (2 * channels), holes, streams, got)
    return SecondOpinion(size // (2 * channels), holes, streams, _HOLE)


def _pyogg() -> Any:
    try:
        from pyogg import PYOGG_VORBIS_FILE_AVAIL, vorbis
    except Exception:  # noqa: BLE001 - whatever is wrong with an optional helper
        return None
    return vorbis if PYOGG_VORBIS_FILE_AVAIL else None


if __name__ == "__main__":
    sys.exit(0 if available() else 1)
