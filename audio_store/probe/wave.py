"""Walks the chunks of a WAV file (RIFF, and RF64/BW64 for more than 4 GiB).

Sources: Microsoft "Multimedia Programming Interface 1.0", EBU Tech 3306 (RF64), ITU-R BS.2088.

    RIFF  size  WAVE  { id  size  content  [pad] } ...
    ds64: riff size (8)  data size (8)  sample count (8)  table
    fmt : tag (2)  channels (2)  rate (4)  byte rate (4)  block align (2)  bits (2)  ...
"""

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from audio_store.probe.shape import Chunk, Shape, read_at, size_of
from audio_store.probe.verdicts import Findings

MOST_CHUNKS = 4096
_PLACEHOLDER = 0xFFFFFFFF
# What programs write who cannot seek back to fill in the length (sox, and older ones).
_OPEN_ENDED = 0x7FFFF000
_FORMAT = struct.Struct("<HHIIHH")
_DS64 = struct.Struct("<QQ")
_PCM, _FLOAT, _ALAW, _ULAW, _EXTENSIBLE = 1, 3, 6, 7, 0xFFFE
# The last 14 bytes of the sub-format GUID that wraps a classic tag.
_GUID_TAIL = bytes.fromhex("000000001000800000aa00389b71")
_BITS = {
    _PCM: range(1, 33),
    _FLOAT: (32, 64),
    _ALAW: (8,),
    _ULAW: (8,),
}


@dataclass(frozen=True, slots=True)
class _Format:
    tag: int
    channels: int
    sample_rate: int
    byte_rate: int
    block_align: int
    bits: int

    @property
    def codec(self) -> str:
        names = {_PCM: "PCM", _FLOAT: "PCM float", _ALAW: "G.711 A-law", _ULAW: "G.711 u-law"}
        return f"{names[self.tag]} {self.bits} bit"


def walk(file: BinaryIO, findings: Findings) -> Shape | None:
    """Describe the file; None if nothing can be measured on it."""
    end = size_of(file)
    head = read_at(file, 0, 12)
    declared = _Declared(file, head)
    chunks = tuple(_chunks(file, end, declared, findings))
    form = _format(file, chunks, findings)
    data = next((chunk for chunk in chunks if chunk.id == b"data"), None)
    if data is None:
        findings.add("wav-no-data")
    if form is None or data is None:
        return None
    if "wav-size-unknown" not in findings and "wav-truncated" not in findings:
        _check_riff_size(declared.riff_size, chunks, end, findings)
    if data.size % form.block_align:
        findings.add("wav-partial-frame")
    frames = data.size // form.block_align
    return Shape(
        format="wav",
        codec=form.codec,
        encoder="",
        sample_rate=form.sample_rate,
        channels=form.channels,
        frames=frames,
        start=data.start,
        end=data.start + frames * form.block_align,
        audio_bytes=data.size,
        prefix=_canonical_header(file, chunks, frames * form.block_align),
        chunks=chunks,
    )


class _Declared:
    """The sizes in the header: of the whole, and of the data chunk where it is 64 bits."""

    def __init__(self, file: BinaryIO, head: bytes) -> None:
        self.riff_size: int = int.from_bytes(head[4:8], "little")
        self.data_size: int | None = None
        first = read_at(file, 12, 24)
        if head[:4] != b"RIFF" and first[:4] == b"ds64" and len(first) == 24:
            self.riff_size, self.data_size = _DS64.unpack_from(first, 8)


def _chunks(file: BinaryIO, end: int, declared: _Declared, findings: Findings) -> Iterator[Chunk]:
    """Every chunk; the size of the data chunk is what is really there."""
    position = 12
    has_data = False
    count = 0
    while position + 8 <= end:
        head = read_at(file, position, 8)
        if not _is_id(head[:4]) and position % 2 == 0 and has_data:
            # Perhaps the writer forgot the pad byte of the odd chunk before.
            early = read_at(file, position - 1, 8)
            if _is_id(early[:4]) and _fits(early, position - 1, end):
                findings.add("wav-no-padding")
                position, head = position - 1, early
        if not _is_id(head[:4]):
            _add_foreign_bytes(position, end, declared, has_data, findings)
            return
        count += 1
        if count > MOST_CHUNKS:
            findings.add("wav-many-chunks")
            return
        chunk = Chunk(head[:4], position + 8, int.from_bytes(head[4:], "little"))
        if chunk.id == b"data":
            if has_data:
                findings.add("wav-garbage", f"a second data chunk at byte {position}")
                return
            has_data = True
            chunk = _data_chunk(file, chunk, end, declared, findings)
        elif chunk.start + chunk.size > end:
            findings.add(
                "wav-chunk-cut" if has_data else "wav-garbage",
                f"the chunk at byte {position} goes beyond the end",
            )
            return
        yield chunk
        position = chunk.start + chunk.size + chunk.size % 2
    if position < end:
        findings.add("trailing-bytes", f"{end - position} bytes")


