"""Reads what a file says about itself, by neutral names.

The names, and where they come from (ID3v2 frame, Vorbis comment, RIFF INFO chunk) are the tables
below. Values are texts as found, stripped; except for `track` and `disc`, which are the number
alone ("7/12" and "12/7" are 7), `year`, which is four digits, and `rating`, 0 to 255.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, BinaryIO

import mutagen.id3
import mutagen.oggvorbis

from audio_store.probe.shape import Chunk, Shape, read_at
from audio_store.probe.window import Window

Tags = dict[str, tuple[str, ...]]

MOST_VALUES = 64
LONGEST_VALUE = 2**14
MOST_TEXT = 2**19
_LARGEST_INFO = 2**20

_ID3 = {
    "TIT2": "title",
    "TPE1": "artist",
    "TALB": "album",
    "TCON": "genre",
    "COMM": "comment",
    "TCOM": "composer",
    "TENC": "encoded_by",
    "TRCK": "track",
    "TDRC": "date",
    "TDRL": "date",
    "TDOR": "original_date",
    "TBPM": "bpm",
    "POPM": "rating",
    "TPOS": "disc",
    "TMOO": "mood",
    "TPUB": "publisher",
    "TSSE": "encoder",
    "TPE2": "orchestra",
    "TPE3": "conductor",
    "TEXT": "lyricist",
    "TOLY": "original_lyricist",
    "TRSN": "radio_station",
    "TSRC": "isrc",
    "TOPE": "original_artist",
    "TCOP": "copyright",
    "TLAN": "language",
    "TIT1": "grouping",
    "TIT3": "subtitle",
    "USLT": "lyrics",
    "WOAF": "audio_file_url",
    "WOAR": "artist_url",
    "WOAS": "audio_source_url",
    "WORS": "radio_station_url",
    "WPAY": "buy_url",
    "WXXX": "url",
}
_VORBIS = {
    "title": "title",
    "artist": "artist",
    "album": "album",
    "genre": "genre",
    "description": "comment",
    "comment": "comment",
    "composer": "composer",
    "encoded-by": "encoded_by",
    "encoded_by": "encoded_by",
    "encodedby": "encoded_by",
    "tracknumber": "track",
    "date": "date",
    "year": "date",
    "originaldate": "original_date",
    "bpm": "bpm",
    "rating": "rating",
    "discnumber": "disc",
    "mood": "mood",
    "publisher": "publisher",
    "organization": "publisher",
    "label": "publisher",
    "encoder": "encoder",
    "ensemble": "orchestra",
    "orchestra": "orchestra",
    "albumartist": "orchestra",
    "conductor": "conductor",
    "lyricist": "lyricist",
    "original lyricist": "original_lyricist",
    "radiostationname": "radio_station",
    "isrc": "isrc",
    "original artist": "original_artist",
    "originalartist": "original_artist",
    "copyright": "copyright",
    "license": "copyright",
    "language": "language",
    "grouping": "grouping",
    "subtitle": "subtitle",
    "version": "subtitle",
    "lyrics": "lyrics",
    "contact": "url",
    "website": "url",
}
_RIFF = {
    b"INAM": "title",
    b"IART": "artist",
    b"IPRD": "album",
    b"IGNR": "genre",
    b"ICMT": "comment",
    b"IMUS": "composer",
    b"IENG": "encoded_by",
    b"ITCH": "encoded_by",
    b"ITRK": "track",
    b"IPRT": "track",
    b"ICRD": "date",
    b"ISFT": "encoder",
    b"IPUB": "publisher",
    b"IWRI": "lyricist",
    b"ISRC": "publisher",
    b"ICOP": "copyright",
    b"ILNG": "language",
    b"ISBJ": "subtitle",
    b"IBSU": "url",
}
_NUMBERS = re.compile(r"\d{1,9}")
_YEAR = re.compile(r"(?<!\d)\d{4}(?!\d)")


def read_tags(file: BinaryIO, size: int, shape: Shape) -> Tags:
    """Read the tags of a whole file of `size` bytes.

    Raises whatever the tag library does: it is not made for hostile files.
    """
    return _collect(_pairs(file, size, shape))


def names() -> frozenset[str]:
    """Every neutral name there is."""
    return frozenset((*_ID3.values(), *_VORBIS.values(), *_RIFF.values(), "year"))


def _pairs(file: BinaryIO, size: int, shape: Shape) -> Iterator[tuple[str, str]]:
    if shape.format == "ogg":
        comments: Any = mutagen.oggvorbis.OggVorbis(Window(file, shape.start, size)).tags
        for key, value in comments:
            if key.lower() in _VORBIS:
                yield _VORBIS[key.lower()], value
    elif shape.format == "mp3":
        yield from _id3(Window(file, 0, size))
    else:
        for chunk in shape.chunks:
            if chunk.id in (b"id3 ", b"ID3 "):
                yield from _id3(Window(file, chunk.start, chunk.start + chunk.size))
        for chunk in shape.chunks:
            if chunk.id == b"LIST":
                yield from _info(read_at(file, chunk.start, min(chunk.size, _LARGEST_INFO)))


def _id3(tag: Window) -> Iterator[tuple[str, str]]:
    try:
        frames = mutagen.id3.ID3(tag)
    except mutagen.id3.ID3NoHeaderError:
        return
    for frame in frames.values():
        name = _ID3.get(frame.FrameID)
        if name and not _is_private(frame):
            yield from ((name, text) for text in _texts(frame))


def _is_private(frame: Any) -> bool:
    """Whether a comment is a program's note to itself (iTunNORM and its like)."""
    return frame.FrameID == "COMM" and bool(frame.desc.startswith("iTun"))


