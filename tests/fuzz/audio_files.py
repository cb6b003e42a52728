"""Files that may be audio, judged in this process by what is written in Python."""

import io

from audio_store.probe import codes
from audio_store.probe.gate import walk
from audio_store.probe.id3_guard import LARGEST_INFLATED, LARGEST_TAG
from audio_store.probe.shape import Shape
from audio_store.probe.tags import read_tags
from audio_store.probe.verdicts import Findings
from fuzz.costs import in_memory, in_time

_MEMORY, _FACTOR = 64 * 2**20, 20

TOKENS = (
    b"RIFF", b"RF64", b"BW64", b"WAVE", b"fmt ", b"data", b"ds64", b"LIST", b"INFO", b"id3 ",
    b"fact", b"OggS\0", b"\x01vorbis", b"\x03vorbis", b"\x05vorbis", b"OpusHead", b"ID3\x03\0",
    b"ID3\x04\0", b"TAG", b"APETAGEX", b"LYRICS200", b"3DI", b"Xing", b"Info", b"LAME3.100",
    b"VBRI", b"\xff\xfb\x90\x44", b"\xff\xf3\x40\xc0", b"\xff\xff\xff\xff", b"\0\0\0\0",
    b"\xff\xff\xff\x7f", b"TIT2", b"TXXX", b"COMM", b"APIC", b"\xfe\xff", b"\x01\0", b"\x03\0",
    b"\x10\0", b"\x20\0", b"fLaC", b"ftyp",
)  # fmt: skip


def fuzz_one(data: bytes) -> None:
    """Find out what a file is, how long, and what it says of itself."""
    findings = Findings()
    file = io.BytesIO(data)
    with in_time(len(data)), in_memory(_MEMORY + _FACTOR * len(data)):
        shape = walk(file, findings)
    assert all(remark.code in codes() for remark in (*findings.refusals, *findings.warnings))
    if shape is None:
        assert findings.refusals, "what is not understood is refused"
        return
    _check_shape(shape, len(data))
    if not findings.refusals and not {"tags-unreadable"} & {r.code for r in findings.warnings}:
        _read_tags(file, len(data), shape)


def _check_shape(shape: Shape, size: int) -> None:
    assert shape.format in ("ogg", "mp3", "wav")
    assert 0 <= shape.start <= shape.end <= size
    assert 0 <= shape.audio_bytes <= size
    assert shape.sample_rate > 0
    assert shape.channels > 0
    assert shape.duration_s >= 0
    assert shape.encoder.encode("utf-8", "replace") is not None
    assert all(0 <= chunk.start <= chunk.start + chunk.size for chunk in shape.chunks)


def _read_tags(file: io.BytesIO, size: int, shape: Shape) -> None:
    """The library may raise what it likes; but it must not take long, nor give what breaks us."""
    with in_time(size), in_memory(_MEMORY + _FACTOR * size + 4 * (LARGEST_TAG + LARGEST_INFLATED)):
        try:
            tags = read_tags(file, size, shape)
        except Exception:  # noqa: BLE001 - as the worker does
            return
    for name, values in tags.items():
        assert name
        assert all(value and "\0" not in value and value.encode() for value in values)
