"""What `WebStorageClientTest` and `WebAuthenticationClientTest` assert, as xmlrpc++ reads answers.

LiveSupport storage protocol, 1.7, 6.6, 11.2. Each of them began with `resetStorage`.
"""

import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from legacy import documents
from legacy.station import PASSWORD, Station, fetch
from legacy.tones import tone
from legacy.xmlrpcpp import DateTime, Fault, WebStorageClient

Make = Callable[[], WebStorageClient]
TWICE = range(2)


@pytest.fixture
def client(studio: Make) -> WebStorageClient:
    """Somebody who is logged in; the archive holds the sample."""
    studio().call("resetStorage")
    return studio().log_in(PASSWORD)


def search(client: WebStorageClient, **criteria: Any) -> tuple[int, list[str]]:
    """The count, and the ids as the client puts them: playlists first; webstreams are dropped."""
    found = client.ask("searchMetadata", criteria=criteria)
    kinds: dict[str, list[str]] = {"playlist": [], "audioclip": [], "webstream": []}
    for hit in found["results"]:
        assert {type(hit[name]) for name in ("gunid", "type", "title", "creator")} == {str}
        assert {type(hit[name]) for name in ("source", "length")} == {str}
        kinds[hit["type"]].append(hit["gunid"])
    assert type(found["cnt"]) is int
    return found["cnt"], kinds["playlist"] + kinds["audioclip"]


def condition(category: str, operator: str, value: Any) -> dict[str, Any]:
    return {"cat": category, "op": operator, "val": value}


def test_the_sample_in_the_order_the_tests_know(studio: Make) -> None:
    for _ in TWICE:
        found = studio().call("resetStorage")
        assert found["cnt"] == len(found["results"]) == 10
        titles = [(hit["type"], hit["title"], hit["creator"]) for hit in found["results"]]
        assert titles == [
            ("audioclip", "File2 Title txt", "John X2"),
            ("audioclip", "File Title txt", "János Kőbor"),
            ("audioclip", "Fil Title3 txt", "John Y"),
            ("audioclip", "one", ""),
            ("audioclip", "three", ""),
            ("audioclip", "two", ""),
            ("playlist", "embedded playlist", ""),
            ("playlist", "My First Playlist", "Me, myself and I"),
            ("playlist", "My Second Playlist", "Nobody"),
            ("webstream", "Webstream test 1", ""),
        ]
        assert found["playlistResults"] == [f"{number:016x}" for number in (3, 1, 2)]
        assert found["webstreamResults"] == ["f000000000000001"]


def test_a_reset_without_the_sample_leaves_nothing(studio: Make) -> None:
    found = studio().call("resetStorage", loadSampleData=False)
    assert (found["cnt"], found["results"]) == (0, [])


def test_sessions_survive_a_reset_unless_they_are_to_end(client: WebStorageClient) -> None:
    client.call("resetStorage", dummy_param="")
    assert client.ask("existsPlaylist", plid="0000000000000001") == {"exists": True}
    client.call("resetStorage", invalidateSessionIds=True)
    with pytest.raises(Fault) as caught:
        client.ask("existsPlaylist", plid="0000000000000001")
    assert caught.value.code == 805
    client.log_in(PASSWORD).log_out()


def test_versions_and_sessions(studio: Make) -> None:
    client = studio()
    assert set(map(type, client.call("getVersion").values())) == {str}
    with pytest.raises(Fault) as caught:
        client.call("login", login="root", **{"pass": "wrong"})
    assert caught.value.code == 802
    client.log_in(PASSWORD).log_out()
    with pytest.raises(Fault) as caught:
        client.log_out()
    assert caught.value.code == 803


def test_preferences_are_gone_after_a_reset_and_survive_a_logout(studio: Make) -> None:
    for _ in TWICE:
        studio().call("resetStorage", loadSampleData=False)
        client = studio().log_in(PASSWORD)
        with pytest.raises(Fault) as caught:
            client.ask("loadPref", key="eye_color")
        assert caught.value.code == 849
        for colour in ("blue", "brown"):
            assert client.ask("savePref", key="eye_color", value=colour) == {"status": True}
        client.log_out()
        client.log_in(PASSWORD)
        assert client.ask("loadPref", key="eye_color") == {"value": "brown"}
        assert client.ask("delPref", key="eye_color") == {"status": True}
        client.log_out()


