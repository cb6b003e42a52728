"""A client that asks and throws away what comes, at next to no cost to the machine.

The kernel discards the answers (`MSG_TRUNC`, tcp(7)) instead of copying them: 0.15 to 0.25 s of
CPU for each GB, where reading into a buffer cost 0.44 s and curl 0.66 s. 64 KiB ranges: a fifth of
a core for 32,000 a second. So it is the server that is measured, even with two cores for both.
Answers must have equal lengths, which is checked in the end.
"""

import select
import socket
import ssl
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import cycle

_AT_ONCE = 4 * 2**20
_PATIENCE_S = 30


@dataclass(frozen=True, slots=True)
class Received:
    """What came within the time."""

    answers: float  # of the last ones only a part may have come
    received_bytes: int
    elapsed_s: float
    own_cpu_s: float  # what the client itself has cost

    @property
    def share(self) -> float:
        """How much of one core the client has used."""
        return self.own_cpu_s / self.elapsed_s


class BadAnswer(Exception):
    """The server does not answer as a benchmark needs it."""


class _Connection:
    """Keeps asking, and counts what comes."""

    def __init__(self, address: tuple[str, int], requests: Sequence[bytes]) -> None:
        self.socket = socket.create_connection(address, _PATIENCE_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.requests = cycle(requests)
        self.length = 0  # of an answer with its head; known after the first
        self.left = 0
        self.received = 0

    def ask(self) -> None:
        self.socket.sendall(next(self.requests))
        self.left = self.length

    def ready(self, buffer: bytearray) -> None:
        """Take what is there, and ask again when the answer is complete."""
        if not self.length:
            self.length = self.left = _length(self.socket)
        got = self.socket.recv_into(buffer, min(self.left, _AT_ONCE), socket.MSG_TRUNC)
        if got == 0:
            raise BadAnswer("the server has closed a connection")
        self.received += got
        self.left -= got
        if self.left == 0:
            self.ask()

    def check(self, buffer: bytearray) -> None:
        """Show that the next answer begins where it must."""
        while self.left:
            got = self.socket.recv_into(buffer, min(self.left, _AT_ONCE), socket.MSG_TRUNC)
            if got == 0:
                raise BadAnswer("the server has closed a connection")
            self.left -= got
        self.ask()
        if _length(self.socket) != self.length:
            raise BadAnswer("answers have different lengths")


def receive(
    address: tuple[str, int], requests: Sequence[Sequence[bytes]], seconds: float
) -> Received:
    """Ask for so many seconds, on one connection for each sequence of requests; over and over.

    All answers on one connection must have the same length. Raises BadAnswer.
    """
    connections = [_Connection(address, asked) for asked in requests]
    buffer = bytearray(_AT_ONCE)
    try:
        with select.epoll() as poll:
            by_number = {each.socket.fileno(): each for each in connections}
            for number in by_number:
                poll.register(number, select.EPOLLIN)
            for connection in connections:
                connection.ask()
            elapsed, cpu = _until(
                seconds, poll, {number: each.ready for number, each in by_number.items()}, buffer
            )
        received = sum(each.received for each in connections)
        answers = sum(each.received / each.length for each in connections if each.length)
        for connection in connections[1:]:
            connection.socket.close()
        connections[0].check(buffer)
        return Received(answers, received, elapsed, cpu)
    finally:
        for connection in connections:
            connection.socket.close()


class _Secure:
    """Asks once on each connection, and counts what comes without deciphering it."""

    def __init__(self, address: tuple[str, int], request: bytes, context: ssl.SSLContext) -> None:
        self._address, self._request, self._context = address, request, context
        self.received = 0
        self.cipher = ""
        self.connect()

    def connect(self) -> None:
        self.socket = socket.create_connection(self._address, _PATIENCE_S)
        coming, going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._layer = self._context.wrap_bio(coming, going)
        while True:
            try:
                self._layer.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.socket.sendall(going.read())
                coming.write(self.socket.recv(65536))
        self._layer.write(self._request)
        self._going = going.read()
        self.cipher = self._layer.cipher()[0]  # type: ignore[index]  # there is one now

    def ask(self) -> None:
        self.socket.sendall(self._going)

    def ready(self, buffer: bytearray) -> bool:
        """Take what is there; False when the answer is complete."""
        got = self.socket.recv_into(buffer, _AT_ONCE, socket.MSG_TRUNC)
        self.received += got
        return got > 0


def receive_secure(
    address: tuple[str, int], request: bytes, clients: int, seconds: float
) -> tuple[Received, str]:
    """The same over TLS, with one file for each connection; and the cipher.

    `request` must ask for the connection to be closed after the answer.
    """
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connections = [_Secure(address, request, context) for _ in range(clients)]
    buffer = bytearray(_AT_ONCE)
    try:
        with select.epoll() as poll:
            handlers: dict[int, Callable[[bytearray], object]] = {}

            def begin(connection: _Secure) -> None:
                number = connection.socket.fileno()
                poll.register(number, select.EPOLLIN)
                handlers[number] = partial(go_on, connection)
                connection.ask()

            def go_on(connection: _Secure, buffer: bytearray) -> None:
                if not connection.ready(buffer):
                    connection.socket.close()
                    connection.connect()
                    begin(connection)

            for connection in connections:
                begin(connection)
            elapsed, cpu = _until(seconds, poll, handlers, buffer)
        received = sum(each.received for each in connections)
        return Received(0, received, elapsed, cpu), connections[0].cipher
    finally:
        for connection in connections:
            connection.socket.close()


def _until(
    seconds: float,
    poll: select.epoll,
    handlers: dict[int, Callable[[bytearray], object]],
    buffer: bytearray,
) -> tuple[float, float]:
    started, cpu = time.monotonic(), time.process_time()
    while (now := time.monotonic()) - started < seconds:
        ready = poll.poll(_PATIENCE_S)
        if not ready:
            raise BadAnswer(f"nothing came for {_PATIENCE_S} s")
        for number, _ in ready:
            handlers[number](buffer)
    return now - started, time.process_time() - cpu


def _length(connection: socket.socket) -> int:
    """The length of the answer that begins to come, its head included; nothing is taken."""
    deadline = time.monotonic() + _PATIENCE_S
    while b"\r\n\r\n" not in (seen := connection.recv(65536, socket.MSG_PEEK)):
        if not seen or time.monotonic() > deadline:
            raise BadAnswer(f"no answer, but {seen[:200]!r}")
        time.sleep(0.001)
    head = seen.partition(b"\r\n\r\n")[0]
    status, *lines = head.decode("latin-1").split("\r\n")
    fields = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    if status[9:12] not in ("200", "206") or "content-length" not in fields:
        raise BadAnswer(f"{status}; {sorted(fields)}")
    return len(head) + 4 + int(fields["content-length"])


def get(path: str, host: str, **fields: str) -> bytes:
    """A GET request; `Range="bytes=0-1"` and so on are further fields of its head."""
    lines = [f"GET {path} HTTP/1.1", f"Host: {host}"]
    lines += [f"{name}: {value}" for name, value in fields.items()]
    return ("\r\n".join(lines) + "\r\n\r\n").encode()
