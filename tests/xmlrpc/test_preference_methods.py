import pytest
from support import result_of

from archive_server.model.users import Role

MULTILINE = "first 'line'\nsecond \"line\"\n\n<third> & Kőbor 🎙\n"


@pytest.fixture
def sessid(services):
    return services.session_id(Role.CLIENT)


def test_a_preference_is_kept_until_it_is_removed(client, sessid):
    saved = {"sessid": sessid, "key": "scratchpadContents"}
    assert client.locstor("savePref", value=MULTILINE, **saved) == {"status": True}
    assert client.locstor("loadPref", **saved) == {"value": MULTILINE}
    assert client.locstor("savePref", value="", **saved) == {"status": True}
    assert client.locstor("loadPref", **saved) == {"value": ""}
    assert client.locstor("delPref", **saved) == {"status": True}
    code, text = client.fault("locstor.loadPref", saved)
    assert (code, type(code)) == (849, int)
    assert text == "xr_loadPref: nothing is kept under the key scratchpadContents"
    assert client.fault("locstor.delPref", saved)[0] == 849


def test_another_session_of_the_user_finds_it_and_another_user_does_not(client, services, sessid):
    client.locstor("savePref", sessid=sessid, key="eye_color", value="blue")
    client.locstor("logout", sessid=sessid)
    again = services.session_id(Role.CLIENT)
    assert client.locstor("loadPref", sessid=again, key="eye_color") == {"value": "blue"}
    other = {"sessid": services.session_id(Role.ADMIN), "key": "eye_color"}
    assert client.fault("locstor.loadPref", other)[0] == 849


@pytest.mark.parametrize("value", ["20261121T20:01:02", "1", "true"])
def test_text_that_looks_like_something_else_stays_text(client, sessid, value):
    body = f"""<methodCall><methodName>locstor.savePref</methodName><params><param><value><struct>
        <member><name>sessid</name><value>{sessid}</value></member>
        <member><name>key</name><value><dateTime.iso8601>20261121T20:01:02</dateTime.iso8601>
        </value></member><member><name>value</name><value>{value}</value></member>
        </struct></value></param></params></methodCall>"""
    client.post(body.encode())
    key = "20261121T20:01:02"
    assert client.locstor("loadPref", sessid=sessid, key=key) == {"value": value}


def test_the_sequence_of_the_old_test_script(client, services):
    station = {
        "sessid": services.session_id(Role.ADMIN),
        "group": "StationPrefs",
        "key": "Station frequency",
    }
    assert client.locstor("saveGroupPref", value="89.5 MHz", **station) == {"status": True}
    assert client.locstor("loadGroupPref", **station) == {"value": "89.5 MHz"}
    assert client.locstor("saveGroupPref", value="", **station) == {"status": True}
    assert client.locstor("loadGroupPref", **station) == {"value": ""}


def test_the_station_has_a_name_from_the_first_day(client, sessid):
    named = {"sessid": sessid, "group": "StationPrefs", "key": "stationName"}
    assert client.locstor("loadGroupPref", **named) == {"value": "Radio Station 1"}


def test_every_way_a_group_preference_can_fail_has_its_code(client, services, sessid):
    result_of(services.administration.groups.add(None, "editors"))
    asked = {"sessid": sessid, "group": "editors", "key": "key"}
    assert client.fault("locstor.loadGroupPref", asked)[0] == 849
    assert client.fault("locstor.loadGroupPref", asked | {"group": "client"})[0] == 820
    assert client.fault("locstor.loadGroupPref", asked | {"sessid": ""})[0] == 848
    saved = asked | {"value": "x"}
    code, text = client.fault("locstor.saveGroupPref", saved)
    assert (code, text) == (805, "xr_saveGroupPref: user client is not in group editors")
    assert client.fault("locstor.saveGroupPref", saved | {"group": "nobody"})[0] == 820
    assert client.fault("locstor.saveGroupPref", saved | {"sessid": ""})[0] == 848


@pytest.mark.parametrize("method", ["loadPref", "delPref", "savePref"])
def test_without_a_session_it_is_fault_848(client, method):
    members = {"sessid": "0" * 32, "key": "key", "value": "value"}
    assert client.fault(f"locstor.{method}", members)[0] == 848
