"""What `testRunner.sh` does with `xr_cli_test.php`: storage, playlists, preferences, search.

LiveSupport storage protocol, 12. The original was run on an archive that lived on, so everything
is done twice in a row on the same one.
"""

import re
from hashlib import md5
from pathlib import Path

import pytest
from legacy import documents
from legacy.pear import Fault, PearClient
from legacy.station import PASSWORD, Station, fetch
from legacy.tones import tone

AUDIO = tone(440, 11)
TWICE = range(2)


@pytest.fixture
def sessid(script: PearClient, emptied: Station) -> str:
    """A session of root; the archive is empty."""
    return str(script.call("login", login="root", **{"pass": PASSWORD})["sessid"])


def store(script: PearClient, sessid: str, title: str, gunid: str = "", **more: str) -> str:
    """Store a clip as the script does: `curl -C 0 -T file url`, and nobody looks at the status."""
    opened = script.call(
        "storeAudioClipOpen",
        sessid=sessid,
        gunid=gunid,
        metadata=documents.clip(title),
        fname="ex1.mp3",
        chsum=more.get("chsum", md5(AUDIO).hexdigest()),
    )
    url, token = f"{opened['url']} {opened['token']}".split()  # how the script takes them apart
    fetch("PUT", url, AUDIO, {"Expect": "100-continue"})
    return str(script.call("storeAudioClipClose", sessid=sessid, token=token)["gunid"])


def ask(script: PearClient, sessid: str, category: str, operator: str, value: str) -> list[str]:
    conditions = [{"cat": category, "op": operator, "val": value}]
    criteria = {"filetype": "audioclip", "operator": "and", "conditions": conditions}
    criteria |= {"limit": "0", "offset": "0"}  # arguments of a command line are text
    found = script.call("searchMetadata", sessid=sessid, criteria=criteria)
    assert found["cnt"] == found["audioClipCnt"] == len(found["results"])
    assert found["audioClipResults"] == [hit["gunid"] for hit in found["results"]]
    return list(found["audioClipResults"])


def test_storage(script: PearClient, sessid: str) -> None:
    for _ in TWICE:
        gunid = store(script, sessid, "testRunner: storage")
        assert re.fullmatch("[0-7][0-9a-f]{15}", gunid)
        assert script.call("existsAudioClip", sessid=sessid, gunid=gunid) == {"exists": True}
        found = ask(script, sessid, "dc:title", "partial", "TESTRUNNER")
        assert found == [gunid]

        access = script.call("accessRawAudioData", sessid=sessid, gunid=gunid)
        assert access["url"].startswith("file:///")
        assert Path(access["url"].removeprefix("file://")).read_bytes() == AUDIO
        released = script.call("releaseRawAudioData", sessid=sessid, token=access["token"])
        assert released == {"status": True}

        lease = script.call("downloadRawAudioDataOpen", sessid=sessid, gunid=gunid)
        assert fetch("HEAD", lease["url"]).status == 200
        assert md5(fetch("GET", lease["url"]).body).hexdigest() == lease["chsum"]
        members = {"sessid": sessid, "token": lease["token"]}
        assert script.call("downloadRawAudioDataClose", **members) == {"gunid": gunid}
        assert fetch("GET", lease["url"]).status == 404

        lease = script.call("downloadMetadataOpen", sessid=sessid, gunid=gunid)
        document = fetch("GET", lease["url"])
        assert documents.is_canonical(
            document.body.decode(), "testRunner: storage", "00:00:11.000000"
        )
        members = {"sessid": sessid, "token": lease["token"]}
        assert script.call("downloadMetadataClose", **members) == {"gunid": gunid}

        changed = documents.clip("testRunner: changed")
        members = {"sessid": sessid, "gunid": gunid, "metadata": changed}
        assert script.call("updateAudioClipMetadata", **members) == {"status": True}
        assert (
            "testRunner: changed"
            in script.call("getAudioClip", sessid=sessid, gunid=gunid)["metadata"]
        )

        # Unforced, by text, as the first half of the script does; what it answers nobody looks at.
        script.fault("deleteAudioClip", sessid=sessid, gunid=gunid, forced="0")
        assert ask(script, sessid, "dc:title", "partial", "testRunner") == []
        assert script.call("existsAudioClip", sessid=sessid, gunid=gunid) == {"exists": False}


def test_bytes_that_did_not_arrive_are_found_out_by_close(script: PearClient, sessid: str) -> None:
    with pytest.raises(Fault) as caught:
        store(script, sessid, "broken", chsum="0" * 32)
    assert caught.value.faultCode == 805
    assert ask(script, sessid, "dc:title", "partial", "broken") == []


