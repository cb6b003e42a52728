"""How long connections are waited for, with a clock of our own and the kernel's counts."""

import socket
from collections.abc import Iterator
from types import SimpleNamespace

import pytest
from twisted.internet.task import Clock

from archive_server.http.limits import Limits
from archive_server.http.patience import Doing, Patience


class Waiting(Clock):
    """Time that passes when it is told to."""

    limits = Limits(idle_s=60, head_s=60, body_pause_s=60, slowest_sender=100)

    @property
    def call_later(self):
        return self.callLater


class Watched:
    """A connection that does what it is told."""

    def __init__(self, clock: Waiting, connected: socket.socket) -> None:
        self._clock = clock
        self.transport = SimpleNamespace(socket=connected)
        self.quiet_since = 0.0
        self.now_doing = Doing.NOTHING
        self.ended: list[Doing] = []

    def doing(self) -> Doing:
        return self.now_doing

    def end(self, doing: Doing) -> None:
        self.ended.append(doing)

    def drop(self) -> None:
        """Nobody asks for that here."""

    def does(self, doing: Doing, seconds: int) -> None:
        """Do something for so long, and let be heard of it."""
        self.now_doing = doing
        for _ in range(seconds):
            self._clock.advance(1)
            self.quiet_since = self._clock.seconds()


@pytest.fixture
def clock() -> Waiting:
    return Waiting()


@pytest.fixture
def watched(clock: Waiting) -> Iterator[Watched]:
    with socket.create_server(("127.0.0.1", 0)) as port:
        client = socket.create_connection(port.getsockname())
        server, _ = port.accept()
    with client, server:
        watched = Watched(clock, server)
        patience = Patience(watched, clock)
        yield watched
        patience.lose()


def test_who_sends_too_slowly_is_not_waited_for(watched):
    watched.does(Doing.BODY, 200)
    assert watched.ended[0] is Doing.BODY


@pytest.mark.parametrize("between", [Doing.WAITING, Doing.NOTHING, Doing.HEAD, Doing.READING])
def test_time_that_no_body_was_waited_for_does_not_make_its_sender_slow(watched, between):
    watched.does(Doing.BODY, 40)
    watched.does(between, 1000)
    watched.does(Doing.BODY, 40)
    assert watched.ended == []
