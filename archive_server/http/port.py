"""Where connections come from: sockets that listen, of which other processes may take some, too.

Processes that share a socket are all woken for whoever comes, and who runs already has taken all of
a few before another gets a processor: of eight connections that came at once, one of two processes
had seven or eight two times of three (on two cores; nginx's had, too), and together they sent half
of what they could. So a process that has taken one leaves the next to others for a moment, and
takes two after that, then three, so that it has no more than they have, and nobody waits for one
that hangs. Now it is five and three, or four each, 28 of 30 times. Where connections end as they
come, who has seen one off may take another at once: as many short ones are answered as before,
15,000 a second, for the same 70 µs of the processor.
"""

import socket
from typing import Any

from twisted.internet import tcp
from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.python.failure import Failure

from archive_server.http.transport import FileTransport

# For how long others come first: until they have been woken, have a processor and have taken one.
_PAUSE_S = 0.002
# Who has taken none for so long begins anew.
_FORGET_S = 0.1


class Courtesy:
    """How many connections a process may take before others come first. Times are in seconds."""

    __slots__ = ("_free", "_since", "_step")

    def __init__(self) -> None:
        self._free = 1
        self._step = 1
        self._since = 0.0  # when it took some last, or had waited

    def may_take(self, now: float) -> int:
        """How many at once; 0: wait before."""
        rested = now - self._since
        if not 0 <= rested < _FORGET_S:  # before 0: the clock was set back
            self._free = self._step = 1
        elif rested >= _PAUSE_S:
            self._free = max(1, self._free)
        return max(0, self._free)

    def wait(self, now: float) -> float:
        """For how long; to be asked where none may be taken."""
        return self._since + _PAUSE_S - now

    def has_taken(self, count: int, now: float) -> None:
        if count:
            self._free -= count
            self._since = now

    def has_waited(self, now: float) -> None:
        """Somebody has come meanwhile: take more than before."""
        self._step += 1
        self._free += self._step
        self._since = now

    def has_ended(self) -> None:
        """One of those that were taken makes room for another."""
        self._free += 1


class FilePort(tcp.Port):
    """Listens, and makes connections that send files."""

    transport: Any = FileTransport
    _courtesy: Courtesy | None = None
    _pause: Any = None  # while others come first: its end

    def share(self) -> None:
        """Leave their part of the connections to other processes, which listen as well."""
        self._courtesy = Courtesy()

    def doRead(self) -> None:
        if self._courtesy is None:
            super().doRead()
            return
        now = self.reactor.seconds()
        most = self._courtesy.may_take(now)
        if not most:
            self.stopReading()
            self._pause = self.reactor.callLater(self._courtesy.wait(now), self._go_on)
            return
        self.numberAccepts = most
        before = self.sessionno
        super().doRead()
        self._courtesy.has_taken(self.sessionno - before, now)

    def connectionEnded(self) -> None:
        """Be told of the end of a connection that was taken here."""
        if self._courtesy is None:
            return
        self._courtesy.has_ended()
        if self._pause is not None:
            self._pause.cancel()
            self._go_on()

    def connectionLost(self, reason: Failure) -> None:
        if self._pause is not None:
            self._pause.cancel()
            self._pause = None
        super().connectionLost(reason)

    def _go_on(self) -> None:
        assert self._courtesy is not None, "who is alone never waits"
        self._pause = None
        self._courtesy.has_waited(self.reactor.seconds())
        self.startReading()


def listen(
    reactor: Any,
    listening: socket.socket,
    factory: Factory,
    kind: type[FilePort] = FilePort,
) -> Any:
    """Make a port that takes connections from a socket that listens already.

    The socket stays its owner's, so that it may be inherited: a process that ends its port does
    not end those of others. The port begins with `startListening`.
    """
    return kind._fromListeningDescriptor(reactor, listening.fileno(), listening.family, factory)


def listening_socket(host: str, port: int, backlog: int = 1024) -> socket.socket:
    """Listen at an address. Raises CannotListenError."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        made = socket.create_server((host, port), family=family, backlog=backlog)
    except OSError as error:
        raise CannotListenError(host, port, error) from error
    made.setblocking(False)
    return made
