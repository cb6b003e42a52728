"""Walks the frames of an MP3 file and compares them with the header its encoder left."""

from dataclasses import dataclass
from functools import cache
from typing import BinaryIO

from audio_store.probe import mpeg_frame
from audio_store.probe.info_frame import InfoFrame, read_info_frame, synthetic_info_frame
from audio_store.probe.mpeg_frame import FrameHeader
from audio_store.probe.shape import Shape, read_at, size_of
from audio_store.probe.trailers import without_trailing_tags
from audio_store.probe.verdicts import Findings

_BLOCK = 2**20
# libsndfile's decoder withholds this many samples where the encoder's delay is not known.
DECODER_DELAY = 529


@dataclass(frozen=True, slots=True)
class Walked:
    """What the frames told, and where the audio lies, the encoder's header left out."""

    shape: Shape
    info: InfoFrame | None
    music_start: int
    music_end: int


def walk(file: BinaryIO, start: int, findings: Findings) -> Walked | None:
    """Describe the stream whose first frame is at `start`."""
    end = without_trailing_tags(file, start, size_of(file))
    first = mpeg_frame.parse(read_at(file, start, 4))
    if first is None:
        findings.add("mp3-no-frames")
        return None
    info = read_info_frame(read_at(file, start, first.size), first)
    music = start + first.size if info else start
    frames, music_end = _Walker(file, first, end, findings).run(music)
    if info and info.frames:
        _compare(frames, music_end - start, info, findings)
    return Walked(_shape(first, info, frames, (start, music, music_end)), info, music, music_end)


def _compare(frames: int, size: int, info: InfoFrame, findings: Findings) -> None:
    # Some encoders count their own header among the frames, but not among the bytes.
    if frames < info.frames - 1 or (frames < info.frames and size < info.size):
        findings.add("mp3-frames-missing", f"{frames} of {info.frames}")
    elif frames > info.frames:
        findings.add("mp3-joined", f"{frames} instead of {info.frames}")


def _shape(
    first: FrameHeader, info: InfoFrame | None, frames: int, region: tuple[int, int, int]
) -> Shape:
    start, music, end = region
    total = frames * first.samples
    trimmed = info.delay + info.padding if info and info.has_lame else 0
    is_exact = info is not None and info.frames == frames
    return Shape(
        format="mp3",
        codec=first.codec,
        encoder=info.encoder if info else "",
        sample_rate=first.sample_rate,
        channels=first.channels,
        frames=total - trimmed if trimmed < total else total,
        # Without a header that tells the number of frames, or with a wrong one, the decoder
        # would stop at its guess of the length.
        start=start if is_exact else music,
        end=end,
        audio_bytes=end - music,
        prefix=b"" if is_exact else synthetic_info_frame(first, info, frames),
        slack=DECODER_DELAY,
        # A frame decodes to as many samples as any other, to silence if there is nothing else in
        # it. Where one is missing or damaged, the walker has refused the file.
        is_counted=True,
    )


class _Walker:
    """Follows the frames of one stream."""

    def __init__(self, file: BinaryIO, first: FrameHeader, end: int, findings: Findings) -> None:
        self._file = file
        self._first = first
        self._end = end
        self._findings = findings

    def run(self, position: int) -> tuple[int, int]:
        """How many frames there are from `position` on, and where the last one ends."""
        sizes = _Sizes(self._first)
        frames = 0
        audio_end = position
        while position < self._end:
            count, position = sizes.follow(self._file, position, self._end)
            frames += count
            audio_end = position if count else audio_end
            if position >= self._end or self._is_last(position):
                break
            found = self._next_frame(position + 1)
            if found is None:
                self._findings.add("trailing-bytes", f"{self._end - position} bytes")
                break
            self._findings.add("mp3-lost-sync", f"at byte {position}")
            position = found
        return frames, audio_end

    def _is_last(self, position: int) -> bool:
        """Whether nothing more of this stream can follow: cut off, or another stream."""
        rest = self._end - position
        header = mpeg_frame.parse(read_at(self._file, position, 4))
        if header and header.continues(self._first) and header.size > rest:
            self._findings.add("mp3-cut", f"{rest} of {header.size} bytes")
            return True
        changes = header is not None and not header.continues(self._first)
        if changes and mpeg_frame.chain(self._file, position, self._end):
            self._findings.add("mp3-changes", f"at byte {position}")
            return True
        return False

    def _next_frame(self, position: int) -> int | None:
        while position < self._end:
            block = read_at(self._file, position, min(_BLOCK + 3, self._end - position))
            for offset in mpeg_frame.candidates(block):
                header = mpeg_frame.chain(self._file, position + offset, self._end)
                if header and header.layer == self._first.layer:
                    return position + offset
            position += _BLOCK
        return None


class _Sizes:
    """The sizes of frames of one stream by the third byte of their header: the fast way."""

    def __init__(self, first: FrameHeader) -> None:
        self._second = 0xE0 | first.version << 3 | (4 - first.layer) << 1
        self._is_mono = first.channels == 1
        self._sizes = _sizes(first.version, first.layer, first.sample_rate, first.channels)

    def follow(self, file: BinaryIO, position: int, end: int) -> tuple[int, int]:
        """Count the frames that follow each other; say where the next one should have been."""
        count = 0
        sizes, second, is_mono = self._sizes, self._second, self._is_mono
        while True:
            block = read_at(file, position, min(_BLOCK, end - position))
            offset, last = 0, len(block) - 4
            while offset <= last:
                size = sizes[block[offset + 2]]
                if (
                    not size
                    or block[offset] != 0xFF
                    or block[offset + 1] & 0xFE != second
                    or (block[offset + 3] >= 0xC0) != is_mono
                    or position + offset + size > end
                ):
                    return count, position + offset
                offset += size
                count += 1
            if not offset:
                return count, position
            position += offset


@cache
def _sizes(version: int, layer: int, sample_rate: int, channels: int) -> tuple[int, ...]:
    """The sizes by the third byte, 0 where it is of no such stream; 0.3 ms a file less."""
    head = bytes([0xFF, 0xE0 | version << 3 | (4 - layer) << 1])
    mode = 0xC0 if channels == 1 else 0
    headers = (mpeg_frame.parse(head + bytes([third, mode])) for third in range(256))
    return tuple(h.size if h and h.sample_rate == sample_rate else 0 for h in headers)
