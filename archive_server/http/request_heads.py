"""What the head of a request tells: who asks, and how."""

from collections.abc import Mapping
from typing import Any, Protocol
from urllib.parse import parse_qs

from archive_server.http.proxies import Proxies


class Believing(Protocol):
    """Who knows which proxies are believed."""

    proxies: Proxies | None  # None: none is


class RequestHead:
    """The head of a request that has come."""

    front: Believing
    peer: Any  # who has sent it to us
    target: bytes
    headers: Mapping[bytes, bytes]  # with lower-case names, repeated ones joined
    _arguments: Mapping[str, list[str]] | None = None

    @property
    def address(self) -> str:
        """The client's address, as far as it is known for certain."""
        proxies, host = self.front.proxies, getattr(self.peer, "host", "")
        return host if proxies is None else proxies.client(host, self.headers)

    @property
    def is_forwarded(self) -> bool:
        """Whether it came through a trusted proxy."""
        proxies = self.front.proxies
        return proxies is not None and proxies.passes_on(self._host, self.headers)

    @property
    def is_vouched_for(self) -> bool:
        """Whether a trusted proxy tells its address."""
        proxies = self.front.proxies
        return proxies is not None and proxies.tells(self._host, self.headers)

    @property
    def _host(self) -> str:
        return getattr(self.peer, "host", "")

    def header(self, name: str) -> str | None:
        """A header, by its lower-case name; the lines of a repeated one are joined by commas."""
        value = self.headers.get(name.encode())
        return None if value is None else value.decode("latin-1")

    def argument(self, name: str) -> str | None:
        """A parameter of the query, or None."""
        if self._arguments is None:
            query = self.target.partition(b"?")[2].decode("latin-1")
            self._arguments = parse_qs(query, keep_blank_values=True, errors="replace")
        values = self._arguments.get(name)
        return values[-1] if values else None

    def cookie(self, name: str) -> str | None:
        """A cookie, or None."""
        for pair in (self.header("cookie") or "").split(";"):
            key, _, value = pair.strip().partition("=")
            if key == name:
                return value
        return None
