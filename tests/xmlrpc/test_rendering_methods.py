"""Renderings as clients ask for them, from opening to closing."""

import pytest
from support import result_of
from twisted.internet.task import Clock

from archive_server.model.gunid import Gunid
from archive_server.model.users import Role
from archive_server.workers.jobs import JobRunner

BASE = "http://archive.example:8000"
KINDS = ("ToFile", "ToStorage", "ToRSS")
WITH_CLOSE = ("ToFile", "ToRSS")


@pytest.fixture
def sessid(services):
    return services.session_id(Role.MAINTAINER)


@pytest.fixture
def plid(client, services, sessid, wav):
    """A playlist that plays one clip."""
    gunid = services.store_clip(wav, file_name="one.wav")
    plid = client.locstor("createPlaylist", sessid=sessid)["plid"]
    token = client.locstor("editPlaylist", sessid=sessid, plid=plid)["token"]
    xml = (
        f'<playlist id="{plid}" title="Tonight"><playlistElement id="0000000000000001" '
        f'relativeOffset="0"><audioClip id="{gunid}"/></playlistElement></playlist>'
    )
    client.locstor("savePlaylist", sessid=sessid, token=token, newPlaylist=xml)
    return plid


@pytest.fixture
def opened(client, sessid, plid):
    return lambda kind: client.locstor(f"renderPlaylist{kind}Open", sessid=sessid, plid=plid)


def work(services):
    runner = JobRunner(services.jobs, services.render_work.by_kind(), Clock())
    runner.start()  # and all is done, since nothing has to wait
    result_of(runner.stop(0))


def test_a_file_is_made_and_got_and_removed(client, services, opened):
    answer = opened("ToFile")
    assert list(answer) == ["token"]
    check = {"status": "working", "url": "", "faultString": ""}
    assert client.locstor("renderPlaylistToFileCheck", **answer) == check
    work(services)
    done = client.locstor("renderPlaylistToFileCheck", **answer)
    assert (done["status"], done["faultString"]) == ("success", "")
    assert done["url"].startswith(f"{BASE}/access/")
    lease = done["url"].removeprefix(f"{BASE}/access/").removesuffix(".ogg")
    file = result_of(services.downloads.leased(lease, "ogg"))
    file.content.close()
    assert client.locstor("renderPlaylistToFileCheck", **answer) == done
    assert client.locstor("renderPlaylistToFileClose", **answer) == {"status": True}
    assert client.fault("locstor.renderPlaylistToFileCheck", answer)[0] == 805
    assert client.fault("locstor.renderPlaylistToFileClose", answer)[0] == 805


def test_a_clip_is_made_and_found(client, services, sessid, opened):
    answer = opened("ToStorage")
    check = {"status": "working", "gunid": "NULL", "faultString": ""}
    assert client.locstor("renderPlaylistToStorageCheck", **answer) == check
    work(services)
    done = client.locstor("renderPlaylistToStorageCheck", **answer)
    assert (done["status"], done["faultString"]) == ("success", "")
    Gunid.parse(done["gunid"])
    assert client.locstor("existsAudioClip", sessid=sessid, gunid=done["gunid"])["exists"] is True
    criteria = {
        "filetype": "audioclip",
        "conditions": [{"cat": "dc:title", "op": "=", "val": "Tonight"}],
    }
    found = client.locstor("searchMetadata", sessid=sessid, criteria=criteria)
    assert [result["gunid"] for result in found["results"]] == [done["gunid"]]


def test_a_feed_is_made_and_removed(client, services, opened):
    answer = opened("ToRSS")
    work(services)
    done = client.locstor("renderPlaylistToRSSCheck", **answer)
    assert done["status"] == "success"
    lease = done["url"].removeprefix(f"{BASE}/access/").removesuffix(".rss")
    body = result_of(services.downloads.leased(lease, "rss")).body
    assert f"{BASE}/clips/".encode() in body
    assert client.locstor("renderPlaylistToRSSClose", **answer) == {"status": True}


@pytest.mark.parametrize("kind", KINDS)
def test_what_cannot_be_rendered_is_told_in_the_answer(client, services, sessid, opened, kind):
    answer = opened(kind)
    found = client.locstor("searchMetadata", sessid=sessid, criteria={"filetype": "audioclip"})
    gunid = found["results"][0]["gunid"]
    client.locstor("deleteAudioClip", sessid=sessid, gunid=gunid, forced=True)
    work(services)
    done = client.locstor(f"renderPlaylist{kind}Check", **answer)
    assert done["status"] == "fault"
    assert done["faultString"] == f"playlistElement 0000000000000001: there is no clip {gunid}"
    assert done.get("gunid", "NULL") == "NULL"
    assert done.get("url", "") == ""


@pytest.mark.parametrize("kind", KINDS)
def test_what_is_no_playlist_is_refused(client, services, sessid, wav, kind):
    clip = services.store_clip(wav, file_name="one.wav")
    for wrong in (str(clip), "00000000000000aa"):
        members = {"sessid": sessid, "plid": wrong}
        code, text = client.fault(f"locstor.renderPlaylist{kind}Open", members)
        assert code == 805
        assert wrong in text


@pytest.mark.parametrize("kind", WITH_CLOSE)
def test_a_rendering_may_be_closed_before_it_is_made(client, services, opened, kind):
    answer = opened(kind)
    assert client.locstor(f"renderPlaylist{kind}Close", **answer) == {"status": True}
    work(services)
    assert len(list(services.store.contents())) == 1


def test_tokens_of_all_other_kinds_are_refused_and_nothing_is_changed(
    client, services, sessid, plid, opened
):
    tokens = {kind: opened(kind)["token"] for kind in KINDS}
    criteria = {"filetype": "audioclip"}
    found = client.locstor("searchMetadata", sessid=sessid, criteria=criteria)["results"]
    gunid = found[0]["gunid"]
    other = [
        client.locstor("downloadRawAudioDataOpen", sessid=sessid, gunid=gunid)["token"],
        client.locstor("accessPlaylist", sessid=sessid, plid=plid, recursive=False)["token"],
        client.locstor(
            "storeAudioClipOpen", sessid=sessid, gunid="", metadata="", fname="x", chsum=""
        )["token"],
        client.locstor("createBackupOpen", sessid=sessid, criteria=criteria)["token"],
        "0" * 32,
        "",
        "../../etc/passwd",
    ]
    calls = [f"{kind}Check" for kind in KINDS] + [f"{kind}Close" for kind in WITH_CLOSE]
    for call in calls:
        wrong = [token for kind, token in tokens.items() if not call.startswith(kind)]
        for token in wrong + other:
            code, _ = client.fault(f"locstor.renderPlaylist{call}", {"token": token})
            assert code == 805
    for kind, token in tokens.items():
        answer = client.locstor(f"renderPlaylist{kind}Check", token=token)
        assert answer["status"] == "working"
