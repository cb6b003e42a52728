"""TLS on real sockets with little room, whose readiness the test decides."""

import errno
import os
import random
import socket
import ssl
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from support import in_flight
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.main import CONNECTION_DONE, CONNECTION_LOST
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from archive_server.app.tls import Certificates
from archive_server.http.secure_transport import SecurePort, SecureTransport
from archive_server.http.transport import FileTooShort
from benchmarks.harness.certificate import make_certificate

SIZE = 3_000_000
_LONGEST_S = 60  # of a transfer
CONTENT = os.urandom(SIZE)


class Reactor(Clock):
    """Notes who waits for what; the test lets it happen."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[object] = set()
        self.writers: set[object] = set()

    def addReader(self, reader: object) -> None:  # noqa: N802
        self.readers.add(reader)

    def removeReader(self, reader: object) -> None:  # noqa: N802
        self.readers.discard(reader)

    def addWriter(self, writer: object) -> None:  # noqa: N802
        self.writers.add(writer)

    def removeWriter(self, writer: object) -> None:  # noqa: N802
        self.writers.discard(writer)


class Received(Protocol):
    """Keeps what comes."""

    def __init__(self) -> None:
        self.data = b""
        self.lost: Failure | None = None

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        self.data += data

    def connectionLost(self, reason: Failure = Failure(ConnectionDone())) -> None:  # noqa: B008, N802
        self.lost = reason


class Client:
    """One connection: our transport, and who is served by it."""

    def __init__(self, certificates: Certificates, context: ssl.SSLContext) -> None:
        self.reactor = Reactor()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.socket = socket.create_connection(listening.getsockname())
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20_000)
            accepted, address = listening.accept()
        accepted.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 20_000)
        self.socket.setblocking(False)
        self.accepted = accepted
        self.protocol = Received()
        port = SecurePort(0, Factory(), reactor=self.reactor)
        port.secured = certificates.secured
        self.transport = SecureTransport(accepted, self.protocol, address, port, 1, self.reactor)
        self.protocol.makeConnection(self.transport)
        self.coming, self.going = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.layer = context.wrap_bio(self.coming, self.going)
        self.received = b""
        self.has_ended = False

    def shake_hands(self) -> None:
        for _ in range(50):
            try:
                self.layer.do_handshake()
            except ssl.SSLWantReadError:
                self.turn()
            else:
                self.turn()
                return
        raise AssertionError("no handshake")

    def turn(self) -> None:
        """Let bytes go both ways, once."""
        if out := self.going.read():
            self.socket.sendall(out)
        if self.transport in self.reactor.readers:
            self._done(self.transport.doRead())
        if self.transport in self.reactor.writers:
            self._done(self.transport.doWrite())
        try:
            some = self.socket.recv(30_000)
        except BlockingIOError:
            return
        if some:
            self.coming.write(some)
        else:
            self.coming.write_eof()
            self.has_ended = True

    def read(self) -> None:
        """Decipher what has come."""
        try:
            while some := self.layer.read(1 << 20):
                self.received += some
        except ssl.SSLWantReadError:
            pass

    def finish(self, done: Deferred[None] | None = None) -> None:
        """Turn until all is sent and read; the kernel may take its time where there is no room."""
        deadline = time.monotonic() + _LONGEST_S
        while time.monotonic() < deadline:
            was_there, before = self._is_there(done), self._come()
            self.turn()
            self.read()
            if was_there and self._come() == before:
                return
        raise AssertionError("it does not come to an end")

    def _is_there(self, done: Deferred[None] | None) -> bool:
        """Whether all that was sent on both sides has only to be read."""
        is_sent = (done is None or done.called) and self.transport not in self.reactor.writers
        return is_sent and not in_flight(self.accepted) and not in_flight(self.socket)

    def _come(self) -> tuple[int, int]:
        return len(self.received), len(self.protocol.data)

    def _done(self, why: Any) -> None:
        if why is not None:
            self.transport.connectionLost(Failure(why))


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    made = make_certificate(tmp_path_factory.mktemp("certificate"))
    return Certificates(made.chain, made.key)


@pytest.fixture(params=[ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
def client(request: pytest.FixtureRequest, certificates: Certificates) -> Iterator[Client]:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    context.minimum_version = context.maximum_version = request.param
    made = Client(certificates, context)
    yield made
    made.socket.close()
    if made.transport.connected:
        made.transport.connectionLost(Failure(ConnectionLost()))
    made.reactor.advance(0)


@pytest.fixture
def shaken(client: Client) -> Client:
    client.shake_hands()
    return client


@pytest.fixture
def path(tmp_path: Path) -> Path:
    made = tmp_path / "file"
    made.write_bytes(CONTENT)
    return made


@pytest.fixture
def fd(path: Path) -> Iterator[int]:
    opened = os.open(path, os.O_RDONLY)
    yield opened
    os.close(opened)


def test_what_is_written_on_both_sides_arrives(shaken: Client) -> None:
    shaken.transport.write(b"hello")
    sent = os.urandom(100_000)
    shaken.layer.write(sent)
    shaken.finish()
    assert shaken.received == b"hello"
    assert shaken.protocol.data == sent


def test_a_file_goes_behind_its_head_to_a_client_with_little_room(shaken: Client, fd: int) -> None:
    done = shaken.transport.sendFile(fd, 7, SIZE - 7, b"head ")
    assert not done.called
    shaken.finish(done)
    assert shaken.received == b"head " + CONTENT[7:]


def test_many_answers_in_a_row_arrive_in_order(shaken: Client, fd: int) -> None:
    chance = random.Random(5)
    expected = b""
    for _ in range(60):
        before = chance.randbytes(chance.choice([0, 1, 300, 40_000, 200_000]))
        head = chance.randbytes(chance.choice([0, 200, 140_000]))
        first = chance.randrange(SIZE)
        count = min(chance.choice([0, 1, 16_384, 65_536, 300_000]), SIZE - first)
        shaken.transport.write(before)
        shaken.turn()
        shaken.finish(shaken.transport.sendFile(fd, first, count, head))
        expected += before + head + CONTENT[first : first + count]
    assert shaken.received == expected


def test_a_disk_that_fails_ends_the_connection(
    shaken: Client, fd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "preadv", fail)
    failures: list[Failure] = []
    shaken.transport.sendFile(fd, 0, SIZE).addErrback(failures.append)
    assert failures[0].check(OSError)
    assert not failures[0].check(ConnectionError)
    shaken.reactor.advance(0)
    assert shaken.protocol.lost is not None


def test_a_file_that_gets_shorter_ends_the_connection(shaken: Client, fd: int, path: Path) -> None:
    failures: list[Failure] = []
    done = shaken.transport.sendFile(fd, 0, SIZE)
    done.addErrback(failures.append)
    os.truncate(path, 100)
    for _ in range(100):
        shaken.turn()
    assert failures[0].check(FileTooShort)
    shaken.reactor.advance(0)
    assert shaken.protocol.lost is not None


def test_a_client_that_leaves_is_told_of(shaken: Client, fd: int) -> None:
    failures: list[Failure] = []
    done = shaken.transport.sendFile(fd, 0, SIZE)
    done.addErrback(failures.append)
    shaken.socket.close()
    for _ in range(20):
        if shaken.transport in shaken.reactor.writers:
            why = shaken.transport.doWrite()
            if why is not None:
                shaken.transport.connectionLost(Failure(why))
        shaken.reactor.advance(0)
    assert failures[0].check(ConnectionLost)
    assert shaken.protocol.lost is not None


def test_an_end_is_said_behind_all_that_was_written(shaken: Client) -> None:
    some = os.urandom(300_000)
    shaken.transport.write(some)
    shaken.transport.loseConnection()
    deadline = time.monotonic() + _LONGEST_S
    while not shaken.has_ended and time.monotonic() < deadline:
        shaken.turn()
        shaken.read()
    # Not cut off: an end without goodbye would be an error.
    assert shaken.layer.read(1) == b""
    assert shaken.has_ended
    assert shaken.received == some


def test_our_side_is_ended_while_the_client_goes_on(shaken: Client) -> None:
    shaken.transport.write(b"too large")
    shaken.transport.loseWriteConnection()
    shaken.finish()
    assert (shaken.received, shaken.layer.read(1)) == (b"too large", b"")
    shaken.layer.write(bytes(50_000))
    shaken.finish()
    assert len(shaken.protocol.data) == 50_000
    assert shaken.protocol.lost is None


def test_the_goodbye_of_a_client_is_an_end(shaken: Client) -> None:
    shaken.layer.write(b"last words")
    with pytest.raises(ssl.SSLWantReadError):
        shaken.layer.unwrap()
    shaken.socket.sendall(shaken.going.read())
    assert shaken.transport.doRead() is CONNECTION_DONE
    assert shaken.protocol.data == b"last words"


def test_what_is_not_tls_is_cut_off(client: Client) -> None:
    client.socket.sendall(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n")
    assert client.transport.doRead() is CONNECTION_LOST
    assert client.protocol.data == b""


def test_a_connection_may_end_before_it_has_begun(client: Client) -> None:
    client.transport.loseConnection()
    client.turn()
    assert client.protocol.lost is not None
