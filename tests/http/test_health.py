"""The board that asks all parts, and the document about them."""

import json
from datetime import UTC, datetime

import pytest
from support import result_of
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from archive_server.http.health import HealthBoard, document, status_code
from archive_server.model.health import Part, Status, worst

AT = datetime(2026, 11, 21, 12, tzinfo=UTC)
WELL = Part("store", Status.PASS)
LOW = Part("space", Status.WARN, "1.0 GiB are free", 2**30, "bytes")
AWAY = Part("database", Status.FAIL, "the database is away: /srv/secret")


@pytest.fixture
def clock():
    return Clock()


def answering(part):
    async def check():
        return part

    return check


def looked(board, clock, seconds=10):
    """What a look finds, however long it takes."""
    found = []
    Deferred.fromCoroutine(board.look()).addCallback(found.append)
    clock.pump([0.1] * round(seconds * 10))
    (parts,) = found
    return parts


def test_the_whole_is_as_its_worst_part():
    assert worst([WELL]) is Status.PASS
    assert worst([WELL, LOW]) is Status.WARN
    assert worst([AWAY, LOW, WELL]) is Status.FAIL
    assert [status_code([part]) for part in (WELL, LOW, AWAY)] == [200, 200, 503]


def test_insiders_are_told_which_part_and_why():
    told = json.loads(document([LOW, AWAY], release="1.2", at=AT, in_detail=True))
    assert told["status"] == "fail"
    assert told["releaseId"] == "1.2"
    assert told["checks"]["space:free"] == [
        {
            "componentType": "system",
            "observedValue": 2**30,
            "observedUnit": "bytes",
            "status": "warn",
            "time": "2026-11-21T12:00:00+00:00",
            "output": "1.0 GiB are free",
        }
    ]
    assert told["checks"]["database:responseTime"][0]["output"] == AWAY.reason


def test_others_are_told_nothing_but_how_it_is():
    assert json.loads(document([AWAY], release="1.2", at=AT, in_detail=False)) == {"status": "fail"}


def test_all_parts_are_asked(clock):
    board = HealthBoard({"store": answering(WELL), "space": answering(LOW)}, clock)
    assert result_of(board.look()) == [WELL, LOW]


def test_a_part_that_hangs_does_not_keep_the_others(clock):
    asked = []

    async def hang():
        asked.append(clock.seconds())
        await hanging
        return WELL

    hanging = Deferred()
    board = HealthBoard({"store": hang, "space": answering(LOW)}, clock)
    (store, space) = looked(board, clock)
    assert (store.status, store.reason) == (Status.FAIL, "no answer in 5 s")
    assert space == LOW
    looked(board, clock)
    assert len(asked) == 1
    hanging.callback(None)
    assert looked(board, clock)[0] == WELL


def test_a_part_that_cannot_be_looked_at_has_failed(clock):
    async def crash():
        raise RuntimeError("a bug")

    (part,) = looked(HealthBoard({"jobs": crash}, clock), clock)
    assert (part.name, part.status) == ("jobs", Status.FAIL)
    assert "bug" not in part.reason


def test_however_many_ask_each_part_is_asked_once_a_second(clock):
    asked = []

    async def check():
        asked.append(clock.seconds())
        return WELL

    board = HealthBoard({"store": check}, clock)
    for _ in range(20):
        result_of(board.look())
        clock.advance(0.25)
    assert len(asked) == 5
