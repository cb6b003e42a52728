"""The calls about playlists and webstreams, as old clients make them."""

import hashlib
import urllib.parse
from pathlib import Path

import pytest
from support import result_of

from archive_server.model.gunid import Gunid
from archive_server.model.users import Role

PREFIX = "http://archive.example:8000/access/"
A, B, CLIP, STREAM = (
    "0000000000000001",
    "0000000000000002",
    "0000000000010001",
    "f000000000000001",
)
# As testRunner.sh saves it: no declarations for dc, another default namespace, an offset of "0".
TEST_RUNNER_S = f"""<?xml version="1.0" encoding="UTF-8"?>
<playlist id="123456789abcdef8" playlength="00:00:00.000000" title="testRunner">
 <playlistElement id="000000000000001" relativeOffset="0">
  <audioClip id="{CLIP}"/>
 </playlistElement>
 <metadata xmlns="http://www.streamonthefly.org/" xmlns:dc="http://purl.org/dc/elements/1.1/"
  xmlns:dcterms="http://purl.org/dc/terms/" xmlns:xbmf="http://www.streamonthefly.org/xbmf"
  xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance"
  xmlns:xml="http://www.w3.org/XML/1998/namespace">
  <dc:title>testRunner playlist</dc:title>
  <dcterms:extent>00:00:11.000000</dcterms:extent>
 </metadata>
</playlist>"""


@pytest.fixture
def sessid(services):
    return services.session_id(Role.MAINTAINER)


@pytest.fixture
def call(client, sessid):
    """Make a call in a session."""

    def call(method, **members):
        return client.locstor(method, sessid=sessid, **members)

    return call


@pytest.fixture
def fault(client, sessid):
    """The fault that a call in a session ends with."""

    def fault(method, **members):
        return client.fault(f"locstor.{method}", {"sessid": sessid} | members)

    return fault


@pytest.fixture
def saved(call):
    """Save a playlist, new or not, as C++ clients do: create, edit, save."""

    def save(plid, *whats, title="evening"):
        if not call("existsPlaylist", plid=plid)["exists"]:
            call("createPlaylist", plid=plid)
        elements = "".join(
            f'<playlistElement id="{n}" relativeOffset="{n}">{what}</playlistElement>'
            for n, what in enumerate(whats)
        )
        token = call("editPlaylist", plid=plid)["token"]
        xml = f'<playlist id="{plid}" title="{title}">{elements}</playlist>'
        return call("savePlaylist", token=token, newPlaylist=xml)

    return save


@pytest.fixture
def clip(services, wav):
    return services.store_clip(wav, gunid=Gunid.parse(CLIP), file_name="one.wav")


def read(services, url):
    """What a client gets from a URL of ours."""
    token, _, extension = url.removeprefix(PREFIX).partition(".")
    return result_of(services.downloads.leased(token, extension)).body


def test_the_life_of_a_playlist(services, call, fault, clip):
    """testRunner.sh, section playlists."""
    plid = "123456789abcdef8"
    assert call("deletePlaylist", plid=plid, forced="1") == {"status": True}
    assert call("createPlaylist", plid=plid, fname="newPlaylist.xml") == {"plid": plid}
    assert call("existsPlaylist", plid=plid) == {"exists": True}
    edit = call("editPlaylist", plid=plid)
    body = read(services, edit["url"])
    assert edit["size"] == len(body)
    assert edit["chsum"] == hashlib.md5(body).hexdigest()
    assert edit["url"] == f"{PREFIX}{edit['token']}.xml"
    saved = call("savePlaylist", token=edit["token"], newPlaylist=TEST_RUNNER_S)
    assert saved == {"plid": plid}
    access = call("accessPlaylist", plid=plid, recursive=False)
    assert set(access) == {"url", "token", "chsum", "size", "filename"}
    assert b'xmlns="http://www.streamonthefly.org/"' in read(services, access["url"])
    assert access["filename"] == "newPlaylist.xml"
    assert call("releasePlaylist", token=access["token"], recursive="1") == {"plid": plid}
    assert call("deletePlaylist", plid=plid, forced="0") == {"status": True}
    assert call("existsPlaylist", plid=plid) == {"exists": False}
    code, text = fault("deletePlaylist", plid=plid)
    assert (code, text) == (842, f"xr_deletePlaylist: there is no playlist {plid}")
    assert call("createPlaylist", plid=plid) == {"plid": plid}


