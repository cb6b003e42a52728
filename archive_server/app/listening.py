"""Where clients come in: sockets opened once, and inherited by all who answer there.

One socket an address, not one for each worker with SO_REUSEPORT: whoever is idle takes the next
connection, and what waits for a worker that dies or is replaced waits for another one.
"""

import errno
import socket
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.error import CannotListenError
from twisted.internet.protocol import Factory

from archive_server.app.tls import Certificates
from archive_server.config import Config
from archive_server.http.port import FilePort, listen, listening_socket
from archive_server.http.secure_transport import SecurePort
from archive_server.options import Address

# A server that is started anew right after `kill -9` may find the address in use by a worker that
# was just being started, and ends as soon as it notices (`cli.worker`).
_PATIENCE_S = 2
_PAUSE_S = 0.05


@dataclass(frozen=True, slots=True)
class Entrance:
    """A socket that listens."""

    socket: socket.socket
    is_secure: bool  # TLS is spoken there

    @property
    def url(self) -> str:
        """Where it is found."""
        host, port = self.socket.getsockname()[:2]
        scheme = "https" if self.is_secure else "http"
        return f"{scheme}://[{host}]:{port}/" if ":" in host else f"{scheme}://{host}:{port}/"


@contextmanager
def entrances(config: Config) -> Iterator[list[Entrance]]:
    """Listen wherever the configuration says for the time of a block. Raises CannotListenError."""
    wanted = [(text, False) for text in config.server.listen]
    wanted += [(text, True) for text in config.tls.listen]
    with ExitStack() as stack:
        opened = []
        for text, is_secure in wanted:
            made = stack.enter_context(_listening(Address.parse(text)))
            opened.append(Entrance(made, is_secure))
        yield opened


def _listening(address: Address) -> socket.socket:
    """Listen there. Raises CannotListenError if another keeps the address."""
    give_up_at = time.monotonic() + _PATIENCE_S
    while True:
        try:
            return listening_socket(address.host, address.port)
        except CannotListenError as error:
            is_in_use = error.socketError.errno == errno.EADDRINUSE
            if not is_in_use or time.monotonic() > give_up_at:
                raise
        time.sleep(_PAUSE_S)


def certificates(config: Config, kept: Sequence[int] = ()) -> Certificates:
    """What is shown where TLS is spoken. Raises ConfigError, unless there is what was kept."""
    return Certificates(Path(config.tls.certificate), Path(config.tls.key), kept)


def take_connections(
    reactor: Any,
    entrance: Entrance,
    site: Factory,
    shown: Certificates | None,
    *,
    is_shared: bool = False,
) -> FilePort:
    """Let the site have the connections to an entrance, until its port stops listening.

    Where other processes take connections from it, too, each leaves the others their part.
    """
    if entrance.is_secure:
        assert shown is not None, "where TLS is spoken there are certificates"
        port = listen(reactor, entrance.socket, site, SecurePort)
        port.secured = shown.secured
    else:
        port = listen(reactor, entrance.socket, site)
    if is_shared:
        port.share()
    port.startListening()
    taken: FilePort = port
    return taken
