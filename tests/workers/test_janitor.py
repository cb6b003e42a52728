from dataclasses import dataclass, field

import pytest
from support import result_of
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock

from archive_server.errors import Unavailable
from archive_server.workers.janitor import Janitor


@dataclass
class Chores:
    """A maintenance service that notes what it is asked for."""

    done: list[str] = field(default_factory=list)
    waiting_for: Deferred[None] = field(default_factory=lambda: succeed(None))
    failure: Exception | None = None

    async def tidy(self) -> None:
        self.done.append("tidied")
        if self.failure is not None:
            raise self.failure

    async def sweep(self) -> None:
        await self.waiting_for
        self.done.append("swept")


@pytest.fixture
def chores():
    return Chores()


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def janitor(chores, clock):
    return Janitor(chores, clock)


def test_it_sweeps_at_the_start_and_then_once_an_hour(janitor, chores, clock):
    janitor.start()
    assert chores.done == ["tidied", "swept"]
    clock.pump([60] * 59)
    assert chores.done.count("tidied") == 60
    assert chores.done.count("swept") == 1
    clock.advance(60)
    assert chores.done.count("swept") == 2
    result_of(janitor.stop())


@pytest.mark.parametrize("failure", [Unavailable("away"), RuntimeError("a bug")])
def test_it_tries_again_after_a_failure(janitor, chores, clock, failure):
    chores.failure = failure
    janitor.start()
    chores.failure = None
    clock.advance(60)
    assert chores.done == ["tidied", "tidied", "swept"]
    result_of(janitor.stop())


def test_a_stop_does_not_wait_for_a_long_sweep(janitor, chores, clock):
    chores.waiting_for = Deferred()
    janitor.start()
    result_of(janitor.stop())
    assert chores.done == ["tidied"]
    clock.advance(600)
    assert chores.done == ["tidied"]
