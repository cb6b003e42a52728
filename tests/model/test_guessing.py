from datetime import timedelta

from archive_server.model.guessing import keys, pause


def test_the_first_mistakes_cost_nothing():
    assert [pause(n) for n in range(4)] == [timedelta(0)] * 4


def test_pauses_double_up_to_a_minute():
    assert [pause(n).seconds for n in range(4, 12)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert pause(10**6).seconds == 60


def test_a_user_at_a_known_address_is_counted_alone():
    known = keys("anna", "10.0.0.1", is_known=True)
    assert not set(known) & set(keys("anna", "10.0.0.2", is_known=False))
    assert not set(known) & set(keys("bert", "10.0.0.1", is_known=False))


def test_a_stranger_is_counted_by_user_and_by_address():
    assert keys("anna", "10.0.0.1", is_known=False) == ["address 10.0.0.1", "user anna"]