def test_cpp_clients_make_a_playlist_with_a_session_alone(services, call):
    plid = call("createPlaylist")["plid"]
    token = call("editPlaylist", plid=plid)["token"]
    xml = (
        f'<playlist id="{plid}">\n<metadata><dc:title></dc:title>'
        "<dcterms:extent>00:00:00.000000</dcterms:extent></metadata></playlist>"
    )
    assert call("savePlaylist", token=token, newPlaylist=xml) == {"plid": plid}
    assert call("accessPlaylist", plid=plid, recursive=True)["content"] == []
    assert call("accessPlaylist", plid=plid)["filename"] == "newFile.xml"


def test_titles_that_nobody_escaped_are_saved(services, call, clip):
    call("createPlaylist", plid=A)
    token = call("editPlaylist", plid=A)["token"]
    xml = (
        f'<playlist id="{A}">\n<playlistElement id="1" relativeOffset="0">'
        f'<audioClip id="{CLIP}" title="Tom & "Jerry" <live>" playlength="00:00:00.500000" />'
        "</playlistElement>\n<metadata><dc:title>R & B</dc:title></metadata></playlist>"
    )
    call("savePlaylist", token=token, newPlaylist=xml)
    (hit,) = call("searchMetadata", criteria={"filetype": "playlist"})["results"]
    assert hit["title"] == "R & B"
    access = call("accessPlaylist", plid=A)
    assert b'title="Tom &amp; &quot;Jerry&quot; &lt;live&gt;"' in read(services, access["url"])


def test_content_is_nested_in_the_order_of_the_elements(services, call, saved, clip, wav):
    call("storeWebstream", gunid=STREAM, metadata="", fname="live", url="http://localhost/y")
    saved(B, f'<audioClip id="{CLIP}"/>')
    element = f'<playlistElement id="x" relativeOffset="0"><audioClip id="{CLIP}"/>'
    missing = f'<playlist id="00000000000000ff">{element}</playlistElement></playlist>'
    saved(
        A,
        f'<audioClip id="{CLIP}"/>',
        f'<playlist id="{B}"/>',
        f'<audioClip id="{STREAM}"/>',
        missing,
    )
    opened = call("accessPlaylist", plid=A, recursive="1")
    first, second, third, fourth = opened["content"]
    assert set(first) == {"url", "token"}
    assert Path(urllib.parse.urlsplit(first["url"]).path).read_bytes() == wav
    assert set(second) == {"url", "token", "chsum", "size", "filename", "content"}
    assert second["url"].startswith(PREFIX)
    assert b'id="0000000000000002"' in read(services, second["url"])
    assert [set(inner) for inner in second["content"]] == [{"url", "token"}]
    assert third["url"] == "http://localhost/y"
    assert {name: fourth[name] for name in ("url", "token", "chsum", "size", "filename")} == (
        dict.fromkeys(("url", "token", "chsum", "size", "filename"), "")
    )
    assert fourth["warning"] == "there is no playlist 00000000000000ff"
    assert fourth["content"][0]["url"].startswith("file://")
    assert call("releasePlaylist", token=opened["token"]) == {"plid": A}
    assert not Path(urllib.parse.urlsplit(first["url"]).path).exists()
    assert list(services.store.links()) == []


def test_a_missing_clip_is_a_fault(call, fault, saved):
    saved(A, f'<audioClip id="{CLIP}"/>')
    code, text = fault("accessPlaylist", plid=A, recursive=True)
    assert (code, text) == (
        847,
        f"xr_accessPlaylist: playlistElement 0: there is no clip {CLIP}",
    )


def test_revert_needs_no_session(client, call):
    call("createPlaylist", plid=A)
    for members in ({"sessid": ""}, {}, {"sessid": "0" * 32}):
        token = call("editPlaylist", plid=A)["token"]
        assert call("playlistIsAvailable", plid=A)["available"] is False
        assert client.locstor("revertEditedPlaylist", token=token, **members) == {"plid": A}
    assert call("playlistIsAvailable", plid=A) == {
        "available": True,
        "ownerid": "",
        "ownerlogin": "",
    }


def test_who_changes_a_playlist_is_told(services, call):
    call("createPlaylist", plid=A)
    call("editPlaylist", plid=A)
    caller = services.caller()
    assert call("playlistIsAvailable", plid=A) == {
        "available": False,
        "ownerid": caller.user_id,
        "ownerlogin": caller.login,
    }


