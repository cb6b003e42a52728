"""The four-byte header of MPEG audio frames (ISO/IEC 11172-3, 13818-3, and the 2.5 extension).

11111111 111VVLLP BBBBRRpx MMxxxxxx    sync, version, layer, no CRC, bit rate, sample rate,
                                       padding, mode
"""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

from audio_store.probe.shape import read_at

LONGEST_FRAME = 4608
_RATES = (44100, 48000, 32000)
_DIVISOR = {3: 1, 2: 2, 0: 4}  # by version bits: MPEG 1, 2, 2.5
# kbit/s by (is MPEG 1, layer); index 0 is "free", 15 is forbidden.
_BIT_RATES = {
    (True, 1): (32, 64, 96, 128, 160, 192, 224, 256, 288, 320, 352, 384, 416, 448),
    (True, 2): (32, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320, 384),
    (True, 3): (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    (False, 1): (32, 48, 56, 64, 80, 96, 112, 128, 144, 160, 176, 192, 224, 256),
    (False, 2): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
    (False, 3): (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}


@dataclass(frozen=True, slots=True)
class FrameHeader:
    """One frame's header, decoded."""

    version: int  # the two bits: 3 is MPEG 1, 2 is MPEG 2, 0 is MPEG 2.5
    layer: int
    bit_rate: int  # bits a second
    sample_rate: int
    channels: int
    size: int  # bytes, header included

    @property
    def samples(self) -> int:
        """What the frame decodes to, a channel."""
        if self.layer == 1:
            return 384
        return 576 if self.layer == 3 and self.version != 3 else 1152

    @property
    def codec(self) -> str:
        version = {3: "1", 2: "2", 0: "2.5"}[self.version]
        return f"MPEG {version} Layer {'I' * self.layer}"

    @property
    def side_info(self) -> int:
        """Bytes between the header and the main data in layer III."""
        if self.version == 3:
            return 32 if self.channels == 2 else 17
        return 17 if self.channels == 2 else 9

    def continues(self, other: "FrameHeader") -> bool:
        """Whether both may be of one stream."""
        return (self.version, self.layer, self.sample_rate, self.channels) == (
            other.version,
            other.layer,
            other.sample_rate,
            other.channels,
        )


@lru_cache(maxsize=4096)
def parse(head: bytes) -> FrameHeader | None:
    """Decode exactly four bytes; None if they are no header, or of free format."""
    if len(head) != 4 or head[0] != 0xFF or head[1] & 0xE0 != 0xE0:
        return None
    version, layer = head[1] >> 3 & 3, 4 - (head[1] >> 1 & 3)
    bit_rate_index, rate_index = head[2] >> 4, head[2] >> 2 & 3
    if version == 1 or layer == 4 or rate_index == 3 or bit_rate_index in (0, 15):
        return None
    bit_rate = _BIT_RATES[version == 3, layer][bit_rate_index - 1] * 1000
    sample_rate = _RATES[rate_index] // _DIVISOR[version]
    padding = head[2] >> 1 & 1
    return FrameHeader(
        version=version,
        layer=layer,
        bit_rate=bit_rate,
        sample_rate=sample_rate,
        channels=1 if head[3] >> 6 == 3 else 2,
        size=_size(version, layer, bit_rate, sample_rate, padding),
    )


def _size(version: int, layer: int, bit_rate: int, sample_rate: int, padding: int) -> int:
    if layer == 1:
        return (12 * bit_rate // sample_rate + padding) * 4
    slots = 72 if layer == 3 and version != 3 else 144
    return slots * bit_rate // sample_rate + padding


def candidates(block: bytes) -> Iterator[int]:
    """Every offset in `block` where a whole header might be."""
    offset = block.find(0xFF)
    while 0 <= offset <= len(block) - 4:
        if parse(block[offset : offset + 4]):
            yield offset
        offset = block.find(0xFF, offset + 1)


def chain(file: BinaryIO, position: int, end: int, length: int = 3) -> FrameHeader | None:
    """The header at `position`, if `length` frames follow each other, or all up to the end."""
    first = header = parse(read_at(file, position, 4))
    for _ in range(length - 1):
        if first is None or header is None or not header.continues(first):
            return None
        position += header.size
        if position == end:
            return first
        header = parse(read_at(file, position, 4))
    return first if first and header and header.continues(first) else None


def is_adts(head: bytes) -> bool:
    """Whether three AAC frames follow each other (ISO/IEC 14496-3, 1.A.2.2)."""
    position = 0
    for _ in range(3):
        frame = head[position : position + 7]
        if len(frame) < 7 or frame[0] != 0xFF or frame[1] & 0xF6 != 0xF0:
            return False
        position += max(7, (frame[3] & 3) << 11 | frame[4] << 3 | frame[5] >> 5)
    return True


def is_free_format(head: bytes) -> bool:
    """Whether equal layer III headers without a bit rate come at equal distances."""
    if len(head) < 4 or head[0] != 0xFF or head[1] & 0xE6 != 0xE2 or head[2] & 0xF0:
        return False
    if head[1] >> 3 & 3 == 1 or head[2] >> 2 & 3 == 3:
        return False
    second = head.find(head[:2], 4)
    while 0 < second <= LONGEST_FRAME:
        third = head.find(head[:2], second + 4)
        if abs(third - 2 * second) <= 1 and not head[second + 2] & 0xF0:
            return True
        second = head.find(head[:2], second + 1)
    return False
