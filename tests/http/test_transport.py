"""Files sent by the kernel, over real sockets whose readiness the test decides."""

import errno
import os
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from support import in_flight
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from archive_server.http.port import FilePort
from archive_server.http.transport import BUDGET, FileTooShort, FileTransport

SIZE = 2 * BUDGET + 600_000
CONTENT = os.urandom(SIZE)


class Reactor(Clock):
    """Notes who waits for what; the test lets it happen."""

    def __init__(self) -> None:
        super().__init__()
        self.readers: set[object] = set()
        self.writers: set[FileTransport] = set()

    def addReader(self, reader: object) -> None:  # noqa: N802
        self.readers.add(reader)

    def removeReader(self, reader: object) -> None:  # noqa: N802
        self.readers.discard(reader)

    def addWriter(self, writer: FileTransport) -> None:  # noqa: N802
        self.writers.add(writer)

    def removeWriter(self, writer: FileTransport) -> None:  # noqa: N802
        self.writers.discard(writer)


class TurningReactor(Reactor):
    """Lets transports write at the end of its turns."""

    def __init__(self) -> None:
        super().__init__()
        self.due: list[FileTransport] = []
        self.told: list[tuple[Any, Any]] = []

    def tellSoon(self, act: Any, what: Any) -> None:  # noqa: N802
        self.told.append((act, what))

    def writeSoon(self, transport: FileTransport) -> None:  # noqa: N802
        self.due.append(transport)

    def end_turn(self) -> None:
        """As `archive_server.app.reactor` does it."""
        while self.due or self.told:
            due, self.due = self.due, []
            for transport in due:
                why = transport.writeNow()
                if why is not None:
                    transport.connectionLost(Failure(why))
            told, self.told = self.told, []
            for act, what in told:
                act(what)


class Client:
    """One connection: our transport, and the socket of who is served by it."""

    def __init__(self, reactor: Reactor, listening: socket.socket) -> None:
        self.reactor = reactor
        self.socket = socket.create_connection(listening.getsockname())
        self.socket.setblocking(False)
        accepted, address = listening.accept()
        self.accepted = accepted
        self.protocol = Protocol()
        port = FilePort(0, Factory(), reactor=reactor)
        self.transport = FileTransport(
            accepted, self.protocol, address, port, 1, cast(Any, reactor)
        )
        self.protocol.makeConnection(self.transport)
        self.received = b""

    def read(self, most: int = 1 << 30) -> int:
        """Take what was sent; how much it was."""
        before = len(self.received)
        while len(self.received) - before < most:
            try:
                some = self.socket.recv(min(most, 1 << 20))
            except BlockingIOError:
                if in_flight(self.accepted):
                    continue
                break
            if not some:
                break
            self.received += some
        return len(self.received) - before

    def turn(self) -> None:
        """Let the transport write, as the reactor does when there is room."""
        if self.transport in self.reactor.writers:
            why = self.transport.doWrite()
            if why is not None:
                self.transport.connectionLost(Failure(why))

    def finish(self, done: Deferred[None]) -> None:
        """Turn and read until all is sent."""
        for _ in range(2000):
            self.turn()
            self.read()
            if done.called and self.transport not in self.reactor.writers:
                self.read()
                return
        raise AssertionError("it does not come to an end")


@pytest.fixture
def reactor() -> Reactor:
    return Reactor()


@pytest.fixture
def connect(reactor: Reactor) -> Iterator[Any]:
    """Makes connections."""
    made: list[Client] = []
    with socket.create_server(("127.0.0.1", 0)) as listening:

        def connect() -> Client:
            made.append(Client(reactor, listening))
            return made[-1]

        yield connect
        for client in made:
            client.socket.close()
            if hasattr(client.transport, "socket"):
                client.transport.connectionLost(Failure(ConnectionLost()))
        reactor.advance(0)


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "content"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def fd(path: Path) -> Iterator[int]:
    fd = os.open(path, os.O_RDONLY)
    yield fd
    os.close(fd)


def failure_of(done: Deferred[None]) -> BaseException:
    failures: list[Failure] = []
    done.addErrback(failures.append)
    return failures[0].value


def test_a_small_part_is_there_at_once(connect: Any, reactor: Reactor, fd: int) -> None:
    client = connect()
    done = client.transport.sendFile(fd, 5, 1000, b"head ")
    assert done.called
    assert not reactor.writers
    client.read()
    assert client.received == b"head " + CONTENT[5:1005]


