import pytest

from archive_server.services.passwords import NOBODY, hashed, is_right


def test_a_password_is_right_for_its_own_hash_only():
    password_hash = hashed("Grüße, Jürgen")
    assert is_right("Grüße, Jürgen", password_hash)
    assert not is_right("Gruesse, Juergen", password_hash)


def test_hashes_are_salted_argon2id():
    assert hashed("q").startswith("$argon2id$")
    assert hashed("q") != hashed("q")


@pytest.mark.parametrize("password", ["", "q", "nobody", "x" * 1024])
def test_nobody_has_no_password(password):
    assert not is_right(password, NOBODY)
