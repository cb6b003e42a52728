"""How long a connection is waited for: what it is doing, since when, and whether it gets anywhere.

Looked at now and then, not when something is sent: how much the client has taken of what was sent
to it, and how much has come from it, the kernel has counted (tcp(7), TCP_INFO). So all this costs a
request nothing.
"""

import fcntl
import socket
import struct
import termios
from dataclasses import dataclass
from enum import Enum, auto
from typing import Any, Protocol

from archive_server.http.limits import Limits

# In TCP_INFO, since Linux 4.1: bytes acknowledged by the peer, bytes received from it.
_COUNTS_AT = 120
_COUNTS = struct.Struct("=QQ")
FAREWELL_S = 10  # for a client to close its side, too
_LEAST_TAKEN = 64 * 1024  # bytes in `reader_pause_s`: less is nothing


class Doing(Enum):
    """What a connection is waited for to do."""

    NOTHING = auto()  # the next request
    HEAD = auto()
    BODY = auto()
    READING = auto()  # what was sent to it
    LEAVING = auto()  # the same, and then to close its side
    WAITING = auto()  # for us


@dataclass(frozen=True, slots=True)
class Traffic:
    """What the kernel has counted of a connection, in bytes."""

    taken: int = 0  # by the client
    come: int = 0  # from it
    waiting: int = 0  # for the client to take


_NOTHING = Traffic()


def traffic_of(transport: Any) -> Traffic | None:
    """The traffic of a connection, TLS or not; None where nobody counts it."""
    while hasattr(transport, "transport"):  # TLS lies on TCP
        transport = transport.transport
    handle = getattr(transport, "socket", None)
    if not isinstance(handle, socket.socket) or not hasattr(socket, "TCP_INFO"):
        return None
    try:
        told = handle.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 256)
        queued = fcntl.ioctl(handle.fileno(), termios.TIOCOUTQ, b"\0" * 4)
    except OSError:  # it is no TCP, or has just been closed
        return None
    if len(told) < _COUNTS_AT + _COUNTS.size:
        return None
    taken, come = _COUNTS.unpack_from(told, _COUNTS_AT)
    return Traffic(taken, come, int.from_bytes(queued, "little"))


class Watched(Protocol):
    """A connection."""

    transport: Any
    # When its head began, or the last byte of its body came, or it was answered.
    quiet_since: float

    def doing(self) -> Doing: ...

    def end(self, doing: Doing) -> None: ...

    def drop(self) -> None: ...


class Clock(Protocol):
    """What time it is, and a call at another time."""

    limits: Limits

    def seconds(self) -> float: ...

    def call_later(self, seconds: float, act: Any) -> Any: ...


class Patience:
    """Waits for a connection, as long as is meant, and then ends it."""

    __slots__ = (
        "_clock",
        "_doing",
        "_every_s",
        "_has_ended",
        "_limits",
        "_since",
        "_timer",
        "_traffic",
        "_watched",
    )

    def __init__(self, watched: Watched, clock: Clock) -> None:
        self._watched = watched
        self._clock = clock
        self._limits = limits = clock.limits
        self._doing = Doing.NOTHING
        self._since = clock.seconds()  # when it last got anywhere with that
        self._traffic = _NOTHING
        self._has_ended = False
        # So often is looked, lest those get much more time than is meant who do something else now.
        times = limits.idle_s, limits.head_s, limits.body_pause_s, limits.reader_pause_s
        self._every_s = min(times) / 2
        self._timer = clock.call_later(self._every_s, self._look)

    def lose(self) -> None:
        """Wait no longer: it has ended."""
        self._has_ended = True
        if self._timer.active():
            self._timer.cancel()

    def say_farewell(self) -> None:
        """Wait a little for it to close its side, whatever it is doing."""
        if self._timer.active():
            self._timer.cancel()
        self._timer = self._clock.call_later(FAREWELL_S, self._watched.drop)

    def _look(self) -> None:
        watched, now = self._watched, self._clock.seconds()
        doing = watched.doing()
        if doing in (Doing.READING, Doing.WAITING):
            watched.quiet_since = now
        left = self._left(doing, watched.quiet_since, now)
        if left > 0:
            self._timer = self._clock.call_later(min(left, self._every_s), self._look)
        else:
            watched.end(doing)
            if not (self._has_ended or self._timer.active()):
                self._timer = self._clock.call_later(min(FAREWELL_S, self._every_s), self._look)

    def _left(self, doing: Doing, quiet_since: float, at: float) -> float:
        """How many seconds it has left for what it is doing; 0 or less: none."""
        limits, before = self._limits, self._doing
        self._doing = doing
        if doing is Doing.NOTHING:
            return quiet_since + limits.idle_s - at
        if doing is Doing.HEAD:
            return quiet_since + limits.head_s - at
        if doing is Doing.WAITING:
            return limits.idle_s
        traffic = traffic_of(self._watched.transport)
        if doing is not before:
            self._since, self._traffic = at, traffic or _NOTHING
        if doing is Doing.BODY:
            return min(quiet_since + limits.body_pause_s - at, self._left_to_send(traffic, at))
        if doing is Doing.LEAVING and not (traffic and traffic.waiting):
            return self._since + FAREWELL_S - at
        return self._left_to_read(traffic, at)

    def _left_to_send(self, traffic: Traffic | None, at: float) -> float:
        passed = at - self._since
        if traffic is None or passed < self._limits.body_pause_s:
            return self._limits.body_pause_s
        if traffic.come - self._traffic.come < self._limits.slowest_sender * passed:
            return 0
        self._since, self._traffic = at, traffic
        return self._limits.body_pause_s

    def _left_to_read(self, traffic: Traffic | None, at: float) -> float:
        if traffic is None or not traffic.waiting:  # it is we who are slow
            self._since, self._traffic = at, traffic or self._traffic
        elif traffic.taken - self._traffic.taken >= _LEAST_TAKEN:
            self._since, self._traffic = at, traffic
        return self._since + self._limits.reader_pause_s - at
