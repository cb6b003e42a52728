"""Turns of the server's reactor, over real descriptors."""

import socket
import time
from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from twisted.internet.error import ConnectionLost
from twisted.internet.main import CONNECTION_LOST

from archive_server.app.reactor import make


class Writer:
    """Notes when it is let write, and does then what the test says."""

    def __init__(self, noted: list[str], name: str, act: Any = lambda: None) -> None:
        self.noted = noted
        self.name = name
        self.act = act

    def writeNow(self) -> Any:  # noqa: N802
        self.noted.append(f"{self.name} writes")
        return self.act()

    def abortConnection(self) -> None:  # noqa: N802
        self.noted.append(f"{self.name} is aborted")

    def connectionLost(self, why: Any) -> None:  # noqa: N802
        assert why.check(ConnectionLost)
        self.noted.append(f"{self.name} is lost")

    def fileno(self) -> int:
        return -1


@pytest.fixture
def reactor() -> Iterator[Any]:
    made = make()
    if made is None:
        pytest.skip("there is no epoll here")
    yield made
    made.removeAll()
    made._poller.close()


@pytest.fixture
def noted() -> list[str]:
    return []


def test_its_time_goes_on_whatever_becomes_of_the_clock(reactor: Any, noted: list[str]) -> None:
    before = time.monotonic()
    due = reactor.callLater(60, noted.append, "due")
    after = time.monotonic()
    assert before + 60 <= due.getTime() <= after + 60
    due.reset(0)
    reactor.runUntilCurrent()
    assert noted == ["due"]


def test_writers_wait_until_all_that_has_come_is_read(reactor: Any, noted: list[str]) -> None:
    pairs = [socket.socketpair() for _ in range(3)]

    class Reader:
        def __init__(self, number: int, end: socket.socket) -> None:
            self.number = number
            self.end = end
            self.fileno = end.fileno

        def doRead(self) -> None:  # noqa: N802
            self.end.recv(9)
            noted.append(f"{self.number} reads")
            reactor.writeSoon(Writer(noted, str(self.number)))

    for number, (ours, theirs) in enumerate(pairs):
        reactor.addReader(Reader(number, ours))
        theirs.send(b"x")
    reactor.callLater(0, noted.append, "a call")
    reactor.doIteration(1)
    reactor.runUntilCurrent()
    assert sorted(noted[:3]) == ["0 reads", "1 reads", "2 reads"]
    assert noted[3] == "a call"
    assert sorted(noted[4:]) == ["0 writes", "1 writes", "2 writes"]
    reactor.runUntilCurrent()
    assert len(noted) == 7, "each turn ends once"
    reactor.removeAll()
    for pair in pairs:
        for end in pair:
            end.close()


def test_who_fails_to_read_is_lost_and_costs_no_other(reactor: Any, noted: list[str]) -> None:
    class Reader:
        def __init__(self, name: str, end: socket.socket, act: Any) -> None:
            self.name = name
            self.doRead = act
            self.fileno = end.fileno

        def connectionLost(self, why: Any) -> None:  # noqa: N802
            noted.append(f"{self.name} is lost: {why.type.__name__}")

    acts = [lambda: 1 // 0, lambda: CONNECTION_LOST, lambda: noted.append("third reads")]
    with ExitStack() as opened:
        for name, act in zip(("first", "second", "third"), acts, strict=True):
            ours, theirs = (opened.enter_context(end) for end in socket.socketpair())
            reactor.addReader(Reader(name, ours, act))
            theirs.send(b"x")
        reactor.doIteration(1)
        assert sorted(noted) == [
            "first is lost: ZeroDivisionError",
            "second is lost: ConnectionLost",
            "third reads",
        ]
        left = [each for each in reactor.getReaders() if isinstance(each, Reader)]
        assert [reader.name for reader in left] == ["third"]
        reactor.removeAll()


def test_who_is_added_while_others_write_writes_too(reactor: Any, noted: list[str]) -> None:
    second = Writer(noted, "second")
    reactor.writeSoon(Writer(noted, "first", lambda: reactor.writeSoon(second)))
    reactor.runUntilCurrent()
    assert noted == ["first writes", "second writes"]


def test_who_is_told_is_told_when_all_have_written(reactor: Any, noted: list[str]) -> None:
    def write() -> None:
        reactor.tellSoon(noted.append, "first is told")
        reactor.tellSoon(lambda _: reactor.writeSoon(Writer(noted, "third")), None)

    reactor.writeSoon(Writer(noted, "first", write))
    reactor.writeSoon(Writer(noted, "second"))
    reactor.runUntilCurrent()
    assert noted == ["first writes", "second writes", "first is told", "third writes"]


def test_who_fails_when_told_costs_no_other(reactor: Any, noted: list[str]) -> None:
    reactor.tellSoon(lambda _: 1 // 0, None)
    reactor.tellSoon(noted.append, "told")
    reactor.runUntilCurrent()
    assert noted == ["told"]


def test_a_connection_that_fails_costs_no_other(reactor: Any, noted: list[str]) -> None:
    reactor.writeSoon(Writer(noted, "first", lambda: 1 // 0))
    reactor.writeSoon(Writer(noted, "second", lambda: CONNECTION_LOST))
    reactor.writeSoon(Writer(noted, "third"))
    reactor.runUntilCurrent()
    assert noted == [
        "first writes",
        "first is aborted",
        "second writes",
        "second is lost",
        "third writes",
    ]