def test_searches_and_pages(client: WebStorageClient) -> None:
    partial_t = [condition("dc:title", "partial", "t")]
    count, ids = search(client, filetype="all", conditions=[])
    assert count == 10
    assert ids[0] == "0000000000000003", "the first playlist"
    assert ids[4] == "123456789abcdef1", "the second clip is the one of three seconds"
    assert search(client, filetype="audioClip", conditions=[], limit=2, offset=4)[1] == [
        "0000000000010003",
        "0000000000010002",
    ]
    count, ids = search(client, filetype="audioClip", conditions=[], limit=2, offset=3)
    assert (count, ids) == (6, ["0000000000010001", "0000000000010003"])
    count, ids = search(client, filetype="all", conditions=partial_t, limit=2, offset=3)
    assert ids == ["0000000000010003", "0000000000010002"], "three and two"
    assert count > 2
    assert search(client, conditions=[condition("dc:creator", "=", "JÁNOS KŐBOR")])[1] == [
        "123456789abcdef1"
    ]
    both = [condition("dc:title", "prefix", "t"), condition("dcterms:extent", "<", "00:00:12")]
    assert search(client, filetype="audioClip", operator="and", conditions=both)[1] == [
        "0000000000010003"
    ]
    assert search(client, filetype="audioClip", operator="or", conditions=both)[0] == 4


def test_searches_by_time_of_change(client: WebStorageClient) -> None:
    begin = DateTime(time.strftime("%Y%m%dT%H:%M:%S", time.localtime(time.time() - 3600)))
    end = DateTime(time.strftime("%Y%m%dT%H:%M:%S", time.localtime(time.time() + 3600)))
    since = [condition("ls:mtime", ">=", begin), condition("ls:mtime", "<=", end)]
    assert search(client, filetype="all", operator="and", conditions=since)[0] == 10
    later = [condition("ls:mtime", ">", end)]
    assert search(client, filetype="all", conditions=later) == (0, [])


def test_browsing(client: WebStorageClient) -> None:
    everything = {"filetype": "all", "conditions": []}
    titles = client.ask("browseCategory", category="dc:title", criteria=everything)
    assert len(titles["results"]) >= 6
    assert set(map(type, titles["results"])) == {str}
    criteria = {"filetype": "all", "conditions": [condition("dc:title", "=", "one")]}
    extents = client.ask("browseCategory", category="dcterms:extent", criteria=criteria)
    assert extents["results"][0] == "00:00:11.000000"


def test_a_clip_is_stored_read_and_replaced(client: WebStorageClient) -> None:
    gunid = "0000000000010001"
    for _ in TWICE:
        audio = tone(300, 1)
        opened = client.ask(
            "storeAudioClipOpen",
            gunid=gunid,
            metadata=documents.clip("one", "00:00:01.000000"),
            fname="file:var/test10001.mp3",
            chsum="",
        )
        assert (type(opened["url"]), type(opened["token"])) == (str, str)
        client.put(opened["url"], audio)
        assert client.ask("storeAudioClipClose", token=opened["token"]) == {"gunid": gunid}
        assert client.ask("existsAudioClip", gunid=gunid) == {"exists": True}
        lease = client.ask("downloadMetadataOpen", gunid=gunid)
        answer = fetch("GET", lease["url"])
        assert "<dc:title>one</dc:title>" in answer.body.decode()
        assert client.ask("downloadMetadataClose", token=lease["token"]) == {"gunid": gunid}
        access = client.ask("accessRawAudioData", gunid=gunid)
        assert Path(access["url"].removeprefix("file://")).read_bytes() == audio
        assert client.call("releaseRawAudioData", token=access["token"]) == {"status": True}
    assert client.ask("existsAudioClip", gunid="0000000000077777") == {"exists": False}