@pytest.mark.parametrize("sent", ["123456789ABCDEF8", "01890A5D-AC96-774B-BCCE-B302099A8057"])
def test_ids_are_echoed_in_their_canonical_form(call, sent):
    plid = sent.lower()
    assert call("createPlaylist", plid=sent) == {"plid": plid}
    token = call("editPlaylist", plid=sent)["token"]
    xml = f'<playlist id="{sent}"/>'
    assert call("savePlaylist", token=token, newPlaylist=xml) == {"plid": plid}
    token = call("accessPlaylist", plid=sent)["token"]
    assert call("releasePlaylist", token=token) == {"plid": plid}


def test_a_save_that_fails_names_the_element_and_leaves_all_as_it_was(call, fault, saved):
    saved(A, title="old")
    token = call("editPlaylist", plid=A)["token"]
    xml = f'<playlist id="{A}"><playlistElement id="1"/></playlist>'
    assert fault("savePlaylist", token=token, newPlaylist=xml) == (
        805,
        "xr_savePlaylist: playlist/playlistElement[1]: attribute relativeOffset is missing",
    )
    code, text = fault("savePlaylist", token=token, newPlaylist=xml.replace(' id="1"', ' foo=""'))
    assert "attribute id is missing" in text
    code, text = fault("savePlaylist", token=token, newPlaylist="junk")
    assert (code, "not well-formed" in text) == (805, True)
    (hit,) = call("searchMetadata", criteria={"filetype": "playlist"})["results"]
    assert hit["title"] == "old"
    xml = f'<playlist id="{A}" title="new"/>'
    assert call("savePlaylist", token=token, newPlaylist=xml) == {"plid": A}


def test_playlists_are_read_and_described_like_clips(services, call, saved):
    saved(A, title="one")
    xml = call("getAudioClip", gunid=A)["metadata"]
    assert '<playlist id="0000000000000001"' in xml
    lease = call("downloadMetadataOpen", gunid=A)
    assert read(services, lease["url"]) == xml.encode()
    assert call("downloadMetadataClose", token=lease["token"]) == {"gunid": A}
    assert call("existsAudioClip", gunid=A) == {"exists": False}
    described = "<audioClip><metadata><dc:title>two</dc:title></metadata></audioClip>"
    assert call("updateAudioClipMetadata", gunid=A, metadata=described) == {"status": True}
    assert "<dc:title>two</dc:title>" in call("getAudioClip", gunid=A)["metadata"]


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("editPlaylist", 805),
        ("accessPlaylist", 847),
        ("playlistIsAvailable", 805),
        ("deletePlaylist", 805),
        ("createPlaylist", 805),
    ],
)
def test_a_clip_is_no_playlist(services, call, fault, clip, method, code):
    found, text = fault(method, plid=CLIP)
    assert found == code
    assert "audio clip" in text
    assert call("existsPlaylist", plid=CLIP) == {"exists": False}
    assert call("existsAudioClip", gunid=CLIP) == {"exists": True}


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("editPlaylist", 805),
        ("accessPlaylist", 847),
        ("playlistIsAvailable", 805),
        ("deletePlaylist", 842),
    ],
)
def test_a_playlist_that_is_not_there_is_named(fault, method, code):
    found, text = fault(method, plid=A)
    assert found == code
    assert f"there is no playlist {A}" in text


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("deleteAudioClip", 805),
        ("accessRawAudioData", 805),
        ("downloadRawAudioDataOpen", 847),
    ],
)
def test_a_playlist_is_no_clip(call, fault, saved, method, code):
    saved(A)
    found, text = fault(method, gunid=A)
    assert found == code
    assert A in text
    assert call("existsPlaylist", plid=A) == {"exists": True}


@pytest.mark.parametrize(
    "method",
    [
        "createPlaylist",
        "editPlaylist",
        "accessPlaylist",
        "existsPlaylist",
        "playlistIsAvailable",
        "deletePlaylist",
    ],
)
def test_an_id_that_is_none_is_refused_by_name(fault, method):
    for plid in ("1", "x" * 16, "../../etc/passwd"):
        code, text = fault(method, plid=plid)
        assert (code, text) == (805, f"xr_{method}: plid: 16 hex digits or a UUID expected")


