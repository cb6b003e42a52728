import hashlib
import urllib.parse
from pathlib import Path

import pytest
from support import result_of

from archive_server.model.users import Role

DOCUMENT = """<?xml version="1.0"?>
<audioClip><metadata xmlns="http://mdlf.org/campcaster/elements/1.0/"
 xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/">
<dc:title>{}</dc:title><dcterms:extent>00:00:01.000000</dcterms:extent></metadata></audioClip>"""

PREFIX = "http://archive.example:8000/"


@pytest.fixture
def sessid(services):
    return services.session_id(Role.MAINTAINER)


@pytest.fixture
def opened(client, sessid, wav):
    """An upload that has been opened."""

    def open_upload(**members):
        sent = {"gunid": "", "metadata": DOCUMENT.format("one"), "fname": "one.wav", "chsum": ""}
        return client.locstor("storeAudioClipOpen", sessid=sessid, **(sent | members))

    return open_upload


@pytest.fixture
def stored(client, services, sessid, wav, opened):
    """The id of a clip, stored through the calls."""

    def store(**members):
        token = opened(**members)["token"]
        services.send(token, wav)
        return client.locstor("storeAudioClipClose", sessid=sessid, token=token)["gunid"]

    return store


def test_a_clip_is_stored_in_two_calls(client, services, sessid, wav, opened):
    upload = opened(
        fname="file:///home/u/%C3%BCber.wav", chsum=hashlib.md5(wav).hexdigest().upper()
    )
    assert upload["url"] == f"{PREFIX}upload/{upload['token']}"
    assert upload["fname"] == "über.wav"
    services.send(upload["token"], wav)
    gunid = client.locstor("storeAudioClipClose", sessid=sessid, token=upload["token"])["gunid"]
    assert client.locstor("existsAudioClip", sessid=sessid, gunid=gunid) == {"exists": True}
    document = client.locstor("getAudioClip", sessid=sessid, gunid=gunid)["metadata"]
    assert "<dc:title>one</dc:title> <dcterms:extent>" in document
    assert "<ls:mtime>" in document


def test_a_clip_needs_no_document(client, sessid, stored):
    gunid = stored(metadata="", fname="My Song.wav")
    document = client.locstor("getAudioClip", sessid=sessid, gunid=gunid)["metadata"]
    assert "<dc:title>My Song</dc:title>" in document


@pytest.mark.parametrize("sent", ["123456789ABCDEF1", "01890A5D-AC96-774B-BCCE-B302099A8057"])
def test_an_unused_id_is_adopted_and_echoed_in_lower_case(client, sessid, stored, sent):
    assert stored(gunid=sent) == sent.lower()
    assert client.locstor("existsAudioClip", sessid=sessid, gunid=sent) == {"exists": True}


def test_nil_is_as_good_as_nothing(client, sessid, opened):
    assert opened(gunid=None)["token"]


def test_arguments_left_out_are_empty_ones(client, services, sessid, wav):
    """As old command lines send them."""
    opened = client.locstor("storeAudioClipOpen", sessid=sessid)
    assert opened["fname"] == "newFile"
    services.send(opened["token"], wav)
    gunid = client.locstor("storeAudioClipClose", sessid=sessid, token=opened["token"])["gunid"]
    download = client.locstor("downloadRawAudioDataOpen", sessid=sessid, gunid=gunid)
    assert download["filename"] == "newFile"


def test_a_clip_replaced_without_a_name_keeps_its_own(client, sessid, stored):
    gunid = stored(fname="My Song.wav")
    for given, kept in (("", "My Song.wav"), ("/", "My Song.wav"), ("new.wav", "new.wav")):
        stored(gunid=gunid, fname=given, metadata="<audioClip><metadata/></audioClip>")
        download = client.locstor("downloadRawAudioDataOpen", sessid=sessid, gunid=gunid)
        document = client.locstor("getAudioClip", sessid=sessid, gunid=gunid)["metadata"]
        assert download["filename"] == kept
        assert f"<dc:title>{kept.removesuffix('.wav')}</dc:title>" in document


@pytest.mark.parametrize(
    ("members", "complaint"),
    [
        ({"metadata": "/etc/passwd"}, "metadata"),
        ({"metadata": "<audioClip>"}, ""),
        ({"metadata": "<!DOCTYPE a><audioClip><metadata/></audioClip>"}, ""),
        ({"metadata": "<playlist><metadata/></playlist>"}, ""),
        ({"gunid": "../../etc/passwd"}, "gunid"),
        ({"gunid": "123"}, "gunid"),
        ({"chsum": "123"}, "chsum"),
        ({"chsum": "g" * 32}, "chsum"),
        ({"fname": 5}, "fname: string expected"),
    ],
)
def test_a_bad_parameter_is_refused(client, sessid, members, complaint):
    sent = {"sessid": sessid, "gunid": "", "metadata": "", "fname": "a.wav", "chsum": ""}
    code, text = client.fault("locstor.storeAudioClipOpen", sent | members)
    assert code == 805
    assert text.startswith(f"xr_storeAudioClipOpen: {complaint}")


def test_the_wrong_bytes_are_refused(client, services, sessid, opened):
    gunid = "0000000000000007"
    token = opened(gunid=gunid, chsum="0" * 32)["token"]
    services.send(token, b"noise")
    code, _ = client.fault("locstor.storeAudioClipClose", {"sessid": sessid, "token": token})
    assert code == 805
    assert client.locstor("existsAudioClip", sessid=sessid, gunid=gunid) == {"exists": False}


