import pytest

from archive_server.database import groups, preferences, users
from archive_server.errors import UnknownPreference
from archive_server.model.users import Role


@pytest.fixture
def anna(cursor):
    return users.add(cursor, "anna", "hash", Role.CLIENT).user_id


@pytest.mark.parametrize(
    "text",
    ["", "it's", "a\nb\r\n\n c\t", "Kőbor 🎙", "100% \\ %s {}", '"; DROP TABLE users; --'],
)
def test_what_was_kept_is_found_as_it_was(cursor, anna, text):
    preferences.save(cursor, anna, "key", text)
    assert preferences.get(cursor, anna, "key") == text
    preferences.save(cursor, anna, text or "''", "value")
    assert preferences.get(cursor, anna, text or "''") == "value"


def test_the_last_value_is_kept(cursor, anna):
    preferences.save(cursor, anna, "key", "one")
    preferences.save(cursor, anna, "key", "two")
    assert preferences.get(cursor, anna, "key") == "two"


def test_what_is_removed_is_unknown(cursor, anna):
    preferences.save(cursor, anna, "key", "one")
    preferences.remove(cursor, anna, "key")
    with pytest.raises(UnknownPreference):
        preferences.get(cursor, anna, "key")
    with pytest.raises(UnknownPreference):
        preferences.remove(cursor, anna, "key")


def test_keys_differ_by_every_letter(cursor, anna):
    preferences.save(cursor, anna, "Key", "one")
    for other in ("key", "Key ", " Key"):
        with pytest.raises(UnknownPreference):
            preferences.get(cursor, anna, other)


def test_the_station_has_a_name(cursor):
    station = groups.get_id(cursor, "StationPrefs")
    assert preferences.get_of_group(cursor, station, "stationName") == "Radio Station 1"
    preferences.save_of_group(cursor, station, "stationName", "Rádió")
    assert preferences.get_of_group(cursor, station, "stationName") == "Rádió"


def test_users_and_groups_go_with_what_was_kept_for_them(cursor, anna):
    groups.add(cursor, "editors")
    preferences.save(cursor, anna, "key", "one")
    preferences.save_of_group(cursor, groups.get_id(cursor, "editors"), "key", "one")
    users.remove(cursor, "anna")
    groups.remove(cursor, "editors")
    cursor.execute("SELECT count(*) FROM user_preference")
    assert cursor.fetchone() == (0,)
    cursor.execute("SELECT key FROM group_preference")
    assert cursor.fetchall() == [("stationName",)]
