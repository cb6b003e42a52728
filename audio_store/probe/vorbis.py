"""A second opinion on Ogg Vorbis: libvorbisfile through PyOgg, where the machine has it.

Only PyOgg's low-level calls are used. Its classes splice stale memory into damaged audio, and any
code that reads on after an error other than a hole can die of SIGFPE within libvorbis.
"""

import ctypes
import os
import sys
from dataclasses import dataclass
from typing import Any, BinaryIO

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


def count(file: BinaryIO) -> SecondOpinion | None:
    """Decode a file from its start to its end; None without libraries, or if they see no Vorbis."""
    vorbis = _pyogg()
    if vorbis is None:
        return None
    stream = _stream(file)
    opened = vorbis.OggVorbis_File()
    reference = ctypes.byref(opened)
    if vorbis.libvorbisfile.ov_open(stream, reference, None, 0):
        ctypes.CDLL(None).fclose(stream)
        return None
    try:
        return _read(vorbis, reference, opened)
    finally:
        vorbis.libvorbisfile.ov_clear(reference)  # and closes the stream


def _stream(file: BinaryIO) -> ctypes.c_void_p:
    """The file, as the C library has it. A worker has no right to open it by a path."""
    descriptor = os.dup(file.fileno())
    os.lseek(descriptor, 0, os.SEEK_SET)
    fdopen = ctypes.CDLL(None).fdopen
    fdopen.restype = ctypes.c_void_p
    return ctypes.c_void_p(fdopen(descriptor, b"rb"))


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
