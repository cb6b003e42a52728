"""A connection: parses requests as they arrive, and lets them be answered one after the other.

llhttp (the parser of Node, by httptools) is strict, and stays so: what two parsers could read in
two ways (both lengths, bare line feeds, folded lines, blanks before a colon) is refused.

A request that is answered before its body has come ends the connection gently: the answer and the
end of our side are sent, and what still arrives is thrown away for a while. Closing at once would
make the kernel reset the connection, and the client would lose the answer (RFC 9112, 9.6).
"""

from collections import deque
from typing import Any, Protocol

from httptools import HttpParserError, HttpParserInvalidMethodError, HttpParserUpgrade
from httptools import HttpRequestParser as Parser
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import (
    IHalfCloseableProtocol,
    IPushProducer,
    ISSLTransport,
    ITCPTransport,
)
from twisted.internet.protocol import Protocol as NetworkProtocol
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from zope.interface import implementer

from archive_server.http.first_lines import request_line
from archive_server.http.requests import ArchiveRequest, Front
from archive_server.http.routing import begin, choose_route, complete, expect_body, take
from archive_server.http.transport import FileTransport

# How long, and for how many bytes, a client that was refused is listened to before it is cut off.
_PATIENCE_S = 10
_PATIENCE_BYTES = 64 * 1024 * 1024
# Of one head. A head, or a trailer, that is not complete may have come with one read before it.
_MOST_HEADERS = 100
_HEAD_BYTES = 16 * 1024
_UNREAD_BYTES = _HEAD_BYTES + 64 * 1024

_BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 12\r\n\r\nbad request\n"
)
_URI_TOO_LONG = (
    b"HTTP/1.1 414 URI Too Long\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 13\r\n\r\nURI too long\n"
)


class Site(Front, Protocol):
    """Whoever keeps track of the connections that are open."""

    is_stopping: bool
    is_leaving: bool
    idle_s: float
    connections: "set[Connection]"

    def call_later(self, seconds: float, act: Any) -> Any: ...


class _Refused(Exception):
    """Nothing more of it is read."""


