"""Headers that choose what of a file is sent, against a slow reading of RFC 9110, 13 and 14.

An input is lines: the Range header, Content-Range, the file's name, and then conditions, each after
its name. Before them stand two bytes that say how large the file is.
"""

import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import Message
from itertools import pairwise

from archive_server.http.heads import head
from archive_server.http.ranges import MOST_RANGES, requested_ranges, sent_range
from archive_server.http.representations import Representation
from archive_server.http.selection import SELECTING, Selection, select
from fuzz.costs import in_time

_MODIFIED = datetime(2026, 11, 22, 6, tzinfo=UTC)
_SHA256 = bytes(32)
_TAG = f'"{_SHA256.hex()}"'
_BOUNDARY = "a-boundary-nobody-guesses"
_BODY = bytes(range(256)) * 256

TOKENS = (
    b"bytes=", b"bytes ", b"-", b",", b"/*", b"0-0", b"-1", b"0-", b"0-499,-1", b'W/"', b"*", b"\n",
    _TAG.encode(), b"Sun, 22 Nov 2026 06:00:00 GMT", b"Sunday, 22-Nov-26 06:00:00 GMT",
    b"Sun Nov 22 06:00:00 2026", b"99999999999999999999",
    *(name.encode() + b":" for name in sorted(SELECTING)),
)  # fmt: skip


def fuzz_one(data: bytes) -> None:
    """Choose what of a file is sent, and look whether that is what was asked for."""
    size = int.from_bytes(data[:2], "big")
    lines = data[2:].decode("latin-1").split("\n")
    ranges, content_range, file_name, *conditions = [*lines, "", "", ""]
    with in_time(len(data)):
        parts = requested_ranges(ranges, size)
        sent = sent_range(content_range)
    assert_as_rfc_9110(ranges, size, parts)
    if sent is not None:
        part, total = sent
        assert 0 <= part.start < part.stop
        assert total is None or part.stop <= total
    pairs = (line.partition(":") for line in conditions)
    headers = {name: value for name, _, value in pairs if name in SELECTING}
    for is_fixed in (True, False):
        shown = Representation(
            "audio/x-wav", "wav", file_name, size, _SHA256, _MODIFIED, is_fixed, True
        )
        with in_time(len(data)):
            selection = select("GET", headers | {"range": ranges}, shown, lambda: _BOUNDARY)
        _check_selection(selection, size, parts, headers)


def assert_as_rfc_9110(header: str, size: int, parts: tuple[range, ...] | None) -> None:
    """Assert that parts are what a Range header asks for."""
    wanted = _read_slowly(header, size)
    if parts is None:
        assert wanted is None or not size or len(wanted) > 1, "a single range is heeded"
        return
    assert wanted is not None, "what is malformed is ignored"
    assert size, "an empty file has no parts"
    assert len(wanted) <= MOST_RANGES
    places = {place for part in wanted for place in part}
    assert {place for part in parts for place in part} == places
    assert sum(map(len, parts)) == len(places), "no byte is sent twice"
    ordered = sorted(parts, key=lambda part: part.start)
    for one, other in pairwise(ordered):
        assert one.stop < other.start, "what touches is joined"
    first_asked = [min(n for n, each in enumerate(wanted) if each and each.start in part)
                   for part in parts]  # fmt: skip
    assert first_asked == sorted(first_asked), "parts come in the order they were asked for"


def _read_slowly(header: str, size: int) -> list[range] | None:
    """What each range stands for, by the grammar of RFC 9110, 14.1; None: it is not in it.

    White space around the unit is passed over, as the archive does; a strict reader would not.
    """
    unit, equals, ranges = header.partition("=")
    if unit.strip().lower() != "bytes" or not equals:
        return None
    specs = [spec.strip(" \t") for spec in ranges.split(",")]
    found = [_places(spec, size) for spec in specs if spec]
    return None if not found or None in found else [part for part in found if part is not None]


def _places(spec: str, size: int) -> range | None:
    first, hyphen, last = spec.partition("-")
    if not hyphen or (first, last) == ("", ""):
        return None
    if any(re.fullmatch("[0-9]*", number) is None for number in (first, last)):
        return None
    if first == "":
        return range(max(0, size - _whole(last)), size)
    if last != "" and _whole(last) < _whole(first):
        return None
    end = size if last == "" else min(size, _whole(last) + 1)
    return range(min(_whole(first), size), end)


def _whole(digits: str) -> int:
    number = 0
    for digit in digits:
        number = min(number * 10 + int(digit), 10**30)
    return number


def _check_selection(
    selection: Selection, size: int, parts: tuple[range, ...] | None, headers: Mapping[str, str]
) -> None:
    answer = head(selection.status, selection.headers, selection.more_headers)
    told = _told(answer)
    body = b"".join(
        piece.head + _BODY[piece.part.start : piece.part.stop] for piece in selection.pieces
    )
    assert selection.status in (200, 206, 304, 412, 416)
    if not headers:
        assert selection.status == (200 if parts is None else 206 if parts else 416)
    if selection.status == 304:
        assert told["etag"] == _TAG
    if selection.status in (200, 206):
        assert len(body) == int(told["content-length"])
    if selection.status == 200:
        assert body == _BODY[:size]
    elif selection.status == 206:
        assert parts
        assert sent_ranges(told, body) == [(part, size) for part in parts]
    elif selection.status == 416:
        assert parts == ()
        assert told["content-range"] == f"bytes */{size}"
    else:
        assert body == b""


def sent_ranges(told: Message, body: bytes) -> list[tuple[range, int]]:
    """Which bytes of which size an answer with status 206 brings."""
    if not told["content-type"].startswith("multipart/byteranges"):
        return [_content_of(told, body)]
    found = []
    before, *pieces, end = (b"\r\n" + body).split(f"\r\n--{_BOUNDARY}".encode())
    assert (before, end) == (b"", b"--\r\n")
    for each in pieces:
        part_head, _, part_body = each.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        found.append(_content_of(message_from_bytes(part_head), part_body))
    return found


def _content_of(told: Message, body: bytes) -> tuple[range, int]:
    found = sent_range(told["content-range"])
    assert found is not None
    part, size = found
    assert size is not None
    assert body == _BODY[part.start : part.stop]
    return part, size


def _told(answer: bytes) -> Message:
    """The headers of an answer, of which each is one line."""
    status_line, *lines, end, nothing = answer.split(b"\r\n")
    assert status_line.startswith(b"HTTP/1.1 ")
    assert (end, nothing) == (b"", b"")
    assert all(re.match(rb"[A-Za-z-]+: ", line) for line in lines), lines
    return message_from_bytes(b"\r\n".join(lines).lower())
