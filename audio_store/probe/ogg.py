"""Walks the pages of an Ogg file that holds one Vorbis stream (RFC 3533, Vorbis I).

page:   OggS  version (1)  flags (1)  granule (8)  serial (4)  sequence (4)  CRC (4)
        segment count (1)  lacing values  body
granule: samples a channel up to the last packet that ends on the page; -1 if none does
"""

import io
import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import BinaryIO

from audio_store.probe.shape import Shape, find_in, size_of
from audio_store.probe.trailers import without_trailing_tags
from audio_store.probe.verdicts import Findings
from audio_store.probe.vorbis_packets import PacketCount
from audio_store.probe.window import Window

_HEADER = struct.Struct("<4sBBqIIIB")
_IDENTIFICATION = struct.Struct("<7sIBIiiiBB")
_CONTINUED, _FIRST, _LAST = 1, 2, 4
# Ogg's CRC is zlib's on bytes, and result, with their bits reversed.
_REVERSED = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))


@dataclass(frozen=True, slots=True)
class Page:
    """One page, or what is left of it."""

    start: int
    end: int
    flags: int
    granule: int
    serial: int
    sequence: int
    is_intact: bool
    packets: int  # that end on it
    lacing: bytes
    body: bytes


def walk(file: BinaryIO, start: int, findings: Findings) -> Shape | None:
    """Describe the stream that begins at `start`; None if it is not Vorbis, or headless."""
    end = without_trailing_tags(file, start, size_of(file))
    stream = _Stream(findings)
    position = start
    for page in _pages(file, start, end, findings):
        stream.take(page)
        position = page.end
    if position < end:
        _add_rest(end - position, stream, findings)
    return stream.shape(start, position)


def checksum(page: bytes) -> int:
    """The CRC of a page whose CRC field is zero (RFC 3533, 6)."""
    crc = zlib.crc32(page.translate(_REVERSED), 0xFFFFFFFF) ^ 0xFFFFFFFF
    return int(f"{crc:032b}"[::-1], 2)


def _pages(file: BinaryIO, start: int, end: int, findings: Findings) -> Iterator[Page]:
    reader = io.BufferedReader(Window(file, 0, end), 2**18)
    position = start
    while position < end:
        reader.seek(position)
        while page := _read_page(reader, position, end):
            yield page
            position = page.end
        found = find_in(file, b"OggS", position + 1, end)
        if found is None:
            return
        findings.add("ogg-junk", f"at byte {position}")
        position = found


def _read_page(reader: BinaryIO, position: int, end: int) -> Page | None:
    """The page at `position`, or None if there is none, or not all of it."""
    header = reader.read(_HEADER.size)
    if len(header) < _HEADER.size or not header.startswith(b"OggS\0"):
        return None
    _, _, flags, granule, serial, sequence, crc, segments = _HEADER.unpack(header)
    lacing = reader.read(segments)
    body = reader.read(sum(lacing))
    page_end = position + len(header) + segments + sum(lacing)
    if page_end > end or len(body) < sum(lacing):
        return None
    found = checksum(header[:22] + b"\0\0\0\0" + header[26:] + lacing + body)
    return Page(
        start=position,
        end=page_end,
        flags=flags,
        granule=granule,
        serial=serial,
        sequence=sequence,
        is_intact=found == crc,
        packets=len(lacing) - lacing.count(255),
        lacing=lacing,
        body=body,
    )


def _add_rest(size: int, stream: "_Stream", findings: Findings) -> None:
    if stream.is_ended:
        findings.add("trailing-bytes", f"{size} bytes")
    else:
        findings.add("ogg-no-end", f"the last {size} bytes are no whole page")


class _Stream:
    """Follows the pages of the stream and keeps what they tell."""

    def __init__(self, findings: Findings) -> None:
        self.is_ended = False
        self._findings = findings
        self._serial: int | None = None
        self._sequence = 0
        self._granule = 0
        self._packets = 0
        self._first_audio: tuple[int, int] | None = None  # granule, packets
        self._identification: tuple[int, int, int] | None = None  # channels, rate, long block
        self._vendor = ""
        self._count: PacketCount | None = None

    def take(self, page: Page) -> None:
        if not page.is_intact:
            self._findings.add("ogg-checksum", f"the page at byte {page.start}")
        if self._serial is None:
            self._begin(page)
        elif page.serial != self._serial or page.flags & _FIRST:
            self._add_foreign(page)
            return
        elif self.is_ended:
            self._findings.add("ogg-after-end", f"at byte {page.start}")
            return
        self._follow(page)

    def _begin(self, page: Page) -> None:
        self._serial, self._sequence = page.serial, page.sequence
        if len(page.body) >= 30 and page.body.startswith(b"\x01vorbis"):
            _, _, channels, rate, _, _, _, blocks, _ = _IDENTIFICATION.unpack_from(page.body)
            self._identification = channels, rate, 1 << (blocks >> 4)
            self._count = PacketCount(blocks)

    def _add_foreign(self, page: Page) -> None:
        code = "ogg-chained" if page.flags & _FIRST and self._granule else "ogg-multiplexed"
        self._findings.add(code, f"at byte {page.start}")

    def _follow(self, page: Page) -> None:
        if page.sequence != self._sequence:
            self._findings.add(
                "ogg-gap", f"page {page.sequence} instead of {self._sequence} at byte {page.start}"
            )
        self._sequence = (page.sequence + 1) & 0xFFFFFFFF
        self.is_ended = bool(page.flags & _LAST)
        if page.body.startswith(b"\x03vorbis") and not self._vendor:
            size = int.from_bytes(page.body[7:11], "little")
            self._vendor = page.body[11 : 11 + min(size, 200)].decode("utf-8", "replace")
        if self._count:
            self._count.take(
                page.lacing,
                page.body,
                page.granule,
                goes_on=bool(page.flags & _CONTINUED),
                ends=self.is_ended,
            )
        self._measure(page)

    def _measure(self, page: Page) -> None:
        if page.granule < -1 or (page.granule != -1 and page.granule < self._granule):
            self._findings.add("ogg-granule", f"{page.granule} at byte {page.start}")
        elif page.granule != -1:
            self._granule = page.granule
        if self._first_audio is None and self._packets >= 3 and page.granule > 0:
            self._first_audio = page.granule, page.packets
        self._packets += page.packets

    def shape(self, start: int, end: int) -> Shape | None:
        if self._identification is None or self._packets < 3:
            self._findings.add("ogg-headers")
            return None
        if not self.is_ended:
            self._findings.add("ogg-no-end")
        channels, rate, _ = self._identification
        if not rate or not channels:
            self._findings.add("channels-out-of-range" if rate else "rate-out-of-range", "0")
            return None
        return Shape(
            format="ogg",
            codec="Vorbis",
            encoder=self._vendor,
            sample_rate=rate,
            channels=channels,
            frames=self._granule - self._late_start(),
            start=start,
            end=end,
            audio_bytes=end - start,
            is_counted=self._count is not None and self._count.agrees,
        )

    def _late_start(self) -> int:
        """The position of the first sample, where it must be more than zero."""
        assert self._identification is not None  # the caller looked
        if self._first_audio is None:
            return 0
        granule, packets = self._first_audio
        # A packet yields at most half a long block, the first one of a stream nothing.
        late = granule - packets * self._identification[2] // 2
        if late <= 0:
            return 0
        self._findings.add("ogg-starts-late", f"at sample {late} or later")
        return late
