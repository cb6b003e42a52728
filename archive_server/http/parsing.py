"""Requests out of the bytes of a connection, strictly.

llhttp (the parser of Node, by httptools) is strict, and stays so: what two parsers could read in
two ways (both lengths, bare line feeds, folded lines, blanks before a colon) is refused.
"""

from typing import Any, Protocol

from httptools import HttpParserError, HttpParserInvalidMethodError, HttpParserUpgrade
from httptools import HttpRequestParser as Parser

from archive_server.http.answering import AnswerAtHand, Carrier
from archive_server.http.first_lines import request_line
from archive_server.http.known_heads import KnownHeads
from archive_server.http.requests import ArchiveRequest, Front
from archive_server.http.routing import choose_route, complete, expect_body, take

# Of one head. A head, or a trailer, that is not complete may have come with one read before it.
_MOST_HEADERS = 100
_HEAD_BYTES = 16 * 1024
_UNREAD_BYTES = _HEAD_BYTES + 64 * 1024

_BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 12\r\n\r\nbad request\n"
)
TOO_SLOW = (
    b"HTTP/1.1 408 Request Timeout\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 10\r\n\r\ntoo slow\r\n"
)
_URI_TOO_LONG = (
    b"HTTP/1.1 414 URI Too Long\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 13\r\n\r\nURI too long\n"
)


class Site(Front, Protocol):
    """What a request is parsed for."""

    is_stopping: bool
    is_leaving: bool
    known_heads: KnownHeads


class Receiver(Carrier, Protocol):
    """Takes the requests of a connection, in their order."""

    is_deaf: bool  # whatever arrives is thrown away
    quiet_since: float  # when something was done or heard last, in the site's seconds

    @property
    def is_free(self) -> bool:
        """Whether nothing is under way."""

    def take_answer(self, answer: AnswerAtHand) -> None:
        """Take what is answered at once, if it is free."""

    def take_request(self, request: ArchiveRequest) -> None:
        """Take a request whose head has come, and all of its body unless it `has_body`."""

    def refuse(self, answer: bytes) -> None:
        """Refuse what is not HTTP, when all that was before it is answered."""

    def pause_body(self) -> None:
        """Let the client wait: it sends faster than we can keep."""

    def resume_body(self) -> None:
        """Let it send on."""


class _Refused(Exception):
    """Nothing more of it is read."""


