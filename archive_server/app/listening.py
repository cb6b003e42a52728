"""The sockets that clients come to: opened once, and inherited by all who answer them.

One socket an address, not one for each worker with SO_REUSEPORT: whoever is idle takes the next
connection, and what waits for a worker that dies or is replaced waits for another one.
"""

import socket
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager

from twisted.internet.error import CannotListenError

from archive_server.options import Address

_BACKLOG = 1024


@contextmanager
def listening_at(addresses: Iterable[str]) -> Iterator[list[socket.socket]]:
    """Listen at each HOST:PORT for the time of a block. Raises CannotListenError."""
    with ExitStack() as stack:
        yield [stack.enter_context(_opened(Address.parse(text))) for text in addresses]


def url_of(listening: socket.socket) -> str:
    """What is reached at a socket."""
    host, port = listening.getsockname()[:2]
    return f"http://[{host}]:{port}/" if ":" in host else f"http://{host}:{port}/"


def _opened(address: Address) -> socket.socket:
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    opened = socket.socket(family, socket.SOCK_STREAM)
    try:
        opened.setblocking(False)
        opened.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        opened.bind((address.host, address.port))
        opened.listen(_BACKLOG)
    except OSError as error:
        opened.close()
        raise CannotListenError(address.host, address.port, error) from error
    return opened
