import pytest
from hypothesis import given
from hypothesis import strategies as st
from support import result_of

from archive_server.errors import (
    BadRequest,
    Forbidden,
    TooLarge,
    UnknownGroup,
    UnknownPreference,
)
from archive_server.model.users import Role

texts = st.text(st.characters(blacklist_categories=["Cs"], blacklist_characters="\0"))


@pytest.fixture
def caller(services):
    return services.caller()


@given(key=texts.filter(bool).map(lambda key: key[:255]), value=texts)
def test_any_text_comes_back_as_it_was(services, caller, key, value):
    result_of(services.preferences.save(caller, key, value))
    assert result_of(services.preferences.load(caller, key)) == value


def test_preferences_are_of_the_user_and_outlive_the_session(services):
    session_id = services.session_id(Role.CLIENT)
    caller = result_of(services.sessions.caller(session_id))
    result_of(services.preferences.save(caller, "key", "value"))
    result_of(services.sessions.log_out(session_id))
    assert result_of(services.preferences.load(services.caller(Role.CLIENT), "key")) == "value"
    with pytest.raises(UnknownPreference):
        result_of(services.preferences.load(services.caller(Role.ADMIN), "key"))


@pytest.mark.parametrize("key", ["", "x" * 256, "a\0b"])
def test_a_key_that_is_none_is_refused(services, key):
    caller = services.caller()
    for call in (
        services.preferences.load(caller, key),
        services.preferences.save(caller, key, "value"),
        services.preferences.remove(caller, key),
        services.preferences.load_of_group(caller, "All", key),
        services.preferences.save_of_group(caller, "All", key, "value"),
    ):
        with pytest.raises(BadRequest, match="key"):
            result_of(call)


def test_a_value_has_a_size(services):
    caller = services.caller()
    result_of(services.preferences.save(caller, "key", "x" * 2**20))
    for value in ("x" * (2**20 + 1), "ő" * (2**19 + 1)):
        with pytest.raises(TooLarge):
            result_of(services.preferences.save(caller, "key", value))
        with pytest.raises(TooLarge):
            result_of(services.preferences.save_of_group(caller, "All", "key", value))
    assert result_of(services.preferences.load(caller, "key")) == "x" * 2**20
    with pytest.raises(BadRequest, match="NUL"):
        result_of(services.preferences.save(caller, "key", "a\0b"))


@pytest.mark.parametrize("role", list(Role))
def test_every_user_reads_and_keeps_what_is_true_of_the_station(services, role):
    caller = services.caller(role)
    load = services.preferences.load_of_group
    assert result_of(load(caller, "StationPrefs", "stationName")) == "Radio Station 1"
    result_of(services.preferences.save_of_group(caller, "StationPrefs", "Station frequency", ""))
    assert result_of(load(caller, "StationPrefs", "Station frequency")) == ""


def test_only_members_keep_what_is_of_a_group_but_everybody_reads_it(services):
    groups = services.administration.groups
    client, admin = services.caller(Role.CLIENT), services.caller(Role.ADMIN)
    for name in ("inner", "outer"):
        result_of(groups.add(None, name))
    result_of(groups.join(None, "group:inner", "outer"))
    with pytest.raises(Forbidden, match="user client is not in group outer"):
        result_of(services.preferences.save_of_group(client, "outer", "key", "value"))
    result_of(groups.join(None, "client", "inner"))
    result_of(services.preferences.save_of_group(client, "outer", "key", "value"))
    assert result_of(services.preferences.load_of_group(admin, "outer", "key")) == "value"
    with pytest.raises(UnknownPreference):
        result_of(services.preferences.load_of_group(admin, "inner", "key"))
    with pytest.raises(Forbidden):
        result_of(services.preferences.save_of_group(admin, "outer", "key", "other"))


def test_a_group_that_is_none_is_unknown(services):
    caller = services.caller()
    with pytest.raises(UnknownGroup):
        result_of(services.preferences.load_of_group(caller, "maintainer", "key"))
    with pytest.raises(UnknownGroup):
        result_of(services.preferences.save_of_group(caller, "nobody", "key", "value"))