def test_new_clips_get_ids_of_63_bits(client: WebStorageClient) -> None:
    opened = client.ask(
        "storeAudioClipOpen", metadata=documents.clip("new"), fname="new.wav", chsum=""
    )
    client.put(opened["url"], tone(310, 1))
    gunid = client.ask("storeAudioClipClose", token=opened["token"])["gunid"]
    assert re.fullmatch("[0-7][0-9a-f]{15}", gunid)


def test_a_playlist_is_made_edited_saved_and_released(client: WebStorageClient) -> None:
    plid = client.ask("createPlaylist")["plid"]
    edit = client.ask("editPlaylist", plid=plid)
    reader = WebStorageClient(client.station).log_in(PASSWORD)
    with pytest.raises(Fault) as caught:
        reader.ask("editPlaylist", plid=plid)
    assert caught.value.code == 805
    # Studio does not escape titles.
    clips = [("0000000000010001", 11, "Rock & <Roll>"), ("0000000000010002", 12, "two")]
    document = documents.studio_playlist(plid, "R&B", clips)
    before = reader.ask("accessPlaylist", plid=plid, recursive=False)
    saved = client.ask("savePlaylist", token=edit["token"], newPlaylist=document)
    assert saved == {"plid": plid}
    assert b"R&amp;B" not in fetch("GET", before["url"]).body, "a reader keeps what was opened"
    assert reader.call("releasePlaylist", token=before["token"]) == {"plid": plid}

    opened = reader.ask("accessPlaylist", plid=plid, recursive=True)
    assert b"R&amp;B" in fetch("GET", opened["url"]).body
    assert b"Rock &amp; &lt;Roll" in fetch("GET", opened["url"]).body
    assert [(type(each["url"]), type(each["token"])) for each in opened["content"]] == [
        (str, str),
        (str, str),
    ]
    assert reader.call("releasePlaylist", token=opened["token"]) == {"plid": plid}
    edit = client.ask("editPlaylist", plid=plid)
    reverted = client.call("revertEditedPlaylist", sessid="", token=edit["token"])
    assert reverted == {"plid": plid}


def test_a_playlist_within_a_playlist_is_opened_with_all_it_holds(client: WebStorageClient) -> None:
    opened = client.ask("accessPlaylist", plid="0000000000000003", recursive=True)
    clip, inner = opened["content"]
    assert clip["url"].startswith("file:///")
    assert b"My First Playlist" in fetch("GET", inner["url"]).body
    assert [each["url"].startswith("file:///") for each in inner["content"]] == [True, True]
    plid = client.call("releasePlaylist", token=opened["token"])["plid"]
    assert plid == "0000000000000003"
    assert fetch("GET", inner["url"]).status == 404


def test_while_a_playlist_is_edited_the_old_one_is_found(client: WebStorageClient) -> None:
    edit = client.ask("editPlaylist", plid="0000000000000001")
    titled = [condition("dc:title", "=", "My First Playlist")]
    assert search(client, filetype="playlist", conditions=titled)[1] == ["0000000000000001"]
    with pytest.raises(Fault) as caught:
        client.ask("savePlaylist", token=edit["token"], newPlaylist="<smil/>")
    assert caught.value.code == 805
    reverted = client.ask("revertEditedPlaylist", token=edit["token"])
    assert reverted == {"plid": "0000000000000001"}
    titled = [condition("dc:title", "=", "My First Playlist")]
    assert search(client, filetype="playlist", conditions=titled)[0] == 1


def test_what_is_not_there_is_a_fault(client: WebStorageClient, station: Station) -> None:
    nobody = "00000000000fffff"
    for method, name, code in (
        ("accessPlaylist", "plid", 847),
        ("downloadRawAudioDataOpen", "gunid", 847),
        ("downloadMetadataOpen", "gunid", 805),
        ("accessRawAudioData", "gunid", 805),
        ("editPlaylist", "plid", 805),
    ):
        with pytest.raises(Fault) as caught:
            client.ask(method, **{name: nobody})
        assert caught.value.code == code, method
