"""How much of a file a request gets, and with which headers (RFC 9110); pure."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from archive_server.http.conditions import Verdict, judge, range_applies
from archive_server.http.ranges import requested_ranges, unsatisfied_range
from archive_server.http.representations import Piece, Representation, multipart

# The names of the headers that choose.
SELECTING = frozenset(
    {
        "if-match",
        "if-modified-since",
        "if-none-match",
        "if-range",
        "if-unmodified-since",
        "range",
    }
)


@dataclass(frozen=True, slots=True)
class Selection:
    """An answer: its body is made of pieces of the file; 412 and 416 have none of it."""

    status: int
    headers: Mapping[str, str]
    pieces: tuple[Piece, ...] = ()
    more_headers: str = ""  # as they are written
    tells_length: bool = False  # they do


def select(
    method: str, headers: Mapping[str, str], shown: Representation, new_boundary: Callable[[], str]
) -> Selection:
    """Choose what a GET or HEAD with these headers gets.

    Of `headers` only those are looked at that are SELECTING; the lines of a repeated one are joined
    by commas. `new_boundary` makes what separates the parts of a multipart body: nobody must be
    able to guess it.
    """
    verdict = judge(headers, shown.validators) if headers else Verdict.CARRY_OUT
    if verdict is Verdict.NOT_MODIFIED:
        return Selection(304, shown.validator_headers())
    if verdict is Verdict.FAILED:
        return Selection(412, {})
    parts = None
    # Ranges are defined for GET only: a HEAD with one is answered as if it had none (14.2).
    if method == "GET" and range_applies(headers.get("if-range"), shown.validators):
        parts = requested_ranges(headers.get("range"), shown.size)
    if parts is None:
        return _whole(method, shown)
    if not parts:
        return Selection(416, {"content-range": unsatisfied_range(shown.size)})
    return _partial(parts, shown, new_boundary)


def _whole(method: str, shown: Representation) -> Selection:
    length = {"content-type": shown.media_type, "content-length": str(shown.size)}
    pieces = (Piece(b"", range(shown.size)),) if method == "GET" else ()
    return Selection(200, length, pieces, shown.headers)


def _partial(
    parts: tuple[range, ...], shown: Representation, new_boundary: Callable[[], str]
) -> Selection:
    if len(parts) == 1:
        (part,) = parts
        single = (Piece(b"", part),)
        return Selection(206, {}, single, shown.part_headers(part), tells_length=True)
    boundary = new_boundary()
    pieces = multipart(shown.media_type, parts, shown.size, boundary)
    several = {
        "content-type": f"multipart/byteranges; boundary={boundary}",
        "content-length": str(sum(map(len, pieces))),
    }
    return Selection(206, several, pieces, shown.headers)
