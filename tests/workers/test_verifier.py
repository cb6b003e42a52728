from dataclasses import dataclass, field

import pytest
from support import result_of
from twisted.internet.defer import Deferred, succeed
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from archive_server.errors import Unavailable
from archive_server.model.clips import Content
from archive_server.model.integrity import Looked, Outcome
from archive_server.services.pacing import Pace, ReadingStopped
from archive_server.workers.verifier import Verifier


@dataclass
class Reading:
    """A verification service that finds what it is told to."""

    finds: list[Outcome] = field(default_factory=list)
    waiting_for: Deferred[None] = field(default_factory=lambda: succeed(None))
    failure: Exception | None = None
    begun: int = 0
    pace: Pace | None = None

    async def go_on(self, pace, report):
        self.begun += 1
        self.pace = pace
        if self.failure is not None:
            raise self.failure
        for outcome in self.finds:
            report(Looked(Content(b"\1" * 32, b"\2" * 16, 3), outcome, "it is bad"))
        await self.waiting_for


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def reading():
    return Reading()


@pytest.fixture
def verifier(reading, clock):
    return Verifier(reading, clock)


@pytest.fixture
def logged():
    events = []
    globalLogPublisher.addObserver(events.append)
    yield lambda: [
        event["log_level"].name for event in events if "verifier" in event["log_namespace"]
    ]
    globalLogPublisher.removeObserver(events.append)


def test_it_begins_at_once_and_looks_each_minute(verifier, reading, clock):
    verifier.start()
    clock.pump([60] * 3)
    assert reading.begun == 4
    result_of(verifier.stop())
    clock.advance(600)
    assert reading.begun == 4


def test_one_reading_is_enough_however_long_it_takes(verifier, reading, clock):
    reading.waiting_for = Deferred()
    verifier.start()
    clock.pump([60] * 3)
    assert reading.begun == 1
    reading.waiting_for.callback(None)
    result_of(verifier.stop())


@pytest.mark.parametrize("failure", [Unavailable("away"), RuntimeError("a bug")])
def test_it_tries_again_after_a_failure(verifier, reading, clock, failure):
    reading.failure = failure
    verifier.start()
    clock.advance(60)
    assert reading.begun == 2
    result_of(verifier.stop())


def test_a_stop_breaks_off_what_is_read(verifier, reading):
    reading.waiting_for = Deferred()
    verifier.start()
    stopping = Deferred.fromCoroutine(verifier.stop())
    with pytest.raises(ReadingStopped):
        reading.pace.spend(1)
    assert not stopping.called
    reading.waiting_for.errback(ReadingStopped())
    assert stopping.called


def test_damage_is_told_and_what_is_whole_is_not(verifier, reading, logged):
    reading.finds = list(Outcome)
    verifier.start()
    assert logged() == ["info", "error", "error", "warn"]
    result_of(verifier.stop())
