"""Heads of requests that came before: what was read of them is true of the same bytes again.

Clients ask with the same head over and over; in that of a player only the range is another. To
find such a head takes 1 µs where to parse it and to choose its route takes 12. What is kept is what
the bytes say, and the route, which never changes: nothing of it can be out of date.

Heads with cookies or credentials are not kept.
"""

from collections.abc import Mapping
from dataclasses import dataclass

from archive_server.http.answering import AtHand, Carrier
from archive_server.http.requests import ArchiveRequest, Front, Route

_MOST = 1024
_LONGEST = 2048  # bytes, with the body: so all that is kept is a few megabytes at most
# A range, behind the first letter of its name, which may be large or small. Its value is cut out.
_RANGE = b"ange: bytes="
_INITIALS = b"\r\nR", b"\r\nr"
_VALUE_AT, _FIRST_AT = len(b"ange: "), len(_RANGE)
_LONGEST_VALUE = 48
_END = b"\r\n\r\n"
_UNKEPT = frozenset({b"authorization", b"cookie", b"expect", b"transfer-encoding", b"upgrade"})

# A whole head; or what is before the value of its range, and what is behind.
_Key = bytes | tuple[bytes, bytes]
# The value of a range, and the first and the last byte it asks for.
Asked = tuple[bytes, int, int]


@dataclass(frozen=True, slots=True)
class KnownHead:
    """What a head says that leads to a route."""

    verb: str
    target: bytes
    headers: Mapping[bytes, bytes]  # but the range that was cut out
    route: Route
    names: Mapping[str, str]
    origin_headers: Mapping[str, str]
    length: int  # bytes of the body
    at_hand: AtHand | None  # answers those that differ in the range only

    def request(
        self, carrier: Carrier, front: Front, asked: bytes | None, body: bytes
    ) -> ArchiveRequest:
        """A request with this head."""
        headers = self.headers if asked is None else {**self.headers, b"range": asked}
        made = ArchiveRequest(carrier, front, self.verb, self.target, True, headers)
        made.route, made.names = self.route, self.names
        made.origin_headers = self.origin_headers
        if self.length:
            made.has_body = True
            made.hold(body)
        made.body_has_come = True
        return made


# A known head in what has come; where it ends, behind which is the body; and its range.
Found = tuple[KnownHead, int, Asked | None]


class KnownHeads:
    """Heads of one site."""

    def __init__(self) -> None:
        self._known: dict[_Key, KnownHead] = {}

    def find(self, data: bytes) -> Found | None:
        """The head of what has come, if that is exactly one request, and its head is known."""
        if len(data) > _LONGEST:
            return None
        key, end, asked = _taken_apart(data)
        known = self._known.get(key)
        if known is None or len(data) - end != known.length:
            return None
        return known, end, asked

    def learn(self, data: bytes, request: ArchiveRequest) -> None:
        """Keep the head of a request, unless there is something special in it.

        `data` must be all of that request and nothing else: of two in one, the second would be
        kept for the bytes of the first, and whoever sends those would be answered as its sender.
        """
        headers, route = request.headers, request.route
        if len(data) > _LONGEST or request.refusal is not None or route is None or route.streams:
            return
        if request.is_last or not headers.keys().isdisjoint(_UNKEPT):
            return
        if headers.get(b"connection", b"keep-alive").lower() != b"keep-alive":
            return
        key, end, asked = _taken_apart(data)
        length = len(data) - end
        if headers.get(b"content-length", b"0") != b"%d" % length:
            return
        if asked is not None and headers[b"range"] != asked[0]:  # there are several
            return
        if len(self._known) >= _MOST:
            self._known.clear()
        self._known[key] = KnownHead(
            request.verb,
            request.target,
            headers,
            route,
            request.names,
            request.origin_headers,
            length,
            None if asked is None or route.learn is None else route.learn(request, **request.names),
        )


def _taken_apart(data: bytes) -> tuple[_Key, int, Asked | None]:
    """The key of a head, where it ends, and its range; a regular expression takes 1 µs more."""
    end = data.find(_END) + len(_END)
    found = data.find(_RANGE, 0, end)
    if found > 0 and data[found - 3 : found] in _INITIALS:
        start, stop = found + _VALUE_AT, data.find(b"\r", found)
        first, _, last = data[found + _FIRST_AT : stop].partition(b"-")
        if first.isdigit() and last.isdigit() and stop - start <= _LONGEST_VALUE:
            asked = data[start:stop], int(first), int(last)
            return (data[:start], data[stop:end]), end, asked
    return data[:end], end, None
