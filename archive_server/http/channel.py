"""A connection: twisted.web's HTTP/1.1 parser, with requests that begin before their body.

`HTTPChannel` calls its request when the whole body is there. This one tells it when the headers
are, so that a request can take its body as it arrives, or be refused without it. A request that
is answered before its body has come ends the connection gently: the answer and the end of our
side are sent, and what still arrives is thrown away for a while. Closing at once would make the
kernel reset the connection, and the client would lose the answer (RFC 9112, 9.6).
"""

from typing import Any, Protocol

from twisted.internet.interfaces import ITCPTransport
from twisted.internet.protocol import connectionDone
from twisted.python.failure import Failure
from twisted.web.http import HTTPChannel, Request

# How long, and for how many bytes, a client that was refused is listened to before it is cut off.
_PATIENCE_S = 10
_PATIENCE_BYTES = 64 * 1024 * 1024

_BAD_REQUEST = (
    b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 12\r\n\r\nbad request\n"
)
_URI_TOO_LONG = (
    b"HTTP/1.1 414 URI Too Long\r\nConnection: close\r\nContent-Type: text/plain\r\n"
    b"Content-Length: 13\r\n\r\nURI too long\n"
)


class Connections(Protocol):
    """Whoever keeps track of the connections that are open."""

    is_stopping: bool
    is_leaving: bool
    channels: "set[ArchiveChannel]"


class ArchiveChannel(HTTPChannel):
    """One connection. Its requests must be those of `requests.ArchiveRequest`."""

    maxHeaders = 100

    transport: Any  # ITCPTransport, IPushProducer and IConsumer in one
    site: Connections
    reading_is_paused = False
    _head_is_timed = False
    _is_hanging_up = False
    _thrown_away = 0  # bytes
    _patience: Any = None  # the delayed call that cuts off

    @property
    def is_busy(self) -> bool:
        """Whether a request is being received or answered."""
        return bool(self.requests)

    def connectionMade(self) -> None:
        super().connectionMade()
        if ITCPTransport.providedBy(self.transport):
            # While an answer is sent no timeout runs: a player may pause for an hour. A peer that
            # is gone without a word is found out by the kernel.
            self.transport.setTcpKeepAlive(True)
        self.site.channels.add(self)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.site.channels.discard(self)
        if self._patience is not None and self._patience.active():
            self._patience.cancel()
        super().connectionLost(reason)

    def resetTimeout(self) -> None:
        """Grant more time, as for all that arrives; but to the head of a request only once.

        Else a byte a minute would hold a connection for weeks, and a thousand of them all there is.
        """
        is_head = not self.requests or self.requests[-1].began_at is None
        if not (is_head and self._head_is_timed):
            super().resetTimeout()
        self._head_is_timed = is_head

    def checkPersistence(self, request: Request, version: bytes) -> bool:
        """Tell whether another request may follow on this connection."""
        options = request.requestHeaders.getRawHeaders(b"connection", [])
        wanted = {option.strip().lower() for line in options for option in line.split(b",")}
        is_ending = self.site.is_stopping or self.site.is_leaving
        return version == b"HTTP/1.1" and b"close" not in wanted and not is_ending

    def allHeadersReceived(self) -> None:
        """Let the request begin. `HTTPChannel` would answer `Expect` here; the request does."""
        request = self.requests[-1]
        request.parseCookies()
        self.persistent = self.checkPersistence(request, self._version)
        request.gotLength(self.length)
        request.headersReceived(self._command, self._path, self._version, self.length)
        self.resetTimeout()  # the body has its own time

    def lineReceived(self, line: bytes) -> None:
        if not self._is_hanging_up:
            super().lineReceived(line)

    def rawDataReceived(self, data: bytes) -> None:
        if not self._is_hanging_up:
            super().rawDataReceived(data)

    def allContentReceived(self) -> None:
        if not self._is_hanging_up:
            super().allContentReceived()

    def headerReceived(self, line: bytes) -> bool:
        try:
            return bool(super().headerReceived(line))
        except ValueError:  # a Content-Length of more digits than Python reads
            self._respondToBadRequestAndDisconnect()
            return False

    def lineLengthExceeded(self, line: bytes) -> None:
        # Without a request it is the first line, whose own status RFC 9112, 3 demands.
        self._refuse_bytes(_BAD_REQUEST if self.requests else _URI_TOO_LONG)

    def dataReceived(self, data: bytes) -> None:
        if not self._is_hanging_up:
            super().dataReceived(data)
            return
        self._thrown_away += len(data)
        if self._thrown_away > _PATIENCE_BYTES:
            self.transport.abortConnection()

    def requestDone(self, request: Any) -> None:
        self._head_is_timed = False
        if request.body_has_come:
            super().requestDone(request)
        else:
            self.requests.remove(request)
            self.hang_up()

    def hang_up(self) -> None:
        """Close the connection so that the peer gets all we have written."""
        if self._is_hanging_up:
            return
        self._is_hanging_up = True
        self.setTimeout(None)
        self.transport.unregisterProducer()
        self.transport.resumeProducing()
        self.transport.loseWriteConnection()
        self._patience = self.callLater(_PATIENCE_S, self.transport.abortConnection)

    def drop(self) -> None:
        """Close the connection at once, whatever is under way."""
        self.transport.abortConnection()

    def pause_reading(self) -> None:
        """Let the client wait: it sends faster than we can keep."""
        self.reading_is_paused = True
        self.transport.pauseProducing()

    def resume_reading(self) -> None:
        self.reading_is_paused = False
        self.transport.resumeProducing()

    def timeoutConnection(self) -> None:
        if self.reading_is_paused:  # then it is we who are slow
            self.setTimeout(self.timeOut)
        else:
            super().timeoutConnection()

    def _respondToBadRequestAndDisconnect(self) -> None:
        """Refuse what is not HTTP. `HTTPChannel`'s own answer has no length."""
        self._refuse_bytes(_BAD_REQUEST)

    def _refuse_bytes(self, answer: bytes) -> None:
        if not self._is_hanging_up:
            self.transport.write(answer)
            for request in self.requests:
                request.abandon()
            self.hang_up()
