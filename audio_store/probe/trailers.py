"""Tags before and after the audio that belong to no container: ID3, APE, Lyrics3.

Sources: id3.org (ID3v1, ID3v2.4 structure 3.1 and 3.4), the APEv2 and Lyrics3 v2.00 specifications.
"""

from typing import BinaryIO

from audio_store.probe.shape import read_at

_MOST_TAGS = 16


def id3_size(head: bytes) -> int:
    """The size of the ID3v2 tag that begins with these ten bytes; 0 if none does."""
    if len(head) < 10 or head[:3] != b"ID3" or head[3] == 0xFF or head[4] == 0xFF:
        return 0
    if any(byte & 0x80 for byte in head[6:10]):
        return 0
    size = synchsafe(head[6:10]) + 10
    return size + 10 if head[5] & 0x10 else size


def synchsafe(number: bytes) -> int:
    """A number of which each byte carries seven bits."""
    value = 0
    for byte in number:
        value = value << 7 | (byte & 0x7F)
    return value


def after_leading_tags(file: BinaryIO, start: int, end: int) -> int:
    """Where the ID3v2 tags at `start` end."""
    position = start
    for _ in range(_MOST_TAGS):
        size = id3_size(read_at(file, position, 10))
        if not size or position + size > end:
            break
        position += size
    return position


def without_trailing_tags(file: BinaryIO, start: int, end: int) -> int:
    """Where the tags at the end of [start, end) begin."""
    for _ in range(_MOST_TAGS):
        size = _trailing_size(file, start, end)
        if not 0 < size <= end - start:
            break
        end -= size
    return end


def _trailing_size(file: BinaryIO, start: int, end: int) -> int:
    tail_start = max(start, end - 128)
    tail = read_at(file, tail_start, end - tail_start)
    if len(tail) == 128 and tail.startswith(b"TAG"):
        return 128
    if tail[-32:-24] == b"APETAGEX":
        # The size counts the footer, but not the header, which is there if bit 31 is set.
        return int.from_bytes(tail[-20:-16], "little") + (32 if tail[-9] & 0x80 else 0)
    if tail.endswith(b"LYRICS200") and tail[-15:-9].isdigit():
        return int(tail[-15:-9]) + 15
    if tail[-10:-7] == b"3DI":
        return synchsafe(tail[-4:]) + 20
    return 0