@implementer(IPushProducer, IHalfCloseableProtocol)
class Connection(NetworkProtocol):
    """One connection."""

    transport: Any  # ITCPTransport, IPushProducer and IConsumer in one
    is_secure = False
    can_send_files = False
    is_full = False  # the transport holds as much as it should
    # What is being parsed ...
    _target = b""
    _head_size = _header_count = _hosts = 0
    _has_begun = False  # the head of a request has
    _incoming: ArchiveRequest | None = None  # its head has come, and not all of its body
    _unread = 0  # bytes since the parser told something
    # What came first, as long as its method is not known; the parser does not give it back.
    _opening: bytes | None = b""
    _line: bytes | None = None  # the first, with a method that the parser does not know
    _reason = _BAD_REQUEST  # what is answered when it cannot be
    _skips_body = False  # the parser believes that another protocol follows
    _is_going_on = False  # ... and was told otherwise
    # ... and answered.
    _current: ArchiveRequest | None = None
    _refusal: bytes | None = None  # what is sent when all requests are answered
    _is_deaf = False  # whatever arrives is thrown away
    _is_hanging_up = False
    _thrown_away = 0  # bytes
    _body_is_paused = False
    _reading_is_paused = False
    _is_advancing = False
    _draining: Deferred[None] | None = None
    _timer: Any = None

    def __init__(self, site: Site) -> None:
        self.site = site
        self._parser = Parser(self)
        self._headers: dict[bytes, bytes] = {}
        self._waiting: deque[ArchiveRequest] = deque()  # behind the current one
        self._quiet_since = site.seconds()

    @property
    def is_busy(self) -> bool:
        """Whether a request is being received or answered."""
        return self._current is not None or bool(self._waiting) or self._has_begun

    # The connection begins and ends.

    def connectionMade(self) -> None:
        transport = self.transport
        self.here, self.peer = transport.getHost(), transport.getPeer()
        self.is_secure = ISSLTransport.providedBy(transport)
        self.can_send_files = isinstance(transport, FileTransport)
        if ITCPTransport.providedBy(transport):
            # While an answer is sent no timeout runs: a player may pause for an hour. A peer that
            # is gone without a word is found out by the kernel.
            transport.setTcpKeepAlive(True)
            # The end of an answer shall not wait for the client to acknowledge its beginning.
            transport.setTcpNoDelay(True)
        transport.registerProducer(self, True)
        self.site.connections.add(self)
        self._timer = self.site.call_later(self.site.idle_s, self._look)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.site.connections.discard(self)
        if self._timer.active():
            self._timer.cancel()
        self._is_deaf = self._is_hanging_up = True
        del self._parser  # which refers to us
        lost = self._begun()
        self._current = self._incoming = None
        self._waiting.clear()
        for request in lost:
            request.lose()
        self._wake()

    def readConnectionLost(self) -> None:
        """The client has said all it wants, and may still listen."""
        self._is_deaf = True
        answering = [request for request in self._begun() if request.body_has_come]
        if answering:
            answering[-1].is_last = True
        else:
            self._close()

    def writeConnectionLost(self) -> None:
        """We have ended our side."""

    def drain(self) -> None:
        """End when what is under way has been answered."""
        if self.is_busy:
            if self._current is not None:
                self._current.is_last = True
        else:
            self._close()

    def drop(self) -> None:
        """Close the connection at once, whatever is under way."""
        self.transport.abortConnection()

    def _close(self) -> None:
        self._is_deaf = True
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def _hang_up(self) -> None:
        """Close the connection so that the peer gets all we have written."""
        if self._is_hanging_up:
            return
        self._is_hanging_up = self._is_deaf = True
        self.transport.unregisterProducer()
        self.transport.resumeProducing()
        if self.is_secure:  # TLS cannot be closed by halves
            self.transport.loseConnection()
        else:
            self.transport.loseWriteConnection()
        if self._timer.active():
            self._timer.cancel()
        self._timer = self.site.call_later(_PATIENCE_S, self.drop)

    # Time. Of a request that is being answered it takes nothing but two reads of the clock.

    def _look(self) -> None:
        """Close a connection on which nothing happens, but not if it is we who are slow."""
        now = self.site.seconds()
        is_answering = self._current is not None and self._current.body_has_come
        if is_answering or self._reading_is_paused:
            self._quiet_since = now
        left = self._quiet_since + self.site.idle_s - now
        if left > 0:
            self._timer = self.site.call_later(left, self._look)
        else:
            # What the kernel still holds for a slow client gets there: nothing is reset.
            self._close()
            if self.is_secure:  # which waits for the client to agree
                self._timer = self.site.call_later(_PATIENCE_S, self.drop)

    # Bytes arrive.

    def dataReceived(self, data: bytes) -> None:
        if self._is_deaf:
            self._thrown_away += len(data)
            if self._thrown_away > _PATIENCE_BYTES:
                self.drop()
            return
        if self._line is not None:
            self._read_line(self._line + data)
            return
        if self._opening is not None:
            self._opening += data
        self._unread += len(data)
        try:
            self._parser.feed_data(data)
        except HttpParserInvalidMethodError:
            self._read_line(b"\n" if self._opening is None else self._opening)
        except HttpParserUpgrade as upgrade:
            self._go_on_after_upgrade(data[upgrade.args[0] :])
        except HttpParserError:
            if not self._is_deaf:
                self._refuse(self._reason)
        else:
            if self._unread > _UNREAD_BYTES:
                self._refuse(_BAD_REQUEST)
        if self._incoming is not None:
            self._quiet_since = self.site.seconds()

    def _read_line(self, line: bytes) -> None:
        """Tell a method that nobody knows from what is not HTTP."""
        found = request_line(line)
        if found is None:
            self._line = line
            if len(line) > _HEAD_BYTES:
                self._refuse(_URI_TOO_LONG)
        elif found == ("", b""):
            self._refuse(_BAD_REQUEST)
        else:
            verb, target = found
            request = ArchiveRequest(self, self.site, verb, target, is_modern=True, headers={})
            request.has_body = request.is_last = self._is_deaf = True
            choose_route(request, hosts=1)
            self._enqueue(request)

    def _go_on_after_upgrade(self, rest: bytes) -> None:
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
        if rest and not self._is_deaf:
            self.dataReceived(rest)

    def _refuse(self, answer: bytes) -> None:
        """Refuse what is not HTTP, when all that was before it is answered."""
        self._is_deaf = True
        self._has_begun = False
        request, self._incoming = self._incoming, None
        if request is not None:
            if request is self._current:
                self._current = None
            else:
                self._waiting.remove(request)
            request.lose()
        if self._current is None and not self._waiting:
            self.transport.write(answer)
            self._hang_up()
        else:
            self._refusal = answer

    # What the parser calls. An exception ends the parsing.

    def on_message_begin(self) -> None:
        if self._is_going_on:
            return
        if self._is_deaf:
            raise _Refused
        self._has_begun = True
        self._target, self._headers = b"", {}
        self._head_size = self._header_count = self._hosts = 0
        self._quiet_since = self.site.seconds()  # a head gets its time once

    def on_url(self, some: bytes) -> None:
        if self._is_going_on:
            return
        self._opening = None
        self._target += some
        if len(self._target) > _HEAD_BYTES:
            self._reason = _URI_TOO_LONG
            raise _Refused

    def on_header(self, name: bytes, value: bytes) -> None:
        if self._incoming is not None:  # a trailer: nobody wants it
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
        parser, headers = self._parser, self._headers
        version = parser.get_http_version()
        coding = headers.get(b"transfer-encoding")
        if version not in ("1.1", "1.0") or (coding and coding.lower() != b"chunked"):
            raise _Refused
        request = ArchiveRequest(
            self,
            self.site,
            parser.get_method().decode("ascii"),
            self._target,
            is_modern=version == "1.1",
            headers=headers,
        )
        # Older clients get one answer a connection, whatever they say of keeping it alive.
        request.is_last = (
            not request.is_modern
            or not parser.should_keep_alive()
            or self.site.is_stopping
            or self.site.is_leaving
        )
        choose_route(request, self._hosts)
        self._incoming = request
        if coding is not None or headers.get(b"content-length", b"0").strip(b"0"):
            request.has_body = True
            self._skips_body = parser.should_upgrade()
            expect_body(request, self._pause_body, self._resume_body)
            self._enqueue(request)

    def on_body(self, some: bytes) -> None:
        self._unread = 0
        if self._incoming is None:  # it was refused meanwhile
            raise _Refused
        take(self._incoming, some)

    def on_message_complete(self) -> None:
        if self._skips_body:
            return
        self._unread = 0
        self._has_begun = False
        request, self._incoming = self._incoming, None
        if request is None:
            raise _Refused
        if request.is_last:
            self._is_deaf = True  # RFC 9112, 9.6: what follows is not looked at
        if request.has_body:
            complete(request)
        else:
            request.body_has_come = True
            self._enqueue(request)

    # One answer at a time.

    def _enqueue(self, request: ArchiveRequest) -> None:
        self._waiting.append(request)
        self._advance()
        if self._waiting:
            self._update_reading()

    def _advance(self) -> None:
        """Begin what has its turn."""
        if self._is_advancing:
            return
        self._is_advancing = True
        while self._waiting and self._current is None and not self.is_full:
            self._current = self._waiting.popleft()
            begin(self._current)
        self._is_advancing = False

    def answered(self, request: ArchiveRequest) -> None:
        """All of an answer has been handed to the transport."""
        self._current = None
        self._quiet_since = self.site.seconds()
        if not request.body_has_come:
            self._incoming = None
            self._has_begun = False
            self._waiting.clear()
            self._hang_up()
        elif request.is_last:
            self._waiting.clear()
            self._close()
        elif self._waiting:
            self._advance()
            self._update_reading()
        elif self._refusal is not None:
            self.transport.write(self._refusal)
            self._hang_up()
        elif self._reading_is_paused:
            self._update_reading()

    def _begun(self) -> list[ArchiveRequest]:
        """What is answered, and what waits for it."""
        return [*([self._current] if self._current else []), *self._waiting]

    def _pause_body(self) -> None:
        """Let the client wait: it sends faster than we can keep."""
        self._body_is_paused = True
        self._update_reading()

    def _resume_body(self) -> None:
        self._body_is_paused = False
        self._update_reading()

    def _update_reading(self) -> None:
        """Read on only when a client is not ahead: what one read brings is what may wait."""
        pause = (self._body_is_paused or bool(self._waiting)) and not self._is_hanging_up
        if pause != self._reading_is_paused and not self._is_hanging_up:
            self._reading_is_paused = pause
            if pause:
                self.transport.pauseProducing()
            else:
                self.transport.resumeProducing()

    # What requests call.

    def write(self, some: bytes) -> None:
        self.transport.write(some)

    def send_file(self, fd: int, part: range, first: bytes) -> Deferred[None]:
        sending: Deferred[None] = self.transport.sendFile(fd, part.start, len(part), first)
        return sending

    async def drained(self) -> None:
        """Wait until the transport takes more, or the client is gone."""
        self._draining = Deferred()
        await self._draining

    # What the transport calls.

    def pauseProducing(self) -> None:
        self.is_full = True

    def resumeProducing(self) -> None:
        self.is_full = False
        self._wake()
        if self._waiting:
            self._advance()
            self._update_reading()

    def stopProducing(self) -> None:
        """`connectionLost` follows."""

    def _wake(self) -> None:
        if self._draining is not None:
            draining, self._draining = self._draining, None
            draining.callback(None)