def test_a_file_comes_whole_in_as_many_turns_as_it_takes(connect: Any, fd: int) -> None:
    client = connect()
    done = client.transport.sendFile(fd, 0, SIZE, b"head ")
    assert not done.called
    client.finish(done)
    assert client.received == b"head " + CONTENT


def test_a_client_that_takes_little_gets_it_whole(connect: Any, fd: int) -> None:
    client = connect()
    done = client.transport.sendFile(fd, 0, 3_000_000, b"head ")
    for _ in range(3000):
        client.read(1500)
        client.turn()
    client.finish(done)
    assert client.received == b"head " + CONTENT[:3_000_000]


def test_what_was_written_before_goes_first(connect: Any, fd: int) -> None:
    client = connect()
    before = os.urandom(6_000_000)
    client.transport.write(before)
    done = client.transport.sendFile(fd, 0, 1000, b"head ")
    assert not done.called
    client.finish(done)
    client.transport.write(b" after")
    client.read()
    assert client.received == before + b"head " + CONTENT[:1000] + b" after"


def test_one_file_after_the_other(connect: Any, fd: int) -> None:
    client = connect()
    for start in range(0, SIZE, 1_000_000):
        client.finish(client.transport.sendFile(fd, start, 1_000_000, b""))
    assert client.received == CONTENT


