"""When the log tells of requests."""

from collections.abc import Iterator

import pytest
from support import result_of
from twisted.internet.task import Clock
from twisted.logger import LogEvent, globalLogPublisher

from archive_server.http.access_log import Access, AccessLog
from archive_server.http.site import ArchiveSite

ACCESS = Access(0.0, "GET", "/livez", "-", "-", "-", 200, "", "::1", 3, 0, "")


@pytest.fixture
def events() -> Iterator[list[LogEvent]]:
    seen: list[LogEvent] = []
    globalLogPublisher.addObserver(seen.append)
    yield seen
    globalLogPublisher.removeObserver(seen.append)


def told(events: list[LogEvent]) -> int:
    """Of how many requests the log has told."""
    return sum(len(event["accesses"]) for event in events)


def test_requests_of_a_moment_are_told_of_together(events: list[LogEvent]) -> None:
    clock = Clock()
    log = AccessLog(clock.callLater, 0.2)
    for _ in range(3):
        log.note(ACCESS)
    clock.advance(0.1)
    assert told(events) == 0
    clock.advance(0.1)
    assert [len(event["accesses"]) for event in events] == [3]
    log.note(ACCESS)
    clock.advance(0.2)
    assert told(events) == 4


def test_a_site_that_stops_tells_all(events: list[LogEvent]) -> None:
    async def touch() -> None:
        """Nothing is leased."""

    site = ArchiveSite((), request_bytes=1, touch=touch, reactor=Clock(), log_every_s=9)
    channel = site.buildProtocol(None)
    assert channel is not None
    site._accesses.note(ACCESS)
    result_of(site.stop(0))
    assert told(events) == 1
