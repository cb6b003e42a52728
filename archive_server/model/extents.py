"""Durations as the metadata documents write them (dcterms:extent, livesupport-protocol 5.2)."""

import re

from archive_server.errors import BadDocument

# Audio clips may leave out hours, minutes and the fraction, and count any number of seconds.
_CLIP = re.compile(r"(?:(?:([0-9]{1,2}):)?([0-9]{1,2}):)?([0-9]{1,20})(?:\.([0-9]{1,6}))?")
_STRICT = re.compile(r"([0-9]{2}):([0-9]{2}):([0-9]{2})\.([0-9]{6})")


def is_extent(text: str, *, strict: bool = False) -> bool:
    """Whether `text` is a duration; `strict` is the form of playlists and webstreams."""
    return (_STRICT if strict else _CLIP).fullmatch(text) is not None


def extent_us(text: str) -> int:
    """The microseconds `text` stands for. Raises BadDocument."""
    match = _CLIP.fullmatch(text)
    if match is None:
        raise BadDocument("dcterms:extent: a duration like 00:03:25.000000 expected")
    hours, minutes, seconds, fraction = match.groups()
    whole = (int(hours or 0) * 60 + int(minutes or 0)) * 60 + int(seconds)
    return whole * 1_000_000 + int((fraction or "").ljust(6, "0"))


def extent_text(duration_us: int) -> str:
    """A duration in the strict form, `HH:MM:SS.ffffff`; from 100 hours on with more digits."""
    seconds, fraction = divmod(duration_us, 1_000_000)
    minutes, seconds = divmod(seconds, 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}:{seconds:02}.{fraction:06}"
