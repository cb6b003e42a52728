"""Playlists as extended M3U, for players (LiveSupport storage protocol, 7.4)."""

import re
from collections.abc import Iterable

from archive_server.errors import BadDocument
from archive_server.model.tracks import Track

_HEADER = "#EXTM3U"
_INFO = re.compile(r"#EXTINF:\s*(-?[0-9]{1,9})(?:\.[0-9]*)?[^,]*(?:,\s*(.*))?", re.DOTALL)
_LINE_ENDS = re.compile(r"[\r\n\x0b\x0c\x1c-\x1e\x85\u2028\u2029]+")
_MOST = 20_000  # lines


def write(tracks: Iterable[Track]) -> str:
    """An M3U that plays these, one after the other; lengths are in whole seconds."""
    lines = [_HEADER]
    for track in tracks:
        seconds = -1 if track.length_us is None else -(-track.length_us // 1_000_000)
        lines += [f"#EXTINF: {seconds}, {_in_a_line(track.title)}", _in_a_line(track.source)]
    return "\n".join([*lines, ""])


def read(text: str | bytes, *, largest: int) -> list[Track]:
    """What an M3U plays. Raises BadDocument."""
    if len(text) > largest:
        raise BadDocument(f"the M3U has more than {largest} bytes")
    lines = _text(text).splitlines()
    if len(lines) > _MOST:
        raise BadDocument(f"the M3U has more than {_MOST} lines")
    tracks = []
    title, length_us = "", None
    for line in map(str.strip, lines):
        if info := _INFO.fullmatch(line):
            title, length_us = (info[2] or "").strip(), _length_us(info[1])
        elif line and not line.startswith("#"):
            tracks.append(Track(line, title, length_us=length_us))
            title, length_us = "", None
    return tracks


def _length_us(seconds: str) -> int | None:
    return None if seconds.startswith("-") else int(seconds) * 1_000_000


def _in_a_line(text: str) -> str:
    return _LINE_ENDS.sub(" ", text).strip()


def _text(text: str | bytes) -> str:
    if isinstance(text, str):
        return text
    try:
        return text.decode("utf-8-sig")
    except UnicodeDecodeError:
        return text.decode("latin-1")  # what M3U was before
