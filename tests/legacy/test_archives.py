"""Export, import, backup and restore, as scripts and the C++ tests use them, twice in a row.

LiveSupport storage protocol, 7.4, 9, 12.3.
"""

import io
import tarfile
import time
from collections.abc import Callable
from hashlib import md5
from pathlib import Path
from typing import Any

import pytest
from legacy import documents
from legacy.pear import PearClient
from legacy.station import PASSWORD, fetch
from legacy.tones import tone
from legacy.xmlrpcpp import Fault, WebStorageClient

from archive_server.sample import catalogue

Make = Callable[[], WebStorageClient]
TWICE = range(2)
EVERYTHING = {"filetype": "all", "operator": "and", "conditions": []}
COWBELL = "7c215b48a9c827e6"
_PATIENCE_S = 20  # as long as WebStorageClientTest waits


@pytest.fixture
def client(studio: Make) -> WebStorageClient:
    """Somebody who is logged in; the archive holds the sample."""
    studio().call("resetStorage")
    return studio().log_in(PASSWORD)


def await_end(check: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Ask again and again, as the clients do, until the work has ended."""
    for _ in range(_PATIENCE_S * 10):
        state = check()
        if state["status"] != "working":
            return state
        time.sleep(0.1)
    raise AssertionError("it is not done in time")


def tar(files: dict[str, bytes]) -> bytes:
    """An archive as PHP's and Studio's tar made it: directories first, ustar."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name in sorted({name.rpartition("/")[0] for name in files} - {""}):
            directory = tarfile.TarInfo(f"{name}/")
            directory.type = tarfile.DIRTYPE
            archive.addfile(directory)
        for name, whole in files.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(whole)
            archive.addfile(entry, io.BytesIO(whole))
    return packed.getvalue()


def unpacked(whole: bytes) -> dict[str, bytes]:
    with tarfile.open(fileobj=io.BytesIO(whole)) as archive:
        files = [entry for entry in archive if entry.isfile()]
        return {entry.name: archive.extractfile(entry).read() for entry in files}


def exported_by_the_original() -> bytes:
    """What `exportedPl_lspl.tar` held: playlists 1 and 3, clips 10001 to 10003."""
    files: dict[str, bytes] = {}
    for clip in catalogue.CLIPS[:3]:
        files[f"audioClip/{clip.gunid}.mp3"] = clip.path.read_bytes()
        files[f"audioClip/{clip.gunid}.xml"] = documents.clip(clip.title, clip.extent).encode()
    first, _, embedded = catalogue.PLAYLISTS
    for playlist in (first, embedded):
        files[f"playlist/{playlist.gunid}.lspl"] = playlist.xml().encode()
    files["exportedPlaylist.lspl"] = embedded.xml().encode()
    return tar(files)


@pytest.mark.parametrize("kind", ["lspl", "smil"])
def test_a_playlist_is_exported_and_imported_again(client: WebStorageClient, kind: str) -> None:
    for _ in TWICE:
        opened = client.ask(
            "exportPlaylistOpen", plids=["0000000000000003"], type=kind, standalone=False
        )
        assert (type(opened["url"]), type(opened["token"])) == (str, str)
        assert opened["url"].endswith(f"/{opened['token']}.tar")
        assert fetch("HEAD", opened["url"]).status == 200
        whole = fetch("GET", opened["url"]).body
        assert client.call("exportPlaylistClose", token=opened["token"]) == {"status": True}
        assert fetch("GET", opened["url"]).status == 404
        names = set(unpacked(whole))
        assert {f"playlist/000000000000000{number}.{kind}" for number in (1, 3)} <= names
        assert {f"audioClip/000000000001000{number}.mp3" for number in (1, 2, 3)} <= names
        assert f"exportedPlaylist.{kind}" in names

        client.call("resetStorage", loadSampleData=False)
        for _ in TWICE:
            upload = client.ask("importPlaylistOpen", chsum=md5(whole).hexdigest())
            client.put(upload["url"], whole)
            imported = client.call("importPlaylistClose", token=upload["token"])
            assert imported == {"gunid": "0000000000000003"}
        opened = client.ask("accessPlaylist", plid="0000000000000003", recursive=True)
        assert len(opened["content"]) == 2
        client.call("releasePlaylist", token=opened["token"])
        for number in (1, 2, 3):
            exists = client.ask("existsAudioClip", gunid=f"000000000001000{number}")
            assert exists == {"exists": True}


def test_the_scripts_import(script: PearClient, client: WebStorageClient) -> None:
    sessid = script.call("login", login="root", **{"pass": PASSWORD})["sessid"]
    whole = exported_by_the_original()
    client.call("resetStorage", loadSampleData=False)
    for _ in TWICE:
        members = {"sessid": sessid, "chsum": md5(whole).hexdigest()}
        opened = script.call("importPlaylistOpen", **members)
        fetch("PUT", opened["url"], whole)
        imported = script.call("importPlaylistClose", token=opened["token"])
        assert imported == {"gunid": "0000000000000003"}
        for plid in ("0000000000000001", "0000000000000003"):
            assert script.call("existsPlaylist", sessid=sessid, plid=plid) == {"exists": True}
        for number in (1, 2, 3):
            gunid = f"000000000001000{number}"
            exists = script.call("existsAudioClip", sessid=sessid, gunid=gunid)
            assert exists == {"exists": True}
        for kind, standalone in (("lspl", "0"), ("smil", "1"), ("m3u", "")):
            exported = script.call(
                "exportPlaylistOpen",
                sessid=sessid,
                plids="0000000000000001",  # a command line has no arrays
                type=kind,
                standalone=standalone,
            )
            names = unpacked(fetch("GET", exported["url"]).body)
            assert any(name.startswith("audioClip/") for name in names) is (standalone != "1")
            closed = script.call("exportPlaylistClose", token=exported["token"])
            assert closed == {"status": True}


def test_a_backup_is_made_and_restored(client: WebStorageClient) -> None:
    for _ in TWICE:
        token = client.ask("createBackupOpen", criteria=EVERYTHING)["token"]
        assert type(token) is str
        state = await_end(lambda token=token: client.call("createBackupCheck", token=token))
        assert state["status"] == "success", state["faultString"]
        assert (type(state["url"]), type(state["tmpfile"])) == (str, str)
        # The scheduler appends its own schedule with libtar before anybody downloads it.
        with tarfile.open(state["tmpfile"], "a") as archive:
            entry = tarfile.TarInfo("meta-inf/scheduler.xml")
            entry.size = 12
            archive.addfile(entry, io.BytesIO(b"<scheduler/>"))
        whole = fetch("GET", state["url"]).body
        files = unpacked(whole)
        assert files["meta-inf/scheduler.xml"] == b"<scheduler/>"
        assert b'type="backup"' in files["meta-inf/storage.xml"]
        one = catalogue.CLIPS[0]
        assert files[f"audioClip/{one.gunid}"] == one.path.read_bytes()
        assert {f"audioClip/{one.gunid}.xml", "playlist/0000000000000003.xml"} <= set(files)
        client.call("createBackupClose", token=token)

        client.call("resetStorage", loadSampleData=False)
        for _ in TWICE:
            assert restore(client, whole)["status"] == "success"
        found = client.ask("searchMetadata", criteria=EVERYTHING)
        assert found["cnt"] >= 9
        assert client.ask("existsPlaylist", plid="0000000000000003") == {"exists": True}
        client.call("resetStorage")


def test_the_backup_of_the_cpp_test_is_restored(client: WebStorageClient) -> None:
    title = '<?xml version="1.0"?>\n' + documents.clip("cowbell", "00:00:02.000000").partition(
        "\n"
    )[2].replace("campcaster", "livesupport")
    whole = tar(
        {
            f"audioClip/{COWBELL}": tone(800, 2),
            f"audioClip/{COWBELL}.xml": title.encode(),
            "playlist/0000000000000009.xml": catalogue.PLAYLISTS[0].xml().encode(),
            "meta-inf/storage.xml": b'<?xml version="1.0" encoding="utf-8"?><storage type="backup"'
            b' version="1.0" ctime="1149000000" hostname="localhost"/>',
        }
    )
    for _ in TWICE:
        client.call("resetStorage")
        assert client.ask("existsAudioClip", gunid=COWBELL) == {"exists": False}
        state = restore(client, whole)
        assert state["status"] == "success", state["faultString"]
        assert client.ask("existsAudioClip", gunid=COWBELL) == {"exists": True}
        criteria = {
            "filetype": "audioClip",
            "conditions": [{"cat": "dc:title", "op": "=", "val": "cowbell"}],
        }
        found = client.ask("searchMetadata", criteria=criteria)
        assert [hit["type"] for hit in found["results"]] == ["audioclip"]


def restore(client: WebStorageClient, whole: bytes) -> dict[str, Any]:
    opened = client.ask("restoreBackupOpen", chsum=md5(whole).hexdigest())
    assert (type(opened["url"]), type(opened["token"])) == (str, str)
    client.put(opened["url"], whole)
    token = client.ask("restoreBackupClosePut", token=opened["token"])["token"]
    state = await_end(lambda: client.call("restoreBackupCheck", token=token))
    # The C++ test closes it with the wrong call, too, and that must not be a fault.
    assert client.call("restoreBackupClose", token=token)["status"] is True
    client.call("createBackupClose", token=token)
    return state


def test_tokens_that_nobody_knows(client: WebStorageClient) -> None:
    for method in (
        "exportPlaylistClose",
        "importPlaylistClose",
        "createBackupCheck",
        "restoreBackupCheck",
        "restoreBackupClose",
    ):
        with pytest.raises(Fault) as caught:
            client.call(method, token="0" * 32)
        assert caught.value.code == 805, method
    client.call("createBackupClose", token="0" * 32)


def test_a_rendered_playlist_is_one_file(client: WebStorageClient, tmp_path: Path) -> None:
    token = client.ask("renderPlaylistToFileOpen", plid="0000000000000002")["token"]
    state = await_end(lambda: client.call("renderPlaylistToFileCheck", token=token))
    assert state["status"] == "success"
    assert fetch("GET", state["url"]).body.startswith(b"OggS")
    assert client.call("renderPlaylistToFileClose", token=token) == {"status": True}

    token = client.ask("renderPlaylistToStorageOpen", plid="0000000000000002")["token"]
    state = client.call("renderPlaylistToStorageCheck", token=token)
    assert type(state["gunid"]) is str
    state = await_end(lambda: client.call("renderPlaylistToStorageCheck", token=token))
    assert client.ask("existsAudioClip", gunid=state["gunid"]) == {"exists": True}

    token = client.ask("renderPlaylistToRSSOpen", plid="0000000000000002")["token"]
    state = await_end(lambda: client.call("renderPlaylistToRSSCheck", token=token))
    assert b"<rss" in fetch("GET", state["url"]).body
    assert client.call("renderPlaylistToRSSClose", token=token) == {"status": True}
