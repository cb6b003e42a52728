"""What is remembered, and when it is not believed."""

import pytest

from archive_server.services.memories import Memories
from archive_server.services.remembering import Hearing, Memory, unheard


class Seconds:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def seconds():
    return Seconds()


@pytest.fixture
def hearing(seconds):
    hearing = Hearing(seconds)
    hearing.note(seconds.now)
    return hearing


@pytest.fixture
def dropped():
    return []


@pytest.fixture
def memory(hearing, dropped):
    return Memory(hearing, most=3, drop=dropped.append)


def learn(memory, key, value):
    with memory.reading(key) as remember:
        return remember(value)


def test_what_was_read_is_remembered(memory):
    assert learn(memory, "a", 1)
    assert memory.find("a") == 1
    assert memory.find("b") is None


def test_nothing_is_remembered_by_who_hears_nothing():
    deaf = unheard(most=3)
    assert not learn(deaf, "a", 1)
    assert deaf.find("a") is None


def test_what_is_remembered_is_not_believed_without_a_recent_answer(memory, hearing, seconds):
    learn(memory, "a", 1)
    seconds.now += 0.8
    assert memory.find("a") == 1
    seconds.now += 0.2
    assert memory.find("a") is None
    hearing.note(seconds.now - 0.1)  # all that was told meanwhile has been taken in
    assert memory.find("a") == 1


def test_an_answer_to_an_old_question_proves_nothing(memory, hearing, seconds):
    learn(memory, "a", 1)
    seconds.now += 5
    hearing.note(seconds.now - 3)
    assert memory.find("a") is None
    assert not learn(memory, "b", 2)


def test_a_notice_makes_it_forgotten(memory, dropped):
    learn(memory, "a", 1)
    learn(memory, "b", 2)
    memory.forget("a")
    memory.forget("unknown")
    assert (memory.find("a"), memory.find("b")) == (None, 2)
    assert dropped == [1]


def test_what_ended_while_it_was_read_is_not_remembered(memory):
    with memory.reading("a") as remember:
        memory.forget("a")
        assert not remember(1)
    assert memory.find("a") is None
    assert learn(memory, "a", 1)


def test_of_two_readers_none_remembers_what_ended_meanwhile(memory):
    with memory.reading("a") as first, memory.reading("a") as second:
        assert first(1)
        memory.forget("a")
        assert not second(1)
    assert memory.find("a") is None


def test_notices_about_others_do_not_disturb_a_reading(memory):
    with memory.reading("a") as remember:
        memory.forget("b")
        assert remember(1)


def test_a_reading_that_began_before_there_was_hearing_is_not_remembered(memory, hearing, seconds):
    hearing.note_lost()
    with memory.reading("a") as remember:
        hearing.note(seconds.now)
        assert not remember(1)


def test_a_reading_that_went_on_while_hearing_was_lost_is_not_remembered(seconds):
    memories = Memories(Hearing(seconds), most_leases=3)
    memories.heard(seconds.now)
    with memories.sessions.reading(b"a") as remember:
        memories.lost()
        memories.heard(seconds.now)
        assert not remember(object())


def test_what_was_used_least_recently_goes_first(memory, dropped):
    for number, key in enumerate("abc"):
        learn(memory, key, number)
    memory.find("a")
    learn(memory, "d", 3)
    assert [memory.find(key) for key in "abcd"] == [0, None, 2, 3]
    assert dropped == [1]
    assert len(memory) == 3


def test_what_is_read_again_takes_the_place_of_what_was(memory, dropped):
    learn(memory, "a", 1)
    learn(memory, "a", 2)
    assert memory.find("a") == 2
    assert dropped == [1]


def test_all_of_a_kind_are_forgotten(memory):
    for number, key in enumerate("abc"):
        learn(memory, key, number)
    with memory.reading("d") as remember:
        memory.forget_those(lambda value: value > 0)
        assert not remember(0)  # it could have been one of them
    assert [memory.find(key) for key in "abcd"] == [0, None, None, None]


def test_everything_is_forgotten_when_hearing_is_lost(memory, dropped):
    learn(memory, "a", 1)
    memory.forget_all()
    assert memory.find("a") is None
    assert dropped == [1]


def test_a_notice_of_something_unknown_makes_everything_forgotten(seconds):
    memories = Memories(Hearing(seconds), most_leases=3)
    memories.heard(seconds.now)
    learn(memories.sessions, b"a", object())
    memories.forget("what a newer version says", "x")
    assert len(memories.sessions) == 0