def _data_chunk(
    file: BinaryIO, chunk: Chunk, end: int, declared: _Declared, findings: Findings
) -> Chunk:
    rest = end - chunk.start
    size = chunk.size
    if size == _PLACEHOLDER and declared.data_size is not None:
        size = declared.data_size
        unknown = size in (0, 2**64 - 1) and rest > 0
    else:
        unknown = size == _PLACEHOLDER or (size >= _OPEN_ENDED and size > rest)
        if size == 0 and rest >= 8:
            unknown = not _is_id(read_at(file, chunk.start, 4))
        elif size == 0:
            unknown = rest > 0
    if unknown:
        findings.add("wav-size-unknown")
    elif size > rest:
        findings.add("wav-truncated", f"{rest} of {size} bytes are there")
    return Chunk(chunk.id, chunk.start, rest if unknown else min(size, rest))


def _add_foreign_bytes(
    position: int, end: int, declared: _Declared, has_data: bool, findings: Findings
) -> None:
    """What is no chunk is garbage inside of the RIFF, and a trailer after it."""
    inside = position < min(8 + declared.riff_size, end)
    if inside or not has_data:
        findings.add("wav-garbage", f"at byte {position}")
    else:
        findings.add("trailing-bytes", f"{end - position} bytes")


def _is_id(text: bytes) -> bool:
    return len(text) == 4 and all(0x20 <= byte < 0x7F for byte in text)


def _fits(head: bytes, position: int, end: int) -> bool:
    return position + 8 + int.from_bytes(head[4:8], "little") <= end


def _format(file: BinaryIO, chunks: tuple[Chunk, ...], findings: Findings) -> _Format | None:
    ids = [chunk.id for chunk in chunks]
    before_data = ids[: ids.index(b"data")] if b"data" in ids else ids
    if b"fmt " not in before_data:
        findings.add("wav-no-format")
        return None
    chunk = chunks[ids.index(b"fmt ")]
    content = read_at(file, chunk.start, min(chunk.size, 40))
    if len(content) < _FORMAT.size:
        findings.add("wav-no-format", f"it has {len(content)} bytes")
        return None
    form = _Format(*_FORMAT.unpack_from(content))
    if form.tag == _EXTENSIBLE and content[26:40] == _GUID_TAIL:
        form = _Format(int.from_bytes(content[24:26], "little"), *_FORMAT.unpack_from(content)[1:])
    return form if _is_sane(form, findings) else None


def _is_sane(form: _Format, findings: Findings) -> bool:
    if form.tag not in _BITS:
        findings.add("wav-codec", f"format tag 0x{form.tag:04x}")
        return False
    align = form.channels * ((form.bits + 7) // 8)
    if form.bits not in _BITS[form.tag] or (form.block_align != align and form.channels):
        findings.add(
            "wav-format",
            f"{form.bits} bits, {form.channels} channels, {form.block_align} bytes a frame",
        )
        return False
    if form.byte_rate != form.sample_rate * form.block_align:
        findings.add("wav-byte-rate", str(form.byte_rate))
    if not form.channels:
        findings.add("channels-out-of-range", "0")
        return False
    if not form.sample_rate:
        findings.add("rate-out-of-range", "0 Hz")
        return False
    return True


def _check_riff_size(
    declared: int, chunks: tuple[Chunk, ...], end: int, findings: Findings
) -> None:
    last = chunks[-1].start + chunks[-1].size
    # The pad byte of the last chunk may be left out, and left uncounted.
    if not last <= 8 + declared <= end and 8 + declared not in (last, last + last % 2):
        findings.add("wav-riff-size", f"{declared} instead of {end - 8}")


def _canonical_header(file: BinaryIO, chunks: tuple[Chunk, ...], size: int) -> bytes:
    """A header as the decoder likes it best: the sizes are what was found."""
    chunk = next(chunk for chunk in chunks if chunk.id == b"fmt ")
    content = read_at(file, chunk.start, min(chunk.size, 40))
    content += b"\0" * (len(content) % 2)
    form = b"fmt " + len(content).to_bytes(4, "little") + content
    if size + len(form) + 20 < _PLACEHOLDER:
        riff = struct.pack("<4sI4s", b"RIFF", 4 + len(form) + 8 + size, b"WAVE")
        return riff + form + struct.pack("<4sI", b"data", size)
    ds64 = struct.pack("<4sIQQQI", b"ds64", 28, 4 + 36 + len(form) + 8 + size, size, 0, 0)
    riff = struct.pack("<4sI4s", b"RF64", _PLACEHOLDER, b"WAVE")
    return riff + ds64 + form + struct.pack("<4sI", b"data", _PLACEHOLDER)
