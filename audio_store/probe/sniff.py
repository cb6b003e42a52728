"""Tells the format of a file by its first bytes, whatever its name is."""

from dataclasses import dataclass
from typing import BinaryIO

from audio_store.probe import mpeg_frame
from audio_store.probe.shape import read_at, size_of
from audio_store.probe.trailers import after_leading_tags

# MP3 audio may be preceded by this much of something else, tags not counted.
MOST_JUNK = 8192
_HEAD = 2**13

_MAGIC: tuple[tuple[int, bytes, str], ...] = (
    (0, b"fLaC", "is-flac"),
    (4, b"ftyp", "is-mp4"),
    (0, b"RIFX", "is-big-endian-wav"),
    (0, b"RIFF", "is-riff-other"),
    (0, b"riff\x2e\x91\xcf\x11", "is-wave64"),
    (0, b"FORM", "is-aiff"),
    (0, b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", "is-wma"),
    (0, b"\x1a\x45\xdf\xa3", "is-matroska"),
    (0, b"MThd", "is-midi"),
    (0, b"\x89PNG\r\n", "is-image"),
    (0, b"\xff\xd8\xff", "is-image"),
    (0, b"GIF8", "is-image"),
    (0, b"II*\0", "is-image"),
    (0, b"MM\0*", "is-image"),
    (0, b"%PDF-", "is-pdf"),
    (0, b"PK\x03\x04", "is-archive"),
    (0, b"\x1f\x8b", "is-archive"),
    (0, b"BZh", "is-archive"),
    (0, b"7z\xbc\xaf", "is-archive"),
    (0, b"Rar!", "is-archive"),
    (0, b"\xfd7zXZ\0", "is-archive"),
    (0, b"\xff\xfe", "is-text"),
    (0, b"\xfe\xff", "is-text"),
)
_OGG_CODECS = ((b"\x01vorbis", "ogg"), (b"OpusHead", "is-opus"))
_TEXT_CONTROLS = frozenset(b"\t\n\f\r\x1b")


@dataclass(frozen=True, slots=True)
class Sniffed:
    """`ogg`, `mp3` or `wav`, and where it begins; or else the code of a refusal."""

    what: str
    start: int = 0
    leading: int = 0  # foreign bytes before `start` that are no tag


def sniff(file: BinaryIO) -> Sniffed:
    """Look at the content. Raises nothing but what reading the file raises."""
    end = size_of(file)
    if not end:
        return Sniffed("empty")
    start = after_leading_tags(file, 0, end)
    head = read_at(file, start, _HEAD)
    if what := _container(head):
        return Sniffed(what, start)
    if found := _mpeg(file, start, end):
        return found
    if start:
        return Sniffed("mp3-no-frames")
    return Sniffed(_by_magic(head) or ("is-text" if _is_text(head) else "is-unknown"))


def _container(head: bytes) -> str | None:
    if head[:4] in (b"RIFF", b"RF64", b"BW64") and head[8:12] == b"WAVE":
        return "wav"
    if head[:4] == b"OggS":
        return _ogg_codec(head)
    if head[:4] in (b"fLaC", b"FORM", b"RIFX", b"RIFF") or head[4:8] == b"ftyp":
        return _by_magic(head)
    return None


def _ogg_codec(head: bytes) -> str:
    packet = head[27 + head[26] :] if len(head) > 27 else b""
    for signature, what in _OGG_CODECS:
        if packet.startswith(signature):
            return what
    # Too short to tell, or not the beginning: the walker says that the headers are missing.
    return "is-ogg-other" if len(packet) >= 8 and head[5] & 2 else "ogg"


def _mpeg(file: BinaryIO, start: int, end: int) -> Sniffed | None:
    """A chain of frames that agree, at `start` or soon after."""
    head = read_at(file, start, MOST_JUNK + 4)
    if _is_text(head[:_HEAD]) or _by_magic(head) not in (None, "is-text"):
        return None
    for skipped in mpeg_frame.candidates(head):
        if skipped > MOST_JUNK:
            break
        if header := mpeg_frame.chain(file, start + skipped, end):
            what = {1: "is-mp2", 2: "is-mp2", 3: "mp3"}[header.layer]
            return Sniffed(what, start + skipped, leading=skipped)
    if mpeg_frame.is_adts(head):
        return Sniffed("is-aac")
    if mpeg_frame.is_free_format(head):
        return Sniffed("mp3-free-format")
    return None


def _by_magic(head: bytes) -> str | None:
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "is-image"
    for offset, magic, what in _MAGIC:
        if head.startswith(magic, offset):
            return what
    return None


def _is_text(head: bytes) -> bool:
    return bool(head) and all(byte >= 0x20 or byte in _TEXT_CONTROLS for byte in head)