def test_closing_before_sending_or_twice_is_refused(client, services, sessid, wav, opened):
    token = opened()["token"]
    close = ("locstor.storeAudioClipClose", {"sessid": sessid, "token": token})
    assert client.fault(*close)[0] == 805
    services.send(token, wav)
    client.call(*close)
    assert client.fault(*close)[0] == 805


def test_the_token_of_a_download_is_none_of_an_upload(client, sessid, stored):
    gunid = stored()
    token = client.locstor("downloadRawAudioDataOpen", sessid=sessid, gunid=gunid)["token"]
    close = {"sessid": sessid, "token": token}
    assert client.fault("locstor.storeAudioClipClose", close)[0] == 850
    assert client.fault("locstor.downloadMetadataClose", close)[0] == 805
    assert client.fault("locstor.releaseRawAudioData", close)[0] == 805
    assert client.locstor("downloadRawAudioDataClose", **close) == {"gunid": gunid}


def test_a_client_may_read_but_not_write(client, services, stored):
    gunid, reader = stored(), services.session_id(Role.CLIENT)
    begun = result_of(services.clips.start_upload(services.caller(), None, "", "a.wav", ""))
    seen = {"sessid": reader, "gunid": gunid}
    assert client.call("locstor.existsAudioClip", seen) == {"exists": True}
    for method, more in (
        ("storeAudioClipOpen", {"metadata": "", "fname": "a.wav", "chsum": ""}),
        ("updateAudioClipMetadata", {"metadata": DOCUMENT.format("two")}),
        ("deleteAudioClip", {"forced": True}),
        ("storeAudioClipClose", {"token": begun.token}),
    ):
        code, text = client.fault(f"locstor.{method}", seen | more)
        assert (code, "client" in text) == (805, True)
    assert client.call("locstor.existsAudioClip", seen) == {"exists": True}


def test_a_clip_is_described_anew(client, sessid, stored):
    gunid = stored()
    described = {"sessid": sessid, "gunid": gunid, "metadata": DOCUMENT.format("zwölf &amp; drei")}
    assert client.call("locstor.updateAudioClipMetadata", described) == {"status": True}
    document = client.locstor("getAudioClip", sessid=sessid, gunid=gunid)["metadata"]
    assert "<dc:title>zwölf &amp; drei</dc:title>" in document


@pytest.mark.parametrize("forced", [True, False, "0", "1", "", 1])
def test_a_deleted_clip_is_gone_at_once(client, sessid, stored, forced):
    gunid = stored()
    deleted = client.locstor("deleteAudioClip", sessid=sessid, gunid=gunid, forced=forced)
    assert deleted == {"status": True}
    assert client.locstor("existsAudioClip", sessid=sessid, gunid=gunid) == {"exists": False}
    found = client.locstor("searchMetadata", sessid=sessid, criteria={"filetype": "all"})
    assert found["cnt"] == 0


def test_what_is_not_there_is_deleted_already_when_forced(client, sessid):
    gone = {"sessid": sessid, "gunid": "00000000000000aa"}
    assert client.call("locstor.deleteAudioClip", gone | {"forced": "1"}) == {"status": True}
    assert client.fault("locstor.deleteAudioClip", gone)[0] == 805


@pytest.mark.parametrize(
    ("method", "code"),
    [
        ("accessRawAudioData", 805),
        ("downloadRawAudioDataOpen", 847),
        ("downloadMetadataOpen", 805),
        ("getAudioClip", 805),
    ],
)
def test_an_unknown_clip_cannot_be_read(client, sessid, method, code):
    unknown = {"sessid": sessid, "gunid": "00000000000000aa"}
    assert client.fault(f"locstor.{method}", unknown)[0] == code


def test_a_download_is_announced_with_all_that_is_needed(client, sessid, stored, wav):
    gunid = stored(gunid="0000000000010001", fname="x.wav")
    opened = client.locstor("downloadRawAudioDataOpen", sessid=sessid, gunid=gunid)
    assert opened == {
        "url": f"{PREFIX}access/{opened['token']}.wav",
        "token": opened["token"],
        "chsum": hashlib.md5(wav).hexdigest(),
        "size": len(wav),
        "filename": "x.wav",
    }
    assert client.locstor("downloadRawAudioDataClose", token=opened["token"]) == {"gunid": gunid}
    closed = {"sessid": sessid, "token": opened["token"]}
    assert client.fault("locstor.downloadRawAudioDataClose", closed)[0] == 805


def test_a_document_is_announced_likewise(client, sessid, stored):
    gunid = stored()
    document = client.locstor("getAudioClip", sessid=sessid, gunid=gunid)["metadata"].encode()
    opened = client.locstor("downloadMetadataOpen", sessid=sessid, gunid=gunid)
    assert opened["url"] == f"{PREFIX}access/{opened['token']}.xml"
    assert (opened["chsum"], opened["size"]) == (hashlib.md5(document).hexdigest(), len(document))
    closed = client.locstor("downloadMetadataClose", sessid=sessid, token=opened["token"])
    assert closed == {"gunid": gunid}


def test_a_local_file_is_there_until_it_is_released(client, sessid, stored, wav):
    gunid = stored()
    access = client.locstor("accessRawAudioData", sessid=sessid, gunid=gunid)
    parts = urllib.parse.urlsplit(access["url"])
    assert (parts.scheme, parts.netloc) == ("file", "")
    path = Path(urllib.parse.unquote(parts.path))
    client.locstor("deleteAudioClip", sessid=sessid, gunid=gunid, forced=True)
    assert path.read_bytes() == wav
    assert client.locstor("releaseRawAudioData", token=access["token"]) == {"status": True}
    assert not path.exists()
    assert client.fault("locstor.releaseRawAudioData", {"token": access["token"]})[0] == 805