class RequestReader:
    """Parses what arrives on one connection."""

    has_begun = False  # the head of a request has
    incoming: ArchiveRequest | None = None  # its head has come, and not all of its body
    _latest: ArchiveRequest | None = None  # whose head has come with what is just being read
    _heads = 0  # that have
    _target = b""
    _head_size = _header_count = _hosts = 0
    _unread = 0  # bytes since the parser told something
    # What came first, as long as its method is not known; the parser does not give it back.
    _opening: bytes | None = b""
    _line: bytes | None = None  # the first, with a method that the parser does not know
    _reason = _BAD_REQUEST  # what is answered when it cannot be
    _skips_body = False  # the parser believes that another protocol follows
    _is_going_on = False  # ... and was told otherwise

    def __init__(self, site: Site, receiver: Receiver) -> None:
        self._site = site
        self._receiver = receiver
        self._parser: Any = Parser(self)
        self._headers: dict[bytes, bytes] = {}

    def close(self) -> None:
        """Let go of the parser, which refers to us."""
        self._parser = None

    def give_up(self) -> ArchiveRequest | None:
        """Read nothing more of the request that is being read, and give it, if its head came."""
        request, self.incoming = self.incoming, None
        self.has_begun = False
        return request

    def feed(self, data: bytes) -> None:
        """Take what has arrived."""
        is_between = not self.has_begun and self._line is None  # two requests
        if is_between and self._take_known(data):
            return
        if self._line is not None:
            self._read_line(self._line + data)
            return
        if self._opening is not None:
            self._opening += data
        left = data
        while left:
            self._unread += len(left)
            left = self._parse(left)
        if is_between and self._heads == 1 and not self.has_begun and self._latest is not None:
            self._site.known_heads.learn(data, self._latest)
        self._latest, self._heads = None, 0
        if self.incoming is not None:
            self._receiver.quiet_since = self._site.seconds()

    def _parse(self, data: bytes) -> bytes:
        """Let it be parsed; what is left behind a request that offers another protocol."""
        try:
            self._parser.feed_data(data)
        except HttpParserInvalidMethodError:
            self._read_line(b"\n" if self._opening is None else self._opening)
        except HttpParserUpgrade as upgrade:
            self._go_on_after_upgrade()
            return b"" if self._receiver.is_deaf else data[upgrade.args[0] :]
        except HttpParserError:
            if not self._receiver.is_deaf:
                self._receiver.refuse(self._reason)
        else:
            if self._unread > _UNREAD_BYTES:
                self._receiver.refuse(_BAD_REQUEST)
        return b""

    def _take_known(self, data: bytes) -> bool:
        """Take what came as a request whose head is known; False if it is not just that."""
        site, receiver = self._site, self._receiver
        found = site.known_heads.find(data)
        if found is None:
            return False
        head, end, asked = found
        is_last = receiver.is_deaf = site.is_stopping or site.is_leaving
        if asked is not None and head.at_hand is not None and receiver.is_free:
            answer = head.at_hand.prepared(receiver, asked[1], asked[2])
            if answer is not None:
                answer.is_last = is_last
                receiver.take_answer(answer)
                return True
        request = head.request(receiver, site, asked and asked[0], data[end:])
        request.is_last = is_last
        receiver.take_request(request)
        return True

    def _read_line(self, line: bytes) -> None:
        """Tell a method that nobody knows from what is not HTTP."""
        receiver = self._receiver
        found = request_line(line)
        if found is None:
            self._line = line
            if len(line) > _HEAD_BYTES:
                receiver.refuse(_URI_TOO_LONG)
        elif found == ("", b""):
            receiver.refuse(_BAD_REQUEST)
        else:
            verb, target = found
            request = ArchiveRequest(receiver, self._site, verb, target, True, {})
            request.has_body = request.is_last = receiver.is_deaf = True
            choose_route(request, hosts=1)
            receiver.take_request(request)

    def _go_on_after_upgrade(self) -> None:
        """Stay with HTTP/1.1, whatever else the client has offered to speak.

        The parser takes a body for the other protocol. A new one is told that it is one.
        """
        self._parser = Parser(self)
        if self._skips_body:
            self._skips_body = False
            length = b"content-length", b"transfer-encoding"
            headers = [
                name + b": " + self._headers[name] for name in length if name in self._headers
            ]
            self._is_going_on = True
            self._parser.feed_data(b"POST / HTTP/1.1\r\n" + b"\r\n".join(headers) + b"\r\n\r\n")

    # What the parser calls. An exception ends the parsing.

    def on_message_begin(self) -> None:
        if self._is_going_on:
            return
        receiver = self._receiver
        if receiver.is_deaf:
            raise _Refused
        self.has_begun = True
        self._target, self._headers = b"", {}
        self._head_size = self._header_count = self._hosts = 0
        receiver.quiet_since = self._site.seconds()  # a head gets its time once

    def on_url(self, some: bytes) -> None:
        if self._is_going_on:
            return
        self._opening = None
        self._target += some
        if len(self._target) > _HEAD_BYTES:
            self._reason = _URI_TOO_LONG
            raise _Refused

    def on_header(self, name: bytes, value: bytes) -> None:
        if self.incoming is not None:  # a trailer: nobody wants it
            return
        headers = self._headers
        self._header_count += 1
        self._head_size += len(name) + len(value)
        if self._head_size > _HEAD_BYTES or self._header_count > _MOST_HEADERS:
            raise _Refused
        name, value = name.lower(), value.rstrip()
        if name in headers:
            value = headers[name] + b", " + value
        if name == b"host":
            self._hosts += 1
        headers[name] = value

    def on_headers_complete(self) -> None:
        self._unread = 0
        if self._is_going_on:
            self._is_going_on = False
            return
        parser, headers, receiver, site = self._parser, self._headers, self._receiver, self._site
        version = parser.get_http_version()
        coding = headers.get(b"transfer-encoding")
        if version not in ("1.1", "1.0") or (coding and coding.lower() != b"chunked"):
            raise _Refused
        verb = parser.get_method().decode("ascii")
        request = ArchiveRequest(receiver, site, verb, self._target, version == "1.1", headers)
        # Older clients get one answer a connection, whatever they say of keeping it alive.
        request.is_last = (
            not request.is_modern
            or not parser.should_keep_alive()
            or site.is_stopping
            or site.is_leaving
        )
        choose_route(request, self._hosts)
        self.incoming = self._latest = request
        self._heads += 1
        if coding is not None or headers.get(b"content-length", b"0").strip(b"0"):
            request.has_body = True
            self._skips_body = parser.should_upgrade()
            expect_body(request, receiver.pause_body, receiver.resume_body)
            receiver.take_request(request)

    def on_body(self, some: bytes) -> None:
        self._unread = 0
        if self.incoming is None:  # it was refused meanwhile
            raise _Refused
        take(self.incoming, some)

    def on_message_complete(self) -> None:
        if self._skips_body:
            return
        self._unread = 0
        self.has_begun = False
        request, self.incoming = self.incoming, None
        if request is None:
            raise _Refused
        receiver = self._receiver
        if request.is_last:
            receiver.is_deaf = True  # RFC 9112, 9.6: what follows is not looked at
        if request.has_body:
            complete(request)
        else:
            request.body_has_come = True
            receiver.take_request(request)
