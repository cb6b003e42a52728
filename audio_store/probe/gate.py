"""Judges one file: what it is, whether it is whole, how long it is.

The steps, each only if the one before left something to judge: sniff, walk, check the numbers,
decode and count as far as the walk leaves a doubt, ask the second decoder where it could differ.
AUDIO policy: what is missing or foreign is refused, what is odd but whole is accepted with a
warning.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import PurePath
from typing import BinaryIO

from audio_store.probe import mpeg, ogg, vorbis, wave
from audio_store.probe.crc import crc16_of
from audio_store.probe.decode import Decoded, begin, decode
from audio_store.probe.id3_guard import guard
from audio_store.probe.report import Facts, Limits, Report
from audio_store.probe.shape import Shape, read_at
from audio_store.probe.sniff import sniff
from audio_store.probe.verdicts import Findings

_TEXT_CHECKED = 2**20
_HEAD = 2**13
_LONE_LINE_FEED = re.compile(rb"(?<!\r)\n")
# Fewer line feeds than this may all follow a carriage return by chance.
_FEWEST_LINE_FEEDS = 8
_SHORT_US = 50_000
_GRANULE_TOLERANCE_S = 1
_LOWEST_RATE, _HIGHEST_RATE, _MOST_CHANNELS = 4_000, 384_000, 8
_EXTENSIONS = {
    "ogg": ("ogg", "oga"),
    "mp3": ("mp3", "mpga", "mpeg", "mpg"),
    "wav": ("wav", "wave", "bwf", "rf64", "bw64"),
}
_OTHER_FAMILIES = (
    "aac ac3 aif aiff ape flac m4a m4b mid midi mka mp2 mpc opus ra rm spx voc w64 wma wv",
    "asf avi mkv mov mp4 ogv webm wmv",
    "bmp doc gif htm html jpeg jpg m3u m3u8 pdf pls png txt xml zip",
)
_KNOWN_EXTENSIONS = frozenset(name for family in _OTHER_FAMILIES for name in family.split()).union(
    *_EXTENSIONS.values()
)


@dataclass(frozen=True, slots=True)
class Judgement:
    """The verdict, and the shape that the tags are to be read by (None: do not read them)."""

    report: Report
    shape: Shape | None


def judge(
    file: BinaryIO,
    *,
    file_name: str,
    findings: Findings,
    limits: Limits,
    announce: Callable[[float], None],
) -> Judgement:
    """Judge an open file; `announce` is told its length in seconds before it is decoded.

    Raises OSError if the file cannot be read, MemoryError if it takes too much.
    """
    shape = walk(file, findings)
    facts = None
    if shape:
        _check_name(file_name, shape.format, findings)
        _check_numbers(shape, limits, findings)
        facts = _facts(shape, shape.frames)
    if shape and not findings.refusals:
        announce(shape.duration_s)
        facts = _listen(file, shape, findings)
    report = Report(findings.refusals, findings.warnings, facts)
    return Judgement(report, None if findings.refusals else shape)


def walk(file: BinaryIO, findings: Findings) -> Shape | None:
    """Find which bytes of a file are audio, and how much they promise; None: no audio we know."""
    sniffed = sniff(file)
    if sniffed.what not in _EXTENSIONS:
        findings.add(sniffed.what)
        return None
    _check_transfer(file, findings)
    guard(file, 0, findings)
    if sniffed.leading:
        findings.add("leading-bytes", f"{sniffed.leading} bytes")
    if sniffed.what == "ogg":
        return ogg.walk(file, sniffed.start, findings)
    if sniffed.what == "mp3":
        return _walk_mp3(file, sniffed.start, findings)
    shape = wave.walk(file, findings)
    for chunk in shape.chunks if shape else ():
        if chunk.id in (b"id3 ", b"ID3 "):
            guard(file, chunk.start, findings)
    return shape


def _walk_mp3(file: BinaryIO, start: int, findings: Findings) -> Shape | None:
    walked = mpeg.walk(file, start, findings)
    if walked is None:
        return None
    if walked.info and walked.info.music_crc is not None and not findings.refusals:
        crc = crc16_of(file, walked.music_start, walked.music_end)
        if crc != walked.info.music_crc:
            findings.add("mp3-checksum")
    return walked.shape


def _check_transfer(file: BinaryIO, findings: Findings) -> None:
    """A transfer in text mode puts a carriage return before every line feed."""
    # One that has none is nearly always among the first; to count them all takes 0.4 ms.
    if _LONE_LINE_FEED.search(read_at(file, 0, _HEAD)):
        return
    head = read_at(file, 0, _TEXT_CHECKED)
    if head.count(b"\n") >= _FEWEST_LINE_FEEDS and not _LONE_LINE_FEED.search(head):
        findings.add("ascii-mode")


def _check_name(file_name: str, what: str, findings: Findings) -> None:
    extension = PurePath(file_name).suffix.lower().removeprefix(".")
    if extension in _KNOWN_EXTENSIONS and extension not in _EXTENSIONS[what]:
        findings.add("name-differs", f"it is {what}")


def _check_numbers(shape: Shape, limits: Limits, findings: Findings) -> None:
    if not _LOWEST_RATE <= shape.sample_rate <= _HIGHEST_RATE:
        findings.add("rate-out-of-range", f"{shape.sample_rate} Hz")
    if not 1 <= shape.channels <= _MOST_CHANNELS:
        findings.add("channels-out-of-range", str(shape.channels))
    if shape.duration_s > limits.longest_s:
        findings.add("too-long", f"{shape.duration_s / 3600:.1f} hours")


def _listen(file: BinaryIO, shape: Shape, findings: Findings) -> Facts | None:
    decoded = _decoded(file, shape, findings)
    if decoded is None:
        findings.add("undecodable")
        return None
    if not decoded.frames:
        findings.add("no-sound")
        return None
    if not decoded.is_finite:
        findings.add("not-finite")
    # Where every packet is accounted for, the second decoder can come to no other count: libvorbis
    # refuses a packet for its first byte only, and holes are gaps that the walker has refused.
    agreed = shape.is_counted and decoded.frames == shape.frames and not decoded.failure
    if shape.format == "ogg" and not findings.overruled and not agreed:
        _ask_again(file, decoded, findings)
    facts = _facts(shape, _agreed_length(shape, decoded, findings))
    if facts.duration_us < _SHORT_US:
        findings.add("very-short")
    return facts


_NOTHING = Decoded(frames=0, sample_rate=0, channels=0, is_finite=True, failure="")


def _decoded(file: BinaryIO, shape: Shape, findings: Findings) -> Decoded | None:
    """What the decoder makes of it; it need not go to the end where the end is certain."""
    if shape.end <= shape.start:
        return _NOTHING
    if shape.is_counted and not findings.overruled:
        begun = begin(file, shape)
        if begun and begun.is_finite and _confirms(begun, shape):
            return begun
    return decode(file, shape)


def _confirms(decoded: Decoded, shape: Shape) -> bool:
    same_form = (decoded.sample_rate, decoded.channels) == (shape.sample_rate, shape.channels)
    missing = shape.frames - decoded.frames
    return 0 <= missing <= shape.slack and same_form and not decoded.failure


def _agreed_length(shape: Shape, decoded: Decoded, findings: Findings) -> int:
    """How many frames there are: what the container promises, if the decoder confirms it."""
    if _confirms(decoded, shape):
        return shape.frames
    if findings.overruled:
        # A file that is known to be damaged may well decode to another length.
        return decoded.frames
    missing = shape.frames - decoded.frames
    detail = f"{decoded.frames} instead of {shape.frames} samples"
    if decoded.failure:
        findings.add("decode-failed", decoded.failure)
    elif shape.format == "ogg" and abs(missing) <= _GRANULE_TOLERANCE_S * shape.sample_rate:
        findings.add("ogg-length-differs", detail)
    else:
        findings.add("decode-differs", detail)
    return decoded.frames


def _ask_again(file: BinaryIO, decoded: Decoded, findings: Findings) -> None:
    opinion = vorbis.count(file)
    if opinion is None:
        return
    if opinion.holes or opinion.failure:
        findings.add("ogg-hole", f"{opinion.holes} holes, code {opinion.failure}")
    if opinion.frames != decoded.frames:
        findings.add("decoders-differ", f"{opinion.frames} and {decoded.frames} samples")


def _facts(shape: Shape, frames: int) -> Facts:
    # A duration can be zero only in a file that is refused.
    return Facts(
        format=shape.format,
        codec=shape.codec,
        encoder=shape.encoder,
        frames=frames,
        sample_rate=shape.sample_rate,
        channels=shape.channels,
        duration_us=round(frames * 1_000_000 / shape.sample_rate),
        bit_rate=round(shape.audio_bytes * 8 * shape.sample_rate / frames) if frames else 0,
    )