def test_tokens_of_other_kinds_and_users_do_nothing(services, client, call, fault, saved, clip):
    saved(A)
    edit = call("editPlaylist", plid=A)["token"]
    xml = f'<playlist id="{A}"/>'
    other = services.session_id(Role.ADMIN)
    members = {"sessid": other, "token": edit, "newPlaylist": xml}
    code, text = client.fault("locstor.savePlaylist", members)
    assert (code, "does not change" in text) == (805, True)
    access = call("accessPlaylist", plid=A)["token"]
    file = call("accessRawAudioData", gunid=CLIP)["token"]
    upload = call("storeAudioClipOpen", metadata="", fname="a.wav", chsum="")["token"]
    unknown = "0" * 32
    for token in (access, file, upload, unknown, "", "x"):
        assert fault("savePlaylist", token=token, newPlaylist=xml)[0] == 805
        assert fault("revertEditedPlaylist", token=token)[0] == 805
    for token in (edit, file, upload, unknown, "", "x"):
        assert fault("releasePlaylist", token=token)[0] == 805
    for method in ("releaseRawAudioData", "downloadRawAudioDataClose", "downloadMetadataClose"):
        for token in (edit, access):
            assert fault(method, token=token)[0] == 805
    assert fault("storeAudioClipClose", token=edit)[0] == 850
    assert call("savePlaylist", token=edit, newPlaylist=xml) == {"plid": A}
    assert call("releasePlaylist", token=access) == {"plid": A}


# -- webstreams -------------------------------------------------------------------------------


def test_a_webstream_is_stored_found_and_deleted(call, fault):
    metadata = (
        "<audioClip><metadata><dc:title>Webstream test 1</dc:title>"
        "<dcterms:extent>01:30:00.000000</dcterms:extent></metadata></audioClip>"
    )
    sent = {"metadata": metadata, "fname": "wstream1.xml", "url": "http://localhost/y"}
    assert call("storeWebstream", gunid=STREAM, **sent) == {"gunid": STREAM}
    assert call("storeWebstream", gunid="", **sent)["gunid"] != STREAM
    assert call("existsAudioClip", gunid=STREAM) == {"exists": True}
    xml = call("getAudioClip", gunid=STREAM)["metadata"]
    assert "<ls:url>http://localhost/y</ls:url>" in xml
    found = call("searchMetadata", criteria={"filetype": "webstream"})
    assert (found["cnt"], found["webstreamCnt"]) == (2, 2)
    assert call("searchMetadata", criteria={"filetype": "audioclip"})["cnt"] == 0
    assert call("deleteAudioClip", gunid=STREAM, forced="0") == {"status": True}
    assert fault("getAudioClip", gunid=STREAM)[0] == 805
    assert fault("storeWebstream", **(sent | {"url": "/etc/passwd"}))[0] == 805


# -- order ------------------------------------------------------------------------------------


def test_the_sample_s_titles_come_in_the_order_of_the_old_tests(services, call, saved, wav):
    """LiveSupport storage protocol, 1.7 and 6.6."""
    for number, title in enumerate(("one", "two", "three")):
        _store(services, wav, f"000000000001000{number + 1}", title)
    _store(services, wav, "123456789abcdef1", "File Title txt")
    _store(services, wav, "123456789abcdef2", "File2 Title txt")
    _store(services, wav, "0000000000000077", "Fil Title3 txt")
    saved("0000000000000001", title="My First Playlist")
    saved("0000000000000002", title="My Second Playlist")
    saved("0000000000000003", title="embedded playlist")
    stream = "<audioClip><metadata><dc:title>Webstream test 1</dc:title></metadata></audioClip>"
    call("storeWebstream", gunid=STREAM, metadata=stream, fname="w", url="http://localhost/y")
    found = call("searchMetadata", criteria={"filetype": "all"})
    assert [(hit["type"], hit["title"]) for hit in found["results"]] == [
        ("audioclip", "File2 Title txt"),
        ("audioclip", "File Title txt"),
        ("audioclip", "Fil Title3 txt"),
        ("audioclip", "one"),
        ("audioclip", "three"),
        ("audioclip", "two"),
        ("playlist", "embedded playlist"),
        ("playlist", "My First Playlist"),
        ("playlist", "My Second Playlist"),
        ("webstream", "Webstream test 1"),
    ]
    page = call("searchMetadata", criteria={"filetype": "audioclip", "limit": 2, "offset": 4})
    assert [hit["gunid"] for hit in page["results"]] == ["0000000000010003", "0000000000010002"]
    conditions = [{"cat": "dc:title", "op": "partial", "val": "t"}]
    page = call(
        "searchMetadata",
        criteria={"filetype": "all", "conditions": conditions, "limit": 2, "offset": 3},
    )
    assert [hit["title"] for hit in page["results"]] == ["three", "two"]


def _store(services, audio, gunid, title):
    document = f"<audioClip><metadata><dc:title>{title}</dc:title></metadata></audioClip>"
    services.store_clip(audio, gunid=Gunid.parse(gunid), document=document, file_name="a.wav")