def _texts(frame: Any) -> Iterable[str]:
    if frame.FrameID == "TCON":
        return [str(genre) for genre in frame.genres]
    if frame.FrameID == "POPM":
        return [str(frame.rating)]
    if frame.FrameID.startswith("W"):
        return [frame.url]
    if isinstance(frame.text, str):
        return [frame.text]
    return [str(text) for text in frame.text]


def _info(content: bytes) -> Iterator[tuple[str, str]]:
    """The texts of a LIST chunk of type INFO."""
    if content[:4] != b"INFO":
        return
    for chunk in _sub_chunks(content):
        if chunk.id in _RIFF:
            text = content[chunk.start : chunk.start + chunk.size].split(b"\0")[0]
            yield _RIFF[chunk.id], _decoded(text)


def _sub_chunks(content: bytes) -> Iterator[Chunk]:
    position = 4
    while position + 8 <= len(content):
        size = int.from_bytes(content[position + 4 : position + 8], "little")
        yield Chunk(content[position : position + 4], position + 8, size)
        position += 8 + size + size % 2


def _decoded(text: bytes) -> str:
    """The standard says nothing of character sets: UTF-8 if it can be, else Windows'."""
    try:
        return text.decode()
    except UnicodeDecodeError:
        return text.decode("cp1252", "replace")


def _collect(pairs: Iterable[tuple[str, str]]) -> Tags:
    found: dict[str, list[str]] = {}
    room = MOST_TEXT
    for name, text in pairs:
        value = _clean(name, text)
        values = found.setdefault(name, [])
        if value and value not in values and len(values) < MOST_VALUES and len(value) <= room:
            values.append(value)
            room -= len(value)
    if years := [match[0] for date in found.get("date", ()) if (match := _YEAR.search(date))]:
        found["year"] = years[:1]
    return {name: tuple(values) for name, values in found.items() if values}


def _clean(name: str, text: str) -> str:
    # Lone surrogates and NULs cannot be kept in a database, nor be written as XML.
    text = text.replace("\0", " ").encode("utf-8", "replace").decode()[:LONGEST_VALUE].strip()
    if name in ("track", "disc"):
        numbers = [int(number) for number in _NUMBERS.findall(text)]
        return str(min(numbers)) if numbers else ""
    return text


def as_json(tags: Tags) -> Mapping[str, list[str]]:
    return {name: list(values) for name, values in tags.items()}
