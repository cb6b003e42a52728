"""Looks at an ID3v2 tag before the tag library does: small files can hold monstrous tags.

A compressed frame of 54 kB is enough to keep the library busy for more than a minute.
Source: id3.org, ID3v2.2, ID3v2.3.0 and ID3v2.4.0 structure.
"""

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from audio_store.probe.shape import read_at
from audio_store.probe.trailers import id3_size, synchsafe
from audio_store.probe.verdicts import Findings

LARGEST_TAG = 16 * 2**20
LARGEST_INFLATED = 2**20
MOST_FRAMES = 4096


@dataclass(frozen=True, slots=True)
class _Layout:
    """How frames look in one version of ID3v2."""

    id_size: int
    head_size: int
    compressed: int  # the bit in the frame's second flag byte
    extra: int  # bytes before the compressed content


_LAYOUTS = {2: _Layout(3, 6, 0, 0), 3: _Layout(4, 10, 0x80, 4), 4: _Layout(4, 10, 0x08, 0)}


def guard(file: BinaryIO, start: int, findings: Findings) -> None:
    """Refuse the tags at `start` (several may follow each other) if they are monstrous."""
    while size := id3_size(read_at(file, start, 10)):
        if size > LARGEST_TAG:
            findings.add("id3-too-large", f"{size} bytes")
            return
        _guard_frames(read_at(file, start, size), findings)
        start += size


def _guard_frames(tag: bytes, findings: Findings) -> None:
    inflated = 0
    for count, (content, is_compressed) in enumerate(_frames(tag), 1):
        if is_compressed:
            inflated += _inflated_size(content)
        if inflated > LARGEST_INFLATED:
            findings.add("id3-compressed")
            return
        if count > MOST_FRAMES:
            findings.add("tags-unreadable", f"more than {MOST_FRAMES} frames")
            return


def _frames(tag: bytes) -> Iterator[tuple[bytes, bool]]:
    """The content of each frame, and whether it is compressed."""
    layout = _LAYOUTS.get(tag[3])
    if layout is None:
        return
    body = tag[10:]
    if tag[5] & 0x80 and tag[3] < 4:
        body = _resynchronised(body)
    position = _extended_header_size(body, tag[3]) if tag[5] & 0x40 else 0
    while position + layout.head_size < len(body) and body[position]:
        head = body[position : position + layout.head_size]
        size = _frame_size(head, tag[3])
        content = body[position + layout.head_size : position + layout.head_size + size]
        is_compressed = layout.compressed != 0 and bool(head[9] & layout.compressed)
        yield _packed(content, head, tag, layout) if is_compressed else content, is_compressed
        position += layout.head_size + size


def _packed(content: bytes, head: bytes, tag: bytes, layout: _Layout) -> bytes:
    """What zlib is given of a compressed frame."""
    if tag[3] == 4:
        if head[9] & 0x01:  # a data length indicator
            content = content[4:]
        if head[9] & 0x02 or tag[5] & 0x80:
            content = _resynchronised(content)
    return content[layout.extra :]


def _frame_size(head: bytes, version: int) -> int:
    if version == 4:
        return synchsafe(head[4:8])
    return int.from_bytes(head[3:6] if version == 2 else head[4:8], "big")


def _extended_header_size(body: bytes, version: int) -> int:
    return synchsafe(body[:4]) if version == 4 else int.from_bytes(body[:4], "big") + 4


def _resynchronised(content: bytes) -> bytes:
    return content.replace(b"\xff\0", b"\xff")


def _inflated_size(content: bytes) -> int:
    """How large the content becomes, as far as that matters."""
    inflater = zlib.decompressobj()
    try:
        return len(inflater.decompress(content, LARGEST_INFLATED + 1))
    except zlib.error:
        return 0
