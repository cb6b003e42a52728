import pytest
from fixtures.fix_services import PASSWORD

from archive_server.model.users import Role


def test_the_version_is_a_string(client):
    assert client.locstor("getVersion") == {"version": "1.2.3"}


def test_unknown_members_are_ignored(client):
    assert client.locstor("getVersion", dummy=0) == {"version": "1.2.3"}


def test_a_session_lasts_from_login_to_logout(client, services):
    services.session_id(Role.CLIENT)
    session_id = client.locstor("login", login="client", **{"pass": PASSWORD})["sessid"]
    assert client.locstor("test", teststring="straße", sessid=session_id) == {
        "str": "STRASSE",
        "login": "client",
        "sessid": session_id,
    }
    assert client.locstor("logout", sessid=session_id) == {"status": True}
    assert client.fault("locstor.logout", {"sessid": session_id})[0] == 803
    code, text = client.fault("locstor.test", {"teststring": "x", "sessid": session_id})
    assert code == 805
    assert text.startswith("xr_test: ")


def test_authenticate_tells_right_from_wrong(client, services):
    services.session_id(Role.CLIENT)
    right = client.locstor("authenticate", login="client", **{"pass": PASSWORD})
    wrong = client.locstor("authenticate", login="client", **{"pass": "guess"})
    assert (right, wrong) == ({"authenticate": True}, {"authenticate": False})


@pytest.mark.parametrize("login", ["client", "nobody", "", "' OR 1=1 --"])
def test_a_wrong_login_is_fault_802(client, services, login):
    services.session_id(Role.CLIENT)
    code, text = client.fault("locstor.login", {"login": login, "pass": "guess"})
    assert (code, text) == (802, "xr_login: wrong login name or password")


def test_many_wrong_passwords_are_slowed_down_with_fault_802(client):
    wrong = {"login": "client", "pass": "guess"}
    texts = [client.fault("locstor.login", wrong) for _ in range(30)]
    assert {code for code, _ in texts} == {802}
    assert "too many wrong passwords" in texts[-1][1]
