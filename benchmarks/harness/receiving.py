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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import cycle

_AT_ONCE = 4 * 2**20
_PATIENCE_S = 30
_CLOSED = "the server has closed a connection"


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
        _send(self.socket, next(self.requests))
        self.left = self.length

    def ready(self, buffer: bytearray) -> None:
        """Take what is there, and ask again when the answer is complete."""
        if not self.length:
            self.length = self.left = _length(self.socket)
        got = _take(self.socket, buffer, min(self.left, _AT_ONCE))
        self.received += got
        self.left -= got
        if self.left == 0:
            self.ask()

    def check(self, buffer: bytearray) -> None:
        """Show that the next answer begins where it must."""
        while self.left:
            self.left -= _take(self.socket, buffer, min(self.left, _AT_ONCE))
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
    """Keeps asking over TLS, and counts what comes without deciphering it.

    The next request goes out when as many bytes have come as the answer has in the clear. Its end
    is on the way then: the cipher adds two bytes to a thousand.
    """

    def __init__(
        self, address: tuple[str, int], request: bytes, length: int, context: ssl.SSLContext
    ) -> None:
        self._request, self._length = request, length
        self._expected = 0
        self.received = 0
        self.socket = socket.create_connection(address, _PATIENCE_S)
        coming, self._going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._layer = context.wrap_bio(coming, self._going)
        while True:
            try:
                self._layer.do_handshake()
                break
            except ssl.SSLWantReadError:
                self.socket.sendall(self._going.read())
                coming.write(self.socket.recv(65536))

    @property
    def cipher(self) -> str:
        """What the server has chosen."""
        return (self._layer.cipher() or ("",))[0]

    def ask(self) -> None:
        self._layer.write(self._request)
        _send(self.socket, self._going.read())
        self._expected += self._length

    def ready(self, buffer: bytearray) -> None:
        """Take what is there, and ask again when the answer is nearly complete."""
        self.received += _take(self.socket, buffer, _AT_ONCE)
        if self.received >= self._expected:
            self.ask()


def receive_secure(
    address: tuple[str, int], request: bytes, clients: int, seconds: float
) -> tuple[Received, str]:
    """The same over TLS, always with one request; and the cipher. Raises BadAnswer."""
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    length = _whole_answer(address, request, context)
    connections = [_Secure(address, request, length, context) for _ in range(clients)]
    try:
        with select.epoll() as poll:
            handlers = {each.socket.fileno(): each.ready for each in connections}
            for number in handlers:
                poll.register(number, select.EPOLLIN)
            for connection in connections:
                connection.ask()
            elapsed, cpu = _until(seconds, poll, handlers, bytearray(_AT_ONCE))
        received = sum(each.received for each in connections)
        return Received(received / length, received, elapsed, cpu), connections[0].cipher
    finally:
        for connection in connections:
            connection.socket.close()


def _whole_answer(address: tuple[str, int], request: bytes, context: ssl.SSLContext) -> int:
    """Read an answer in the clear, to its end; return its length."""
    with context.wrap_socket(socket.create_connection(address, _PATIENCE_S)) as secure:
        secure.sendall(request)
        seen = b""
        while b"\r\n\r\n" not in seen:
            if not (block := secure.recv(65536)):
                raise BadAnswer(f"no answer, but {seen[:200]!r}")
            seen += block
        length = _length_of(seen)
        left = length - len(seen)
        while left > 0:
            if not (got := len(secure.recv(_AT_ONCE))):
                raise BadAnswer(f"{left} bytes of the answer are missing")
            left -= got
        return length


def _until(
    seconds: float,
    poll: select.epoll,
    handlers: Mapping[int, Callable[[bytearray], None]],
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


def _send(to: socket.socket, request: bytes) -> None:
    """Send; a peer that has closed is found out here, or at the next reading."""
    try:
        to.sendall(request)
    except ConnectionError as error:
        raise BadAnswer(_CLOSED) from error


def _take(connection: socket.socket, buffer: bytearray, most: int) -> int:
    """Throw away what has come, and count it."""
    try:
        got = connection.recv_into(buffer, most, socket.MSG_TRUNC)
    except ConnectionError as error:  # closed before it had read our last request
        raise BadAnswer(_CLOSED) from error
    if got == 0:
        raise BadAnswer(_CLOSED)
    return got


def _length(connection: socket.socket) -> int:
    """The length of the answer that begins to come, its head included; nothing is taken."""
    deadline = time.monotonic() + _PATIENCE_S
    while b"\r\n\r\n" not in (seen := _peek(connection)):
        if not seen or time.monotonic() > deadline:
            raise BadAnswer(f"no answer, but {seen[:200]!r}")
        time.sleep(0.001)
    return _length_of(seen)


def _peek(connection: socket.socket) -> bytes:
    try:
        return connection.recv(65536, socket.MSG_PEEK)
    except ConnectionError as error:
        raise BadAnswer(_CLOSED) from error


def _length_of(seen: bytes) -> int:
    """The length of an answer, its head included, whose head is complete."""
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
