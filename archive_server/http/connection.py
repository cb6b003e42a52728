"""A connection, from its first request to its end: requests are answered one after the other.

A request that is answered before its body has come ends the connection gently: the answer and the
end of our side are sent, and what still arrives is thrown away for a while. Closing at once would
make the kernel reset the connection, and the client would lose the answer (RFC 9112, 9.6).
"""

from collections import deque
from typing import Any, Protocol

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

from archive_server.http import parsing
from archive_server.http.answering import AnswerAtHand, Answering
from archive_server.http.limits import Limits
from archive_server.http.parsing import TOO_SLOW, RequestReader
from archive_server.http.patience import Doing, Patience
from archive_server.http.requests import ArchiveRequest
from archive_server.http.routing import begin, give_up
from archive_server.http.transport import Done, FileTransport

# For how many bytes a client that was refused is listened to before it is cut off.
_PATIENCE_BYTES = 64 * 1024 * 1024


class Site(parsing.Site, Protocol):
    """Whoever keeps track of the connections that are open."""

    limits: Limits
    connections: "set[Connection]"

    def enter(self, connection: "Connection") -> None: ...

    def leave_out(self, connection: "Connection") -> None: ...

    def call_later(self, seconds: float, act: Any) -> Any: ...


@implementer(IPushProducer, IHalfCloseableProtocol)
class Connection(NetworkProtocol):
    """One connection."""

    transport: Any  # ITCPTransport, IPushProducer and IConsumer in one
    is_secure = False
    can_send_files = False
    is_full = False  # the transport holds as much as it should
    _current: Answering | None = None
    _refusal: bytes | None = None  # what is sent when all requests are answered
    is_deaf = False  # whatever arrives is thrown away
    _is_closing = False  # what was written still goes out
    _is_hanging_up = False
    _thrown_away = 0  # bytes
    _body_is_paused = False
    _reading_is_paused = False
    _is_advancing = False
    _draining: Deferred[None] | None = None

    def __init__(self, site: Site) -> None:
        self.site = site
        self._reader = RequestReader(site, self)
        self._waiting: deque[ArchiveRequest] = deque()  # behind the current one
        self.quiet_since = site.seconds()

    @property
    def is_busy(self) -> bool:
        """Whether a request is being received or answered."""
        return self._current is not None or bool(self._waiting) or self._reader.has_begun

    # The connection begins and ends.

    def connectionMade(self) -> None:
        transport = self.transport
        self.here, self.peer = transport.getHost(), transport.getPeer()
        self.is_secure = ISSLTransport.providedBy(transport)
        self.can_send_files = isinstance(transport, FileTransport)
        if ITCPTransport.providedBy(transport):
            # A player may pause for an hour. A peer that is gone without a word is found out by the
            # kernel.
            transport.setTcpKeepAlive(True)
            # The end of an answer shall not wait for the client to acknowledge its beginning.
            transport.setTcpNoDelay(True)
        transport.registerProducer(self, True)
        self.site.enter(self)
        self._patience = Patience(self, self.site)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.site.leave_out(self)
        self._patience.lose()
        self.is_deaf = self._is_hanging_up = True
        self._reader.close()
        self._reader.give_up()
        lost = self._begun()
        self._current = None
        self._waiting.clear()
        for request in lost:
            request.lose()
        self._wake()

    def readConnectionLost(self) -> None:
        """The client has said all it wants, and may still listen."""
        self.is_deaf = True
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
        """Let what was written go out, and what the kernel still holds for a slow client."""
        self.is_deaf = self._is_closing = True
        self.transport.unregisterProducer()
        self.transport.loseConnection()

    def _hang_up(self) -> None:
        """Close the connection so that the peer gets all we have written."""
        if self._is_hanging_up:
            return
        self._is_hanging_up = self.is_deaf = True
        self.transport.unregisterProducer()
        self.transport.resumeProducing()
        self.transport.loseWriteConnection()
        self._patience.say_farewell()

    # What it is waited for to do, and what follows when it does not.

    def doing(self) -> Doing:
        if self._is_closing:
            return Doing.LEAVING
        if self._reading_is_paused and self._body_is_paused:
            return Doing.WAITING
        if self._current is not None:
            return Doing.READING if self._current.body_has_come else Doing.BODY
        return Doing.HEAD if self._reader.has_begun else Doing.NOTHING

    def end(self, doing: Doing) -> None:
        request = self._current
        if doing is Doing.NOTHING:
            self._close()
        elif doing is Doing.HEAD:
            self.refuse(TOO_SLOW)
        elif (
            doing is Doing.BODY and isinstance(request, ArchiveRequest) and not request.has_started
        ):
            give_up(request)
        else:
            self.drop()

    # Bytes arrive.

    def dataReceived(self, data: bytes) -> None:
        if self.is_deaf:
            self._thrown_away += len(data)
            if self._thrown_away > _PATIENCE_BYTES:
                self.drop()
            return
        self._reader.feed(data)

    def refuse(self, answer: bytes) -> None:
        self.is_deaf = True
        request = self._reader.give_up()
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

    # One answer at a time.

    @property
    def is_free(self) -> bool:
        """Whether nothing is answered, and nothing waits for that."""
        return self._current is None and not self._waiting and not self.is_full

    def take_answer(self, answer: AnswerAtHand) -> None:
        self._current = answer
        answer.begin()

    def take_request(self, request: ArchiveRequest) -> None:
        if self.is_free:
            self._current = request
            begin(request)
        else:
            self._waiting.append(request)
            self._update_reading()

    def _advance(self) -> None:
        """Begin what has its turn."""
        if self._is_advancing:
            return
        self._is_advancing = True
        while self._waiting and self._current is None and not self.is_full:
            self._current = request = self._waiting.popleft()
            begin(request)
        self._is_advancing = False

    def answered(self, request: Answering) -> None:
        """All of an answer has been handed to the transport."""
        self._current = None
        self.quiet_since = self.site.seconds()
        if not request.body_has_come:
            self._reader.give_up()
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

    def _begun(self) -> list[Answering]:
        """What is answered, and what waits for it."""
        return [*([self._current] if self._current else []), *self._waiting]

    def pause_body(self) -> None:
        self._body_is_paused = True
        self._update_reading()

    def resume_body(self) -> None:
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

    def send_file(self, fd: int, part: range, first: bytes, done: Done) -> None:
        self.transport.beginFile(fd, part.start, len(part), first, done)

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
