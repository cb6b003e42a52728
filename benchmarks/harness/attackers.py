"""Clients who mean no good, as a program: `attackers KIND HOST PORT COUNT PATH`.

It says "ready" when all of them are at work, and ends with its standard input. They come from
addresses of their own (127.0.1.x), so that nobody else is taken for one of them.
"""

import os
import select
import socket
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import suppress

_PER_ADDRESS = 250
_LITTLE = 16 * 1024  # bytes that a reader has room for
_TICK_S = 0.2


class Crowd:
    """Connections, each made again when it is closed."""

    def __init__(self, server: tuple[str, int], count: int, begin: bytes) -> None:
        """`begin` is what each sends at once."""
        self._server = server
        self._begin = begin
        self.open = [self._connected(number) for number in range(count)]

    def _connected(self, number: int) -> socket.socket:
        made = socket.socket()
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _LITTLE)
        made.bind((f"127.0.1.{1 + number // _PER_ADDRESS}", 0))
        made.connect(self._server)
        made.setblocking(False)
        made.sendall(self._begin)
        return made

    def replace_closed(self) -> None:
        """Come again where the server has hung up."""
        for number, one in enumerate(self.open):
            with suppress(BlockingIOError):
                try:
                    is_closed = not one.recv(1, socket.MSG_PEEK)
                except OSError as error:
                    if isinstance(error, BlockingIOError):
                        raise
                    is_closed = True
                if is_closed:
                    one.close()
                    self.open[number] = self._connected(number)


def idle(server: tuple[str, int], count: int, path: str) -> Callable[[], None]:
    """Come, and say nothing."""
    crowd = Crowd(server, count, b"")
    return _every_tick(crowd.replace_closed)


def slow_readers(server: tuple[str, int], count: int, path: str) -> Callable[[], None]:
    """Ask for a file, and read nothing of it."""
    crowd = Crowd(server, count, f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
    return _every_tick(crowd.replace_closed)


def slow_heads(server: tuple[str, int], count: int, path: str) -> Callable[[], None]:
    """Begin a request, and never end its head."""
    crowd = Crowd(server, count, b"GET /livez HTTP/1.1\r\nHost: a\r\nX-A: ")

    def dribble() -> None:
        crowd.replace_closed()
        for one in crowd.open:
            with suppress(OSError):
                one.send(b"a")

    return _every_tick(dribble)


def guessers(server: tuple[str, int], count: int, path: str) -> Callable[[], None]:
    """Try one password after the other."""
    call = (
        "<methodCall><methodName>locstor.login</methodName><params><param><value><struct>"
        "<member><name>login</name><value>root</value></member>"
        "<member><name>pass</name><value>guess</value></member>"
        "</struct></value></param></params></methodCall>"
    )
    return _flood(server, count, _post(call.encode()))


def malformed(server: tuple[str, int], count: int, path: str) -> Callable[[], None]:
    """Call what is no call: XML that is cut off, nested, or none."""
    return _flood(server, count, _post(b"<methodCall>" + b"<a>" * 500 + b"</b>"))


KINDS: Mapping[str, Callable[[tuple[str, int], int, str], Callable[[], None]]] = {
    "idle": idle,
    "slow-readers": slow_readers,
    "slow-heads": slow_heads,
    "guessers": guessers,
    "malformed": malformed,
}


def _post(body: bytes) -> bytes:
    head = f"POST /RPC2 HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
    return head.encode() + body


def _every_tick(act: Callable[[], None]) -> Callable[[], None]:
    def work() -> None:
        act()
        time.sleep(_TICK_S)

    return work


def _flood(server: tuple[str, int], count: int, request: bytes) -> Callable[[], None]:
    """Send a request, again as soon as it is answered, on each of some connections."""
    crowd = Crowd(server, count, request)

    def work() -> None:
        ready, _, _ = select.select(crowd.open, [], [], _TICK_S)
        for one in ready:
            with suppress(OSError):
                if one.recv(65536):
                    one.sendall(request)
        crowd.replace_closed()

    return work


def main(kind: str, host: str, port: str, count: str, path: str) -> None:
    """Work until standard input ends."""
    work = KINDS[kind]((host, int(port)), int(count), path)
    sys.stdout.write("ready\n")
    sys.stdout.flush()
    os.set_blocking(0, False)
    while True:
        work()
        with suppress(BlockingIOError):
            if not os.read(0, 1):
                return


if __name__ == "__main__":
    main(*sys.argv[1:])
