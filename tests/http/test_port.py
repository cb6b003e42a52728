"""Processes that take connections from one socket: each has its part, and nobody waits long."""

import socket
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from time import monotonic
from typing import Any

import pytest
from twisted.internet.protocol import Factory, Protocol

from archive_server.app.reactor import make
from archive_server.http.port import Courtesy, FilePort, listen, listening_socket

PAUSE_S = 0.002


class Worker:
    """What takes connections in a process. It goes on, and its time passes, as the test says."""

    def __init__(self, listening: socket.socket, *, is_shared: bool) -> None:
        reactor = make()
        if reactor is None:
            pytest.skip("there is no epoll here")
        self.reactor: Any = reactor
        self.now = 1000.0
        reactor.seconds = lambda: self.now
        self.has: set[Protocol] = set()
        self.port: FilePort = listen(reactor, listening, _Keeping(self.has))
        if is_shared:
            self.port.share()
        self.port.startListening()

    def go_on(self, seconds: float = PAUSE_S / 4) -> None:
        self.now += seconds
        self.reactor.runUntilCurrent()
        self.reactor.doIteration(0)

    def close(self) -> None:
        for each in list(self.has):
            each.transport.abortConnection()
        self.port.stopListening()
        while self.port.connected or self.has:
            self.go_on()
        assert self.reactor.getDelayedCalls() == []
        self.reactor.removeAll()
        self.reactor._poller.close()


class _Keeping(Factory):
    """Knows the connections that are open."""

    noisy = False

    def __init__(self, has: set[Protocol]) -> None:
        self._has = has

    def buildProtocol(self, _: object) -> Protocol:  # noqa: N802
        return _Kept(self._has)


class _Kept(Protocol):
    def __init__(self, has: set[Protocol]) -> None:
        self._has = has

    def connectionMade(self) -> None:  # noqa: N802
        self._has.add(self)

    def dataReceived(self, data: bytes) -> None:  # noqa: N802
        self.transport.loseConnection()

    def connectionLost(self, reason: object = None) -> None:  # noqa: N802
        self._has.discard(self)


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with listening_socket("127.0.0.1", 0) as made:
        yield made


@contextmanager
def workers(listening: socket.socket, count: int, *, is_shared: bool) -> Iterator[list[Worker]]:
    with ExitStack() as stack:
        made = []
        for _ in range(count):
            made.append(Worker(listening, is_shared=is_shared))
            stack.callback(made[-1].close)
        yield made


@contextmanager
def clients(listening: socket.socket, count: int) -> Iterator[list[socket.socket]]:
    with ExitStack() as stack:
        address = listening.getsockname()
        yield [stack.enter_context(socket.create_connection(address)) for _ in range(count)]


def go_on(workers: list[Worker], until: Callable[[], bool]) -> None:
    """Let them go on in turn."""
    deadline = monotonic() + 20
    while not until():
        assert monotonic() < deadline
        for worker in workers:
            worker.go_on()


@pytest.mark.parametrize(("come", "at_least"), [(8, 3), (40, 19)])
def test_of_connections_that_come_at_once_each_worker_has_its_part(
    listening: socket.socket, come: int, at_least: int
) -> None:
    with workers(listening, 2, is_shared=True) as both, clients(listening, come):
        go_on(both, lambda: sum(len(each.has) for each in both) == come)
        assert min(len(each.has) for each in both) >= at_least


def test_who_is_alone_takes_all_that_come_at_once(listening: socket.socket) -> None:
    with workers(listening, 1, is_shared=False) as (worker,), clients(listening, 40):
        worker.go_on()
        assert len(worker.has) == 40


def test_a_worker_that_hangs_leaves_all_to_the_other_within_some_ms(
    listening: socket.socket,
) -> None:
    with (
        workers(listening, 2, is_shared=True) as (_hanging, other),
        clients(listening, 100),
    ):
        began = other.now
        go_on([other], lambda: len(other.has) == 100)
        assert other.now - began < 0.05


def test_who_waits_for_others_goes_on_when_a_connection_ends(listening: socket.socket) -> None:
    with (
        workers(listening, 1, is_shared=True) as (worker,),
        clients(listening, 2) as (first, _second),
    ):
        for _ in range(9):
            worker.go_on(0)
        assert len(worker.has) == 1
        first.send(b"x")
        taken = set(worker.has)
        deadline = monotonic() + 20
        while not worker.has - taken:
            assert monotonic() < deadline
            worker.go_on(0)


def test_a_port_that_ends_while_others_come_first_stays_ended(listening: socket.socket) -> None:
    with workers(listening, 1, is_shared=True) as (worker,), clients(listening, 2):
        go_on([worker], lambda: worker.port not in worker.reactor.getReaders())
        worker.port.stopListening()
        go_on([worker], lambda: not worker.port.connected)
        assert worker.reactor.getDelayedCalls() == []
        for each in list(worker.has):
            each.transport.abortConnection()
        go_on([worker], lambda: not worker.has)
        assert worker.port not in worker.reactor.getReaders()


def test_more_are_taken_after_each_wait() -> None:
    courtesy, now, taken = Courtesy(), 100.0, []
    for _ in range(5):
        taken.append(courtesy.may_take(now))
        courtesy.has_taken(taken[-1], now)
        assert courtesy.may_take(now) == 0
        assert courtesy.wait(now) == pytest.approx(PAUSE_S)
        now += PAUSE_S
        courtesy.has_waited(now)
    assert taken == [1, 2, 3, 4, 5]


def test_nobody_waits_for_others_to_whom_none_has_come_lately() -> None:
    courtesy = Courtesy()
    courtesy.has_taken(courtesy.may_take(100.0), 100.0)
    assert courtesy.may_take(100.0 + PAUSE_S / 2) == 0
    assert courtesy.may_take(100.001 + PAUSE_S) == 1


def test_connections_that_end_make_room_until_it_is_quiet() -> None:
    courtesy = Courtesy()
    courtesy.has_taken(courtesy.may_take(100.0), 100.0)
    for _ in range(8):
        courtesy.has_ended()
    assert courtesy.may_take(100.001) == 8
    assert courtesy.may_take(101.0) == 1


def test_a_clock_that_is_set_back_lets_nobody_wait() -> None:
    courtesy = Courtesy()
    courtesy.has_taken(courtesy.may_take(100.0), 100.0)
    assert courtesy.may_take(50.0) == 1