def test_playlists(script: PearClient, sessid: str) -> None:
    plid = "123456789abcdef8"
    clips = ["0000000000010001", "0000000000010002"]
    for _ in TWICE:
        members = {"sessid": sessid, "plid": plid, "forced": "1"}
        assert script.call("deletePlaylist", **members) == {"status": True}
        for gunid in clips:
            members = {"sessid": sessid, "gunid": gunid, "forced": "1"}
            assert script.call("deleteAudioClip", **members) == {"status": True}
            assert store(script, sessid, f"clip {gunid}", gunid) == gunid

        members = {"sessid": sessid, "plid": plid, "fname": "newPlaylist.xml"}
        assert script.call("createPlaylist", **members) == {"plid": plid}
        assert script.fault("createPlaylist", **members) == 805, "it is there already"
        assert script.call("existsPlaylist", sessid=sessid, plid=plid) == {"exists": True}

        edit = script.call("editPlaylist", sessid=sessid, plid=plid)
        assert b'<playlist id="0000000000000000"' in fetch("GET", edit["url"]).body
        assert script.fault("editPlaylist", sessid=sessid, plid=plid) == 805, "one editor"
        available = script.call("playlistIsAvailable", sessid=sessid, plid=plid)
        assert (available["available"], available["ownerlogin"]) == (False, "root")
        document = documents.script_playlist(plid, clips)
        members = {"sessid": sessid, "token": edit["token"], "newPlaylist": document}
        assert script.call("savePlaylist", **members) == {"plid": plid}
        available = script.call("playlistIsAvailable", sessid=sessid, plid=plid)
        assert available == {"available": True, "ownerid": "", "ownerlogin": ""}

        opened = script.call("accessPlaylist", sessid=sessid, plid=plid, recursive="1")
        saved = fetch("GET", opened["url"]).body.decode()
        assert saved.count("<playlistElement") == 2
        assert "http://www.streamonthefly.org/" in saved
        assert len(opened["content"]) == 2
        for child in opened["content"]:
            assert child["url"].startswith("file:///")
        assert script.call("releasePlaylist", token=opened["token"]) == {"plid": plid}
        assert script.fault("releaseRawAudioData", token=opened["content"][0]["token"]) == 805

        edit = script.call("editPlaylist", sessid=sessid, plid=plid)
        members = {"sessid": "", "token": edit["token"]}  # after a crash nobody is logged in
        assert script.call("revertEditedPlaylist", **members) == {"plid": plid}
        assert fetch("GET", edit["url"]).status == 404


def test_webstreams(script: PearClient, sessid: str) -> None:
    for _ in TWICE:
        gunid = script.call(
            "storeWebstream",
            sessid=sessid,
            gunid="",
            metadata=documents.clip("a stream", "01:30:00.000000"),
            fname="wstream1.xml",
            url="http://localhost/y",
        )["gunid"]
        criteria = {"filetype": "webstream", "conditions": []}
        found = script.call("searchMetadata", sessid=sessid, criteria=criteria)
        assert gunid in found["webstreamResults"]
        document = script.call("getAudioClip", sessid=sessid, gunid=gunid)["metadata"]
        assert "<ls:url>http://localhost/y</ls:url>" in document


def test_preferences(script: PearClient, sessid: str) -> None:
    key, value = "testKey", "A 'quoted' value\nin two lines, Kőbor & <Söhne>"
    for _ in TWICE:
        assert script.fault("loadPref", sessid=sessid, key=key) == 849
        members = {"sessid": sessid, "key": key, "value": value}
        assert script.call("savePref", **members) == {"status": True}
        kept = script.call("loadPref", sessid=sessid, key=key)["value"]
        assert kept.split() == value.split()
        assert script.call("delPref", sessid=sessid, key=key) == {"status": True}
        assert script.fault("delPref", sessid=sessid, key=key) == 849
        assert script.fault("loadPref", sessid="0" * 32, key=key) == 848

        group = {"sessid": sessid, "group": "StationPrefs", "key": "Station frequency"}
        saved = script.call("saveGroupPref", **group, value="102.7")
        assert saved == {"status": True}
        assert script.call("loadGroupPref", **group) == {"value": "102.7"}
        assert script.call("saveGroupPref", **group, value="") == {"status": True}
        assert script.call("loadGroupPref", **group) == {"value": ""}
        assert script.fault("loadGroupPref", **(group | {"group": "nobody"})) == 820


def test_search(script: PearClient, sessid: str) -> None:
    gunid = store(script, sessid, "testRunner: search")
    for _ in TWICE:
        assert ask(script, sessid, "dc:title", "=", "TESTRUNNER: SEARCH") == [gunid]
        assert ask(script, sessid, "dc:title", "prefix", "testr") == [gunid]
        assert ask(script, sessid, "title", "full", "testrunner: search") == [gunid]
        assert ask(script, sessid, "dcterms:extent", ">=", "0") == [gunid]
        assert ask(script, sessid, "ls:mtime", ">", "20040101T00:00:00") == [gunid]
        assert ask(script, sessid, "dc:creator", "partial", "x") == []
        criteria = {"filetype": "all", "operator": "and", "conditions": []}
        for category in ("dc:title", "title"):
            members = {"sessid": sessid, "category": category, "criteria": criteria}
            values = script.call("browseCategory", **members)
            assert values == {"cnt": 1, "results": ["testRunner: search"]}


def test_whoever_logs_out_twice_is_told(script: PearClient, sessid: str) -> None:
    echo = script.call("test", sessid=sessid, teststring="Anything")
    assert echo == {"str": "ANYTHING", "login": "root", "sessid": sessid}
    assert script.call("logout", sessid=sessid) == {"status": True}
    assert script.fault("logout", sessid=sessid) == 803


def test_introspection_as_the_command_line_asks_for_it(script: PearClient) -> None:
    assert "locstor.login" in script.send("system.listMethods", "")
    assert "session" in script.send("system.methodHelp", "locstor.login")
    signatures = script.send("system.methodSignature", "locstor.login")
    assert signatures == [["struct", "struct"]]
