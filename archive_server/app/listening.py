"""Where clients come in: sockets that listen, and the ports of the reactor over them.

The two are apart, so that one process can open the sockets and others take connections from them.
"""

import socket
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory
from twisted.protocols.tls import TLSMemoryBIOFactory

from archive_server.app.tls import Certificates
from archive_server.config import Config
from archive_server.http.transport import FilePort, listen, listening_socket
from archive_server.options import Address


@dataclass(frozen=True, slots=True)
class Entrance:
    """A socket that listens."""

    socket: socket.socket
    is_secure: bool

    @property
    def url(self) -> str:
        """Where it is found."""
        host, port = self.socket.getsockname()[:2]
        scheme = "https" if self.is_secure else "http"
        return f"{scheme}://[{host}]:{port}/" if ":" in host else f"{scheme}://{host}:{port}/"


def open_entrances(config: Config) -> list[Entrance]:
    """Listen wherever the configuration says.

    Raises CannotListenError, and then has closed all again.
    """
    opened: list[Entrance] = []
    wanted = [(text, False) for text in config.server.listen]
    wanted += [(text, True) for text in config.tls.listen]
    try:
        for text, is_secure in wanted:
            address = Address.parse(text)
            opened.append(Entrance(listening_socket(address.host, address.port), is_secure))
    except CannotListenError:
        close(opened)
        raise
    return opened


def close(entrances: Sequence[Entrance]) -> None:
    """Listen no more."""
    for entrance in entrances:
        entrance.socket.close()


def certificates(config: Config) -> Certificates | None:
    """What is needed for TLS; None where nobody listens for it. Raises ConfigError."""
    if not config.tls.listen:
        return None
    return Certificates(Path(config.tls.certificate), Path(config.tls.key))


def take_connections(
    reactor: Any, entrance: Entrance, site: Factory, shown: Certificates | None
) -> FilePort:
    """Let the site have the connections to an entrance, until its port stops listening."""
    factory: Any = site
    if entrance.is_secure:
        assert shown is not None, "whoever listens for TLS has certificates"
        # mypy does not see what zope.interface declares
        creator: Any = shown
        inner: Any = site
        factory = TLSMemoryBIOFactory(creator, False, inner, reactor)
        factory.noisy = False
    return listen(reactor, entrance.socket, factory)
