"""Turns, as those who wait for them see them."""

import subprocess
import sys
from contextlib import contextmanager

import pytest
from support import result_of
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock

from archive_server.turns import SharedTurns, Turns


async def hold(turns, key, until, heard):
    async with turns(key):
        heard.append("in")
        await until
    heard.append("out")


def begun(work):
    return Deferred.fromCoroutine(work)


def test_those_with_one_key_come_one_after_the_other():
    turns, heard, first, second = Turns(), [], Deferred(), Deferred()
    holding = [begun(hold(turns, "a", until, heard)) for until in (first, second)]
    assert heard == ["in"]
    first.callback(None)
    assert heard == ["in", "in", "out"]
    second.callback(None)
    assert [result_of(each) for each in holding] == [None, None]


def test_those_with_other_keys_do_not_wait():
    turns, heard, first = Turns(), [], Deferred()
    holding = begun(hold(turns, "a", first, heard))
    result_of(hold(turns, "b", Deferred.fromCoroutine(_nothing()), heard))
    assert heard == ["in", "in", "out"]
    first.callback(None)
    result_of(holding)


def test_a_turn_that_ends_at_once_does_not_disturb_the_one_before_it():
    turns, heard, first = Turns(), [], Deferred()
    holding = [
        begun(hold(turns, "a", first, heard)),
        begun(hold(turns, "a", Deferred.fromCoroutine(_nothing()), heard)),
    ]
    first.callback(None)
    assert [result_of(each) for each in holding] == [None, None]
    assert heard == ["in", "in", "out", "out"]


async def _nothing() -> None:
    pass


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def place(tmp_path):
    return tmp_path / "turns"


# What another process holds; it says so, and ends with its standard input.
OTHER = """
import sys
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from archive_server.turns import SharedTurns
async def hold():
    async with SharedTurns(sys.argv[1], Clock())("a"):
        print("in", flush=True)
        sys.stdin.read()
Deferred.fromCoroutine(hold())
"""


@contextmanager
def held_elsewhere(place):
    with subprocess.Popen(
        [sys.executable, "-c", OTHER, str(place)], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as other:
        assert other.stdout.readline() == b"in\n"
        yield other
        other.stdin.close()


@contextmanager
def shared(place, clock):
    turns = SharedTurns(place, clock)
    yield turns
    turns.close()


@pytest.mark.parametrize("end", [lambda other: other.stdin.close(), subprocess.Popen.kill])
def test_a_turn_is_waited_for_over_processes_and_ends_with_its_process(place, clock, end):
    heard, free = [], Deferred()
    with held_elsewhere(place) as other, shared(place, clock) as turns:
        waiting = begun(hold(turns, "a", free, heard))
        clock.advance(1)
        assert heard == []
        end(other)
        other.wait(10)
        clock.advance(1)
        assert heard == ["in"]
        free.callback(None)
        result_of(waiting)


def test_those_with_other_keys_do_not_wait_for_other_processes(place, clock):
    heard = []
    with held_elsewhere(place), shared(place, clock) as turns:
        result_of(hold(turns, "b", Deferred.fromCoroutine(_nothing()), heard))
    assert heard == ["in", "out"]


def test_those_with_one_key_come_one_after_the_other_in_a_process_too(place, clock):
    heard, first, second = [], Deferred(), Deferred()
    with shared(place, clock) as turns:
        holding = [begun(hold(turns, "a", until, heard)) for until in (first, second)]
        clock.advance(1)
        assert heard == ["in"]
        first.callback(None)
        clock.advance(1)
        assert heard == ["in", "in", "out"]
        second.callback(None)
        assert [result_of(each) for each in holding] == [None, None]
