"""Turns, as those who wait for them see them."""

from support import result_of
from twisted.internet.defer import Deferred

from archive_server.turns import Turns


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
