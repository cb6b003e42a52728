import hashlib
import xmlrpc.client

import pytest
from services.transfers import clip, document, element, packed, read, save, unpacked

from archive_server.model.gunid import Gunid
from archive_server.model.users import Role

MAIN = Gunid.parse("00000000000000b1")


@pytest.fixture
def sessid(services):
    return services.session_id(Role.MAINTAINER)


@pytest.fixture
def main(services, wav):
    """A playlist of one clip."""
    return str(save(services, MAIN, document(MAIN, element(1, clip(services.store_clip(wav))))))


def token_of(opened):
    """The token, which is in the URL too."""
    assert opened.keys() == {"url", "token"}
    assert opened["token"] in opened["url"]
    return opened["token"]


@pytest.mark.parametrize("form", [lambda plid: [plid], str, lambda plid: {"0": plid}])
def test_ids_are_a_list_or_one_that_stands_by_itself(client, services, sessid, main, form):
    opened = client.locstor("exportPlaylistOpen", sessid=sessid, plids=form(main), type="lspl")
    token = token_of(opened)
    assert opened["url"] == f"http://archive.example:8000/access/{token}.tar"
    assert f"playlist/{main}.lspl" in unpacked(read(services, token))
    assert client.locstor("exportPlaylistClose", token=token) == {"status": True}
    code, _ = client.fault("locstor.exportPlaylistClose", {"token": token})
    assert code == 805


@pytest.mark.parametrize(
    ("flag", "count"), [(True, 2), ("1", 2), (1, 2), (False, 4), ("0", 4), ("", 4)]
)
def test_standalone_is_understood_in_all_dialects(client, services, sessid, main, flag, count):
    opened = client.locstor(
        "exportPlaylistOpen", sessid=sessid, plids=[main], type="smil", standalone=flag
    )
    assert len(unpacked(read(services, token_of(opened)))) == count


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"plids": []}, "at least one"),
        ({"plids": [5]}, "array of strings"),
        ({"plids": ["x"]}, "plids: 16 hex digits"),
        ({"plids": ["0" * 16]}, "no playlist"),
        ({"type": "wav"}, "lspl, smil or m3u"),
    ],
)
def test_what_cannot_be_exported_is_a_fault(client, sessid, main, wrong, said):
    members = {"sessid": sessid, "plids": [main], "type": "lspl"} | wrong
    code, text = client.fault("locstor.exportPlaylistOpen", members)
    assert code == 805
    assert said in text


def test_an_archive_is_imported_for_whoever_opened_the_import(client, services, sessid, main):
    opened = client.locstor("exportPlaylistOpen", sessid=sessid, plids=[main], type="lspl")
    archive = read(services, opened["token"])
    client.locstor("deletePlaylist", sessid=sessid, plid=main, forced=True)
    md5 = hashlib.md5(archive).hexdigest()
    upload = client.locstor("importPlaylistOpen", sessid=sessid, chsum=md5)
    token = token_of(upload)
    assert upload["url"] == f"http://archive.example:8000/upload/{token}"
    services.send(token, archive)
    # Without a session: the token is enough.
    assert client.locstor("importPlaylistClose", token=token) == {"gunid": main}
    assert client.locstor("existsPlaylist", sessid=sessid, plid=main) == {"exists": True}


def test_a_refused_archive_is_a_fault_that_says_why(client, services, sessid):
    token = client.locstor("importPlaylistOpen", sessid=sessid, chsum="")["token"]
    code, text = client.fault("locstor.importPlaylistClose", {"token": token})
    assert (code, text) == (805, "xr_importPlaylistClose: no bytes were sent")
    services.send(token, packed({"../etc/passwd": b"x"}))
    code, text = client.fault("locstor.importPlaylistClose", {"token": token})
    assert code == 805
    assert "leads out of the archive" in text


def test_tokens_of_other_kinds_are_refused(client, services, sessid, main):
    export = client.locstor("exportPlaylistOpen", sessid=sessid, plids=main, type="lspl")["token"]
    upload = client.locstor("importPlaylistOpen", sessid=sessid, chsum="")["token"]
    for method, token in (
        ("exportPlaylistClose", upload),
        ("importPlaylistClose", export),
        ("releasePlaylist", export),
        ("downloadRawAudioDataClose", export),
    ):
        with pytest.raises(xmlrpc.client.Fault) as caught:
            client.locstor(method, token=token)
        assert caught.value.faultCode == 805
