from dataclasses import replace
from datetime import timedelta
from functools import partial

import pytest
from support import immediately, result_of

from archive_server.database import users
from archive_server.errors import BadCredentials, NoSession, TooManyAttempts
from archive_server.model.users import Role

HERE = "10.0.0.1"
ELSEWHERE = "10.6.6.6"
PASSWORD = "open sesame"


@pytest.fixture
def sessions(services):
    services.session_id(Role.CLIENT)  # makes the user
    return services.sessions


def guess(sessions, times, login="client", address=ELSEWHERE):
    for _ in range(times):
        with pytest.raises(BadCredentials):
            result_of(sessions.log_in(login, "wrong", address))


def test_a_session_tells_who_is_calling(sessions):
    session_id = result_of(sessions.log_in("client", PASSWORD, HERE))
    caller = result_of(sessions.caller(session_id))
    assert (caller.login, caller.role) == ("client", Role.CLIENT)


def test_session_ids_are_32_hex_digits_and_not_kept(sessions, cursor):
    session_id = result_of(sessions.log_in("client", PASSWORD, HERE))
    assert len(session_id) == 32
    assert set(session_id) <= set("0123456789abcdef")
    cursor.execute("SELECT count(*) FROM session WHERE digest = %s", (bytes.fromhex(session_id),))
    assert cursor.fetchone() == (0,)


@pytest.mark.parametrize(
    ("login", "password"),
    [
        ("client", "wrong"),
        ("client", ""),
        ("nobody", PASSWORD),
        ("", ""),
        ("x" * 300, "q"),
        ("a\0b", "q"),
    ],
)
def test_wrong_credentials_are_refused(sessions, login, password):
    with pytest.raises(BadCredentials):
        result_of(sessions.log_in(login, password, HERE))
    assert result_of(sessions.authenticate(login, password, HERE)) is False


@pytest.mark.parametrize(
    "change",
    [partial(users.change_password, password_hash="another"), users.remove],
    ids=["changed", "removed"],
)
def test_a_login_that_is_overtaken_by_a_change_of_the_user_fails(sessions, services, change):
    def slowly(work, *args):
        right = immediately(work, *args)
        result_of(services.database.run(change, "client"))
        return right

    overtaken = replace(sessions, hash_in_thread=slowly)
    with pytest.raises(BadCredentials):
        result_of(overtaken.log_in("client", PASSWORD, HERE))


def test_authenticate_says_that_a_password_is_right(sessions):
    assert result_of(sessions.authenticate("client", PASSWORD, HERE)) is True


def test_a_session_ends_once(sessions):
    session_id = result_of(sessions.log_in("client", PASSWORD, HERE))
    result_of(sessions.log_out(session_id))
    with pytest.raises(NoSession):
        result_of(sessions.caller(session_id))
    with pytest.raises(NoSession):
        result_of(sessions.log_out(session_id))


@pytest.mark.parametrize("session_id", ["", "0" * 32, "../../etc/passwd", "F" * 32, "x" * 10_000])
def test_a_session_nobody_began_is_none(sessions, session_id):
    with pytest.raises(NoSession):
        result_of(sessions.caller(session_id))


def test_a_session_lives_as_long_as_it_is_used(services, sessions):
    session_id = result_of(sessions.log_in("client", PASSWORD, HERE))
    for _ in range(10):
        services.clock.advance(timedelta(days=6))
        result_of(sessions.caller(session_id))
    services.clock.advance(timedelta(days=7, minutes=2))
    with pytest.raises(NoSession):
        result_of(sessions.caller(session_id))


def test_a_session_ends_at_last_however_much_it_is_used(services, sessions):
    session_id = result_of(sessions.log_in("client", PASSWORD, HERE))
    for _ in range(17):
        services.clock.advance(timedelta(days=5))
        result_of(sessions.caller(session_id))
    services.clock.advance(timedelta(days=6))
    with pytest.raises(NoSession):
        result_of(sessions.caller(session_id))


def test_many_wrong_passwords_are_slowed_down(services, sessions):
    guess(sessions, 4)
    with pytest.raises(TooManyAttempts) as refused:
        result_of(sessions.log_in("client", "wrong", ELSEWHERE))
    assert refused.value.retry_after == 1
    services.clock.advance(timedelta(seconds=1))
    guess(sessions, 1)
    with pytest.raises(TooManyAttempts) as refused:
        result_of(sessions.log_in("client", "wrong", ELSEWHERE))
    assert refused.value.retry_after == 2


def test_even_the_right_password_has_to_wait_there(services, sessions):
    guess(sessions, 4)
    with pytest.raises(TooManyAttempts):
        result_of(sessions.log_in("client", PASSWORD, ELSEWHERE))
    services.clock.advance(timedelta(seconds=1))
    result_of(sessions.log_in("client", PASSWORD, ELSEWHERE))


def test_guesses_made_elsewhere_do_not_lock_a_studio_out(sessions):
    result_of(sessions.log_in("client", PASSWORD, HERE))
    guess(sessions, 4)
    result_of(sessions.log_in("client", PASSWORD, HERE))


def test_guesses_for_one_user_do_not_slow_another_down_elsewhere(services, sessions):
    services.session_id(Role.MAINTAINER)
    guess(sessions, 4)
    result_of(sessions.log_in("maintainer", PASSWORD, "10.0.0.9"))


def test_an_address_that_tries_many_names_is_slowed_down(sessions):
    for name in ("anna", "bert", "carl", "dora"):
        guess(sessions, 1, login=name)
    with pytest.raises(TooManyAttempts):
        result_of(sessions.log_in("emil", "wrong", ELSEWHERE))


def test_a_guesser_has_no_more_guesses_for_having_many_addresses_of_ipv6(sessions):
    for number in range(4):
        guess(sessions, 1, login=f"name {number}", address=f"2001:db8::{number:x}")
    with pytest.raises(TooManyAttempts):
        result_of(sessions.log_in("another", "wrong", "2001:db8::ffff:1"))
    guess(sessions, 1, login="another", address="2001:db8:0:1::1")


def test_a_studio_that_changes_its_address_of_ipv6_stays_known(sessions):
    result_of(sessions.log_in("client", PASSWORD, "2001:db8:5::1"))
    guess(sessions, 4)
    result_of(sessions.log_in("client", PASSWORD, "2001:db8:5::2"))


def test_one_good_account_does_not_hide_guesses_at_others(services, sessions):
    guess(sessions, 3, login="root")
    result_of(sessions.log_in("client", PASSWORD, ELSEWHERE))
    guess(sessions, 1, login="root")
    with pytest.raises(TooManyAttempts):
        result_of(sessions.log_in("root", "wrong", ELSEWHERE))


def test_failures_are_forgotten(services, sessions):
    guess(sessions, 3)
    services.clock.advance(timedelta(minutes=16))
    guess(sessions, 3)
    result_of(sessions.log_in("client", PASSWORD, ELSEWHERE))