def test_nobody_sends_more_than_the_budget_in_a_turn(
    connect: Any, fd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def sendfile(out: int, source: int, offset: int, count: int) -> int:
        """A client that takes all there is."""
        asked.append(count)
        return count

    monkeypatch.setattr(os, "sendfile", sendfile)
    first, second = connect(), connect()
    done = [client.transport.sendFile(fd, 0, SIZE) for client in (first, second)]
    assert asked == [BUDGET, BUDGET]
    first.turn()
    second.turn()
    assert asked == [BUDGET] * 4
    first.turn()
    assert [each.called for each in done] == [True, False]


def test_a_full_client_costs_nothing_until_it_reads(
    connect: Any, fd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    client, other = connect(), connect()
    client.transport.sendFile(fd, 0, SIZE).addErrback(lambda _: None)
    client.turn()
    with monkeypatch.context() as patch:
        patch.setattr(os, "sendfile", lambda *_: pytest.fail("it is full"))
        client.transport.reactor.advance(10)
    other.finish(other.transport.sendFile(fd, 0, 100_000))
    assert other.received == CONTENT[:100_000]


def test_a_file_that_got_shorter_breaks_the_connection(
    connect: Any, reactor: Reactor, fd: int, path: Path
) -> None:
    client = connect()
    done = client.transport.sendFile(fd, 0, SIZE)
    os.truncate(path, 100)
    for _ in range(100):
        client.read()
        client.turn()
    assert isinstance(failure_of(done), FileTooShort)
    reactor.advance(0)
    assert not client.transport.connected


def test_a_disk_that_fails_breaks_the_connection(
    connect: Any, reactor: Reactor, fd: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: int) -> int:
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(os, "sendfile", fail)
    client = connect()
    error = failure_of(client.transport.sendFile(fd, 0, SIZE))
    assert isinstance(error, OSError)
    assert error.errno == errno.EIO
    reactor.advance(0)
    assert not client.transport.connected


def test_a_client_that_resets_ends_it(connect: Any, reactor: Reactor, fd: int) -> None:
    client = connect()
    done = client.transport.sendFile(fd, 0, SIZE)
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
    client.socket.close()
    client.turn()
    client.turn()
    assert isinstance(failure_of(done), ConnectionLost)
    reactor.advance(0)
    assert not client.transport.connected


def test_a_lost_connection_is_told(connect: Any, fd: int) -> None:
    client = connect()
    done = client.transport.sendFile(fd, 0, SIZE)
    client.transport.connectionLost(Failure(ConnectionLost()))
    assert isinstance(failure_of(done), ConnectionLost)
    assert isinstance(failure_of(client.transport.sendFile(fd, 0, 5)), ConnectionLost)


def test_closing_waits_for_the_file(connect: Any, fd: int) -> None:
    client = connect()
    done = client.transport.sendFile(fd, 0, SIZE)
    client.transport.loseConnection()
    for _ in range(500):
        client.read()
        client.turn()
    assert done.called
    assert client.received == CONTENT
    assert not client.transport.connected


def test_half_closing_waits_for_the_file(connect: Any, fd: int) -> None:
    client = connect()
    done = client.transport.sendFile(fd, 0, SIZE)
    client.transport.loseWriteConnection()
    client.finish(done)
    client.turn()
    assert client.received == CONTENT
    client.socket.setblocking(True)
    assert client.socket.recv(1) == b""
    assert client.transport.connected


def test_a_producer_that_was_paused_goes_on_behind_the_file(connect: Any, fd: int) -> None:
    told: list[str] = []

    class Producer:
        def pauseProducing(self) -> None:  # noqa: N802
            told.append("pause")

        def resumeProducing(self) -> None:  # noqa: N802
            told.append("resume")

        def stopProducing(self) -> None:  # noqa: N802
            told.append("stop")

    client = connect()
    client.transport.registerProducer(Producer(), True)
    client.transport.write(bytes(8_000_000))
    assert told == ["pause"]
    done = client.transport.sendFile(fd, 0, 1000)
    client.finish(done)
    assert told == ["pause", "resume"]
    assert len(client.received) == 8_001_000


def test_a_small_write_needs_no_reactor(connect: Any, reactor: Reactor) -> None:
    client = connect()
    client.transport.write(b"abc")
    assert not reactor.writers
    client.read()
    assert client.received == b"abc"


class TestTurns:
    """What is written goes out when the reactor's turn ends."""

    @pytest.fixture
    def reactor(self) -> TurningReactor:
        return TurningReactor()

    def test_nothing_goes_out_before(self, connect: Any, reactor: TurningReactor, fd: int) -> None:
        client, other = connect(), connect()
        client.transport.write(b"one ")
        client.transport.write(b"two ")
        done = client.transport.sendFile(fd, 5, 1000, b"head ")
        other.transport.write(b"other")
        assert client.read() == other.read() == 0
        assert not done.called
        reactor.end_turn()
        assert done.called
        client.read(), other.read()
        assert client.received == b"one two head " + CONTENT[5:1005]
        assert other.received == b"other"
        assert not reactor.writers

    def test_what_follows_an_answer_goes_out_in_the_same_turn(
        self, connect: Any, reactor: TurningReactor, fd: int
    ) -> None:
        client = connect()
        done = client.transport.sendFile(fd, 0, 1000, b"first ")
        done.addCallback(lambda _: client.transport.write(b" second"))
        reactor.end_turn()
        client.read()
        assert client.received == b"first " + CONTENT[:1000] + b" second"

    def test_what_a_client_does_not_take_waits_for_it(
        self, connect: Any, reactor: TurningReactor
    ) -> None:
        client = connect()
        big = os.urandom(20_000_000)
        client.transport.write(big)
        reactor.end_turn()
        assert reactor.writers == {client.transport}
        client.transport.write(b" end")
        assert not reactor.due, "there is room no sooner"
        for _ in range(2000):
            client.turn()
            client.read()
        assert client.received == big + b" end"
        assert not reactor.writers

    def test_the_producer_pauses_while_much_waits(
        self, connect: Any, reactor: TurningReactor
    ) -> None:
        told: list[str] = []

        class Producer:
            def pauseProducing(self) -> None:  # noqa: N802
                told.append("pause")

            def resumeProducing(self) -> None:  # noqa: N802
                told.append("resume")

            def stopProducing(self) -> None:  # noqa: N802
                told.append("stop")

        client = connect()
        client.transport.registerProducer(Producer(), True)
        client.transport.write(b"x" * 1000)
        assert told == []
        client.transport.write(b"x" * 100_000)
        assert told == ["pause"]
        reactor.end_turn()
        assert told == ["pause", "resume"]

    @pytest.mark.parametrize("manner", ["loseConnection", "loseWriteConnection"])
    def test_what_was_written_goes_out_before_the_end(
        self, connect: Any, reactor: TurningReactor, manner: str
    ) -> None:
        client = connect()
        client.transport.write(b"last words")
        getattr(client.transport, manner)()
        reactor.end_turn()
        client.read()
        assert client.received == b"last words"
        assert client.socket.recv(1) == b""

    def test_who_has_left_meanwhile_is_told_of(
        self, connect: Any, reactor: TurningReactor, fd: int
    ) -> None:
        client, aborted = connect(), connect()
        done = client.transport.sendFile(fd, 0, 1000)
        client.transport.connectionLost(Failure(ConnectionLost()))
        assert isinstance(failure_of(done), ConnectionLost)
        aborted.transport.write(b"never")
        aborted.transport.abortConnection()
        reactor.end_turn()
        assert not reactor.writers
        assert aborted.read() == 0

    def test_a_client_that_is_gone_ends_the_connection(
        self, connect: Any, reactor: TurningReactor
    ) -> None:
        client = connect()
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
        client.socket.close()
        client.transport.write(b"to nobody")
        reactor.end_turn()
        assert not client.transport.connected
