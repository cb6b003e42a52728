"""`locstor.getEvents`, as clients call it."""

import pytest

from archive_server.model.users import Role


@pytest.fixture
def sessid(services):
    return services.session_id()


@pytest.fixture
def get(client, sessid):
    return lambda **members: client.locstor("getEvents", sessid=sessid, **members)


def test_what_has_happened_is_told_with_all_that_is_known(client, services, sessid, get, wav):
    gunid = str(services.store_clip(wav))
    client.locstor("deleteAudioClip", sessid=sessid, gunid=gunid, forced=False)
    answer = get()
    stored, trashed = answer["events"]
    assert stored == {
        "number": stored["number"],
        "at": services.clock().strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
        "event": "created",
        "gunid": gunid,
        "type": "audioclip",
        "revision": 1,
        "login": "maintainer",
        "address": "",
    }
    assert (trashed["event"], trashed["address"]) == ("trashed", "127.0.0.1")
    assert (answer["cursor"], answer["more"]) == (trashed["number"], False)


def test_a_client_goes_on_from_the_cursor(services, get, wav):
    services.store_clip(wav)
    services.store_clip(wav)
    first = get(limit=1)
    assert first["more"]
    second = get(cursor=first["cursor"], limit=1)
    assert second["events"][0]["number"] > first["events"][0]["number"]
    third = get(cursor=second["cursor"])
    assert third == {"events": [], "cursor": second["cursor"], "more": False}


def test_scripts_send_cursors_as_text(services, get, wav):
    services.store_clip(wav)
    cursor = get(cursor="-1")["cursor"]
    assert get(cursor=str(cursor), limit="", types="")["events"] == []


def test_events_of_the_wanted_types_only(services, get, wav):
    services.store_clip(wav)
    assert get(types=["trashed"])["events"] == []
    assert len(get(types=["trashed", "created"])["events"]) == 1


def test_an_unknown_type_is_named(client, sessid):
    code, text = client.fault("locstor.getEvents", {"sessid": sessid, "types": ["eaten"]})
    assert (code, text.partition(":")[0]) == (805, "xr_getEvents")
    assert "created, replaced, updated, trashed, restored, deleted, accessed" in text
    assert "damaged, mended expected, not eaten" in text
    assert "eaten" in text


def test_a_cursor_that_is_lost_is_a_fault(client, services, sessid, wav):
    services.store_clip(wav)
    code, text = client.fault("locstor.getEvents", {"sessid": sessid, "cursor": 10**6})
    assert code == 805
    assert "ahead of this archive" in text


def test_who_may_read_may_follow(client, services, wav):
    services.store_clip(wav)
    sessid = services.session_id(Role.CLIENT)
    assert len(client.locstor("getEvents", sessid=sessid)["events"]) == 1
