"""How much of the server a client may take, and for how long: what is configured, and who counts.

Time and connections are what an attacker takes without being anybody; memory is what bodies take
before their sender is known. Connections are counted when they begin and end, and bodies while they
come: a request without a body pays nothing.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Protocol
from twisted.logger import Logger

from archive_server.model.neighbours import neighbourhood

log = Logger()

_TELL_EVERY_S = 60
_TURNED_AWAY = (
    b"HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 10\r\n"
    b"Content-Type: text/plain\r\nContent-Length: 22\r\n\r\ntoo many connections\r\n"
)
_MIB = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Limits:
    """What is configured. Numbers are those of one process."""

    connections: int = 8000
    connections_per_address: int = 1000
    idle_s: float = 60  # between requests
    head_s: float = 60  # from the first byte of a head to its last
    body_pause_s: float = 60  # without bytes of a body
    slowest_sender: int = 100  # bytes a second, over that time
    reader_pause_s: float = 3600  # in which a client takes nothing of what is there for it
    waiting_bytes: int = 256 * _MIB  # of bodies that are coming, or whose calls are carried out


DEFAULTS = Limits()


class Held:
    """The memory that bodies of all requests have together, which are kept until they are whole."""

    def __init__(self, most: int) -> None:
        self._left = most

    def take(self, size: int) -> bool:
        """Whether there is memory for so many bytes more, which are then taken."""
        if size > self._left:
            return False
        self._left -= size
        return True

    def give_back(self, size: int) -> None:
        """Let others have them."""
        self._left += size


class Census:
    """Counts connections, in all and by address."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._by_address: Counter[str] = Counter()
        self._all = 0
        self.turned_away = 0
        self._told_at: dict[str, float] = {}  # which sentence

    def has_room(self, host: str, *, is_proxy: bool, at: float) -> bool:
        """Whether one more may come from an address; told where not, now and then.

        A proxy that is trusted brings many clients.
        """
        host = neighbourhood(host)
        if self._all >= self._limits.connections:
            self._tell("there are {count} connections, and no more are taken", at)
        elif not is_proxy and self._by_address[host] >= self._limits.connections_per_address:
            self._tell("{host} has {count} connections, and gets no more", at, host)
        else:
            return True
        self.turned_away += 1
        return False

    def enter(self, host: str) -> None:
        """Count a connection."""
        self._all += 1
        self._by_address[neighbourhood(host)] += 1

    def leave(self, host: str) -> None:
        """Count one less."""
        host = neighbourhood(host)
        self._all -= 1
        self._by_address[host] -= 1
        if not self._by_address[host]:
            del self._by_address[host]

    def _tell(self, text: str, at: float, host: str = "") -> None:
        if at - self._told_at.get(text, float("-inf")) >= _TELL_EVERY_S:
            self._told_at[text] = at
            log.warn(text, host=host, count=self._by_address[host] if host else self._all)


class TurnedAway(Protocol):
    """A connection that is one too many: told so, and closed at once."""

    def connectionMade(self) -> None:
        transport: Any = self.transport
        if ISSLTransport.providedBy(transport):  # what is said has to wait for the client
            transport.abortConnection()
        else:
            transport.write(_TURNED_AWAY)
            transport.loseConnection()
