"""What clients get wrong, over the real wire: each a clear fault, and nothing changed.

The shared server is the one under attack; at the end of the run it must be whole.
"""

import contextlib
import socket
import threading
import time
import xmlrpc.client
from collections.abc import Iterator
from urllib.parse import urlsplit

import psycopg2
import pytest
from fixtures.fix_audio import flipped, mp3, music, noise, ogg, tone, wav
from fixtures.fix_server import ArchiveProcess, Client, ask, external, metadata

S = 44100
MIB = 2**20
UNKNOWN = "0123456789abcdef" * 2


@pytest.fixture(autouse=True)
def unchanged(root: Client, archive: ArchiveProcess) -> Iterator[None]:
    """Fails a test after which there are other clips than before, or files in odd places."""
    odd = {*archive.data_dir.parent.rglob("*evil*"), *archive.data_dir.rglob("*evil*")}
    before = everything(root)
    yield
    assert everything(root) == before
    assert {*archive.data_dir.parent.rglob("*evil*"), *archive.data_dir.rglob("*evil*")} == odd


def everything(root: Client) -> list[tuple[str, str]]:
    hits = root.call("searchMetadata", criteria={})["results"]
    return sorted((hit["gunid"], hit["title"]) for hit in hits)


@pytest.fixture
def clip(root: Client) -> Iterator[str]:
    """A clip for the time of a test."""
    gunid = root.store(wav(noise(S)), "victim.wav")
    yield gunid
    root.call("deleteAudioClip", gunid=gunid, forced=True)


# -- audio --------------------------------------------------------------------------------------


def halves(whole: bytes) -> bytes:
    return whole[: len(whole) // 2]


def with_zeros_in_the_middle(whole: bytes) -> bytes:
    middle = len(whole) // 2
    return whole[:middle] + bytes(3000) + whole[middle + 3000 :]


BAD_AUDIO = {
    "empty": (b"", "empty"),
    "text": (b"The quick brown fox\n" * 50, "is-text"),
    "html": (b"<html><body>404 Not Found</body></html>" * 20, "is-text"),
    "png": (b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 9, "is-image"),
    "zip": (b"PK\x03\x04" + bytes(range(256)) * 9, "is-archive"),
    "flac": (b"fLaC\0\0\0\x22" + bytes(500), "is-flac"),
    "zeros": (bytes(100_000), "is-unknown"),
    "truncated ogg": (halves(ogg(music(3 * S))), "ogg-no-end"),
    "truncated mp3": (halves(mp3(music(3 * S))), ""),
    "truncated wav": (halves(wav(music(3 * S))), "wav-truncated"),
    "corrupt ogg": (flipped(ogg(music(3 * S)), 20_000), "ogg-checksum"),
    "corrupt mp3": (with_zeros_in_the_middle(mp3(music(3 * S))), "mp3-lost-sync"),
    "only a wav header": (wav(tone(S))[:44], "wav-truncated"),
    "two oggs": (ogg(tone(S)) * 2, "ogg-chained"),
}


@pytest.mark.parametrize("name", BAD_AUDIO)
def test_what_is_not_whole_audio_is_refused_by_name(root: Client, clip, name):
    whole, code = BAD_AUDIO[name]
    before = root.fetch(clip)
    for gunid in ("", clip):  # neither stored nor in place of what is there
        upload = root.open_upload(f"{name}.wav", gunid=gunid)
        assert ask("PUT", upload["url"], whole).status == 200
        number, text = root.fault("storeAudioClipClose", token=upload["token"])
        assert number == 805
        assert text.startswith("xr_storeAudioClipClose: ")
        if whole:
            assert text.rpartition(" [")[2].startswith(f"{code}")
    assert root.fetch(clip) == before


def test_a_refused_upload_can_be_sent_again(root: Client):
    upload = root.open_upload("again.wav")
    ask("PUT", upload["url"], b"not audio at all, but text")
    assert root.fault("storeAudioClipClose", token=upload["token"])[0] == 805
    whole = wav(noise(S))
    assert ask("PUT", upload["url"], whole).status == 200
    gunid = root.call("storeAudioClipClose", token=upload["token"])["gunid"]
    assert root.fetch(gunid) == whole
    root.call("deleteAudioClip", gunid=gunid, forced=True)


def test_the_wrong_md5_is_refused(root: Client, clip):
    whole = wav(noise(S, seed=9))
    upload = root.open_upload("a.wav", gunid=clip, chsum="0" * 32)
    ask("PUT", upload["url"], whole)
    number, text = root.fault("storeAudioClipClose", token=upload["token"])
    assert number == 805
    assert "0" * 32 in text
    for chsum in ("0" * 31, "g" * 32, "0" * 33, "../../evil"):
        number, text = root.fault(
            "storeAudioClipOpen", gunid="", metadata="", fname="a.wav", chsum=chsum
        )
        assert (number, "chsum: " in text) == (805, True)


# -- uploads and tokens -------------------------------------------------------------------------


def test_close_before_the_bytes_twice_and_with_a_foreign_token(root: Client, clip):
    upload = root.open_upload("a.wav", gunid=clip)
    assert root.fault("storeAudioClipClose", token=upload["token"])[0] == 805
    ask("PUT", upload["url"], wav(noise(S)))
    root.call("storeAudioClipClose", token=upload["token"])
    assert root.fault("storeAudioClipClose", token=upload["token"])[0] == 805
    assert ask("PUT", upload["url"], b"more").status == 404
    lease = root.lease(clip)
    assert root.fault("storeAudioClipClose", token=lease["token"])[0] == 850
    assert ask("GET", lease["url"]).status == 200  # it is none the worse for it


def test_close_during_the_upload_and_two_uploads_at_once(root: Client, clip):
    whole = wav(noise(20 * S, seed=5))
    upload = root.open_upload("a.wav", gunid=clip)
    parts = urlsplit(upload["url"])
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as sender:
        head = f"PUT {parts.path} HTTP/1.0\r\nContent-Length: {len(whole)}\r\n\r\n"
        sender.sendall(head.encode() + whole[:MIB])
        while int(ask("HEAD", upload["url"]).headers["Upload-Offset"]) == 0:
            time.sleep(0.01)
        assert root.fault("storeAudioClipClose", token=upload["token"])[0] == 805
        second = ask("PUT", upload["url"], b"somebody else's bytes")
        assert (second.status, second.problem["status"]) == (409, 409)
        sender.sendall(whole[MIB:])
        assert sender.recv(100).split()[1] == b"200"
    root.call("storeAudioClipClose", token=upload["token"])
    assert root.fetch(clip) == whole


def test_two_closes_at_once_make_one_revision(root: Client, archive, clip):
    whole = wav(noise(30 * S, seed=6))
    upload = root.open_upload("a.wav", gunid=clip)
    ask("PUT", upload["url"], whole)
    outcomes: list[object] = []

    def close() -> None:
        with Client(archive.url) as other:
            try:
                outcomes.append(other.call("storeAudioClipClose", token=upload["token"]))
            except xmlrpc.client.Fault as fault:
                outcomes.append(fault.faultCode)

    threads = [threading.Thread(target=close) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert sorted(outcomes, key=str) == [805, 805, 805, {"gunid": clip}]
    assert root.fetch(clip) == whole
    session = {"Authorization": f"Bearer {root.session_id}"}
    path = f"{root.url}/clips/{clip}/revisions"
    assert ask("GET", f"{path}/2/audio.wav", headers=session).body == whole
    assert ask("GET", f"{path}/3/audio.wav", headers=session).status == 404


def test_an_unknown_or_closed_token_is_refused(root: Client, clip):
    lease = root.lease(clip)
    root.call("downloadRawAudioDataClose", token=lease["token"])
    for token in (lease["token"], UNKNOWN, "", "x", "../../evil", "%2e%2e%2fevil", "0" * 9999):
        for method in (
            "storeAudioClipClose",
            "downloadRawAudioDataClose",
            "downloadMetadataClose",
            "releaseRawAudioData",
        ):
            number, text = root.fault(method, token=token)
            assert (number, "token" in text) == (805, True)
    assert ask("GET", lease["url"]).status == 404
    assert ask("PUT", f"{root.url}/upload/{UNKNOWN}", b"bytes").status == 404
    assert ask("HEAD", f"{root.url}/upload/{UNKNOWN}").status == 404


def test_a_token_of_the_wrong_kind_is_refused_everywhere(root: Client, clip):
    audio = root.lease(clip)
    document = root.call("downloadMetadataOpen", gunid=clip)
    file = root.call("accessRawAudioData", gunid=clip)
    upload = root.open_upload("a.wav")
    closes = {
        "downloadRawAudioDataClose": audio,
        "downloadMetadataClose": document,
        "releaseRawAudioData": file,
        "storeAudioClipClose": upload,
    }
    for method, right in closes.items():
        for opened in closes.values():
            if opened is not right:
                expected = 850 if method == "storeAudioClipClose" else 805
                assert root.fault(method, token=opened["token"])[0] == expected
    for opened in (audio, document, file):
        for method in ("PUT", "PATCH", "HEAD"):
            url = f"{root.url}/upload/{opened['token']}"
            headers = {"Tus-Resumable": "1.0.0", "Upload-Offset": "0"} if method == "PATCH" else {}
            headers["Content-Type"] = "application/offset+octet-stream"
            body = None if method == "HEAD" else b"x"
            assert ask(method, url, body, headers).status == 403
    for opened in (file, upload):
        assert ask("GET", f"{root.url}/access/{opened['token']}.wav").status == 403
    assert ask("GET", audio["url"]).status == 200
    for method in ("downloadRawAudioDataClose", "downloadMetadataClose", "releaseRawAudioData"):
        root.call(method, token=closes[method]["token"])


# -- names and paths ----------------------------------------------------------------------------

TRICKS = (
    "../../../../tmp/evil.wav",
    "/etc/evil.wav",
    "..\\..\\evil.wav",
    "file:///%2e%2e/%2e%2e/evil.wav",
    "evil.wav/../..",
    "evil\u202evaw.exe",
    "a" * 5000 + "evil.wav",
    "~root/evil.wav",
    "$(touch evil).wav",
    "evil;rm -rf *.wav",
    "CON",
    "..",
    ".",
    "",
)


@pytest.mark.parametrize("trick", TRICKS)
def test_a_file_name_reaches_no_path(root: Client, trick):
    upload = root.open_upload(trick)
    assert "/" not in upload["fname"]
    assert "\\" not in upload["fname"]
    assert upload["fname"] not in (".", "..")
    assert len(upload["fname"].encode()) <= 255
    ask("PUT", upload["url"], wav(noise(S)))
    gunid = root.call("storeAudioClipClose", token=upload["token"])["gunid"]
    lease = root.lease(gunid)
    disposition = ask("GET", lease["url"]).headers["Content-Disposition"]
    assert "\n" not in disposition
    assert disposition.rstrip('"').endswith(".wav")
    root.call("deleteAudioClip", gunid=gunid, forced=True)


@pytest.mark.parametrize(
    "gunid",
    ["../../etc/passwd", "%2e%2e", "0" * 17, "' OR 1=1 --", "x" * 10_000, "-1", "é" * 16, "{}"],
)
def test_a_malformed_gunid_is_refused_everywhere(root: Client, gunid):
    for method in (
        "existsAudioClip",
        "getAudioClip",
        "deleteAudioClip",
        "accessRawAudioData",
        "downloadRawAudioDataOpen",
        "downloadMetadataOpen",
    ):
        number, text = root.fault(method, gunid=gunid)
        assert (number, "gunid" in text) == (805, True)
    for call in ("storeAudioClipOpen", "updateAudioClipMetadata"):
        members = {"gunid": gunid, "metadata": metadata(), "fname": "a", "chsum": ""}
        assert root.fault(call, **members)[0] == 805


@pytest.mark.parametrize(
    "target",
    [
        "/access/../../../etc/passwd",
        "/access/..%2f..%2f..%2fetc%2fpasswd.wav",
        "/access/%00.wav",
        f"/access/{UNKNOWN}.wav/../x",
        f"/access/{UNKNOWN}.%2e%2e",
        "/upload/../../data/store/store.json",
        "/clips/..%2f..%2fx/audio.wav",
        "/clips/%ff%fe/audio.wav",
        "//etc/passwd",
        "/store/store.json",
        "/" + "a" * 10_000,
    ],
)
def test_a_path_leads_nowhere(archive, target):
    assert ask("GET", archive.url + target).status in (400, 401, 404, 414)


# -- metadata -----------------------------------------------------------------------------------

BOMB = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;&a;">]>'
    "<audioClip><metadata><title>&b;</title></metadata></audioClip>"
)
EXTERNAL = (
    '<?xml version="1.0"?><!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]>'
    "<audioClip><metadata><title>&x;</title></metadata></audioClip>"
)
BAD_DOCUMENTS = {
    "no XML": "title=Song",
    "cut off": "<audioClip><metadata><dc:title>Song",
    "the wrong root": "<html><body/></html>",
    "a DTD": "<!DOCTYPE audioClip SYSTEM 'http://127.0.0.1:1/evil.dtd'><audioClip/>",
    "entities": BOMB,
    "external entities": EXTERNAL,
    "a file's path": "/etc/passwd",
    "5 MB of text": metadata(dc_title="x" * 5 * MIB),
    "deep nesting": "<audioClip>" + "<a>" * 5000 + "</a>" * 5000 + "</audioClip>",
}


@pytest.mark.parametrize("name", BAD_DOCUMENTS)
def test_a_bad_document_is_refused(root: Client, clip, name):
    document = BAD_DOCUMENTS[name]
    before = root.call("getAudioClip", gunid=clip)
    for method, more in (
        ("storeAudioClipOpen", {"fname": "a.wav", "chsum": ""}),
        ("updateAudioClipMetadata", {}),
    ):
        number, text = root.fault(method, gunid=clip, metadata=document, **more)
        assert number == 805
        assert "root:" not in text
    assert root.call("getAudioClip", gunid=clip) == before


# -- search -------------------------------------------------------------------------------------

TITLE = {"cat": "dc:title", "op": "=", "val": "x"}


@pytest.mark.parametrize(
    "criteria",
    [
        {"limit": -1},
        {"offset": -1},
        {"limit": 2**31 - 1, "offset": -(2**31)},
        {"limit": "many"},
        {"limit": 1.5},
        {"filetype": "video"},
        {"conditions": [TITLE | {"op": "like"}]},
        {"conditions": [TITLE | {"op": "; DROP TABLE clip"}]},
        {"conditions": [TITLE | {"cat": "'; DROP TABLE clip; --"}]},
        {"conditions": [TITLE | {"cat": ""}]},
        {"conditions": [TITLE | {"cat": "dc:nobodyHasThis"}]},
        {"conditions": [TITLE | {"cat": "ls:mtime", "val": "yesterday"}]},
        {"conditions": "all"},
        {"conditions": ["dc:title = x"]},
        {"conditions": [TITLE] * 1000},
        {"orderby": "not a name"},
    ],
)
def test_bad_criteria_are_refused(root: Client, criteria):
    assert root.fault("searchMetadata", criteria=criteria)[0] == 805


def test_odd_criteria_find_what_they_say(root: Client, clip):
    huge = root.call("searchMetadata", criteria={"limit": 2**31 - 1})
    assert clip in [hit["gunid"] for hit in huge["results"]]
    beyond = root.call("searchMetadata", criteria={"offset": 2**31 - 1})
    assert (beyond["cnt"], beyond["results"]) == (huge["cnt"], [])
    for value in ("%", "_", "\\", "'", '"', "x" * 10_000, "\u0130ı", "🎵"):
        for operator in ("=", "partial", "prefix", "<", ">="):
            root.find("dc:description", operator, value)


# -- XML-RPC ------------------------------------------------------------------------------------


def call_of(parameters: str, method: str = "locstor.existsAudioClip") -> bytes:
    head = f"<?xml version='1.0'?><methodCall><methodName>{method}</methodName>"
    return f"{head}<params>{parameters}</params></methodCall>".encode()


STRUCT = "<param><value><struct/></value></param>"
BAD_CALLS = {
    "nothing": b"",
    "no XML": b"hello",
    "no call": b"<a/>",
    "cut off": call_of(STRUCT)[:-20],
    "no parameters": call_of(""),
    "two parameters": call_of(STRUCT * 2),
    "a string": call_of("<param><value>x</value></param>"),
    "an empty struct": call_of(STRUCT),
    "an unknown type": call_of("<param><value><float>1</float></value></param>"),
    "a huge integer": call_of(f"<param><value><int>{10**15}</int></value></param>"),
    "no number": call_of("<param><value><int>x</int></value></param>"),
    "an unknown method": call_of(STRUCT, "locstor.evil"),
    "no such module": call_of(STRUCT, "os.system"),
    "invalid UTF-8": call_of(STRUCT).replace(b"<struct/>", b"<string>\xff\xfe\xc3</string>"),
    "an unknown encoding": call_of(STRUCT).replace(b"'1.0'?", b"'1.0' encoding='x-evil'?"),
    "a control character": call_of("<param><value>\x01</value></param>"),
    "a DTD": b"<!DOCTYPE methodCall SYSTEM 'file:///etc/passwd'>" + call_of(STRUCT)[21:],
    "entities": BOMB.encode(),
    "nested deeply": call_of(
        "<param>" + "<value><array><data>" * 3000 + "</data></array></value>" * 3000 + "</param>"
    ),
}


@pytest.mark.parametrize("name", BAD_CALLS)
def test_a_malformed_call_is_a_fault(archive, name):
    for path in ("/xmlrpc", "/RPC2", "/campcasterStorageServer/xmlrpc/xrLocStor.php"):
        answer = ask("POST", archive.url + path, BAD_CALLS[name], {"Content-Type": "text/xml"})
        assert answer.status == 200
        with pytest.raises(xmlrpc.client.Fault) as caught:
            xmlrpc.client.loads(answer.body)
        assert caught.value.faultCode > 0
        assert "internal error" not in caught.value.faultString
        assert "Traceback" not in caught.value.faultString


def test_values_of_wrong_types_are_named(root: Client):
    for wrong in (1, True, 1.5, [], {}, xmlrpc.client.Binary(b"x"), xmlrpc.client.DateTime(0)):
        number, text = root.fault("getAudioClip", gunid=wrong)
        assert (number, text.startswith("xr_getAudioClip: gunid: ")) == (805, True)


@pytest.mark.parametrize("chunked", [False, True])
def test_a_call_of_100_mb_is_refused_and_costs_no_memory(archive, chunked):
    before = archive.peak_bytes
    block = bytes(MIB)
    length = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {100 * MIB}"
    with socket.create_connection(archive.address, timeout=60) as sender:
        sender.sendall(f"POST /RPC2 HTTP/1.1\r\nHost: a\r\n{length}\r\n\r\n".encode())
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            for _ in range(100):
                sender.sendall(b"100000\r\n" + block + b"\r\n" if chunked else block)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            answer = b"".join(iter(lambda: sender.recv(65536), b""))
    assert b"<int>805</int>" in answer or b"<i4>805</i4>" in answer
    assert archive.peak_bytes - before < 60 * MIB


def test_a_body_that_is_cut_off_changes_nothing(archive, root: Client):
    body = call_of(STRUCT)
    with socket.create_connection(archive.address, timeout=30) as sender:
        head = f"POST /RPC2 HTTP/1.1\r\nHost: a\r\nContent-Length: {len(body)}\r\n\r\n"
        sender.sendall(head.encode() + body[:-10])
        sender.shutdown(socket.SHUT_WR)
        answer = b"".join(iter(lambda: sender.recv(65536), b""))
    assert b"200 OK" not in answer.partition(b"\r\n")[0]
    assert root.call("existsAudioClip", gunid="00000000000000aa") == {"exists": False}


@pytest.mark.parametrize(
    "request_line",
    [
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",  # TLS
        b"GET\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET /livez HTTP/1.1\r\n\r\n",  # without Host
        b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
        b"POST /RPC2 HTTP/1.1\r\nHost: a\r\nContent-Length: -5\r\n\r\n",
        b"POST /RPC2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nxxxxx",
        b"POST /RPC2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nZZ\r\n",
        b"BREW /coffee HTTP/1.1\r\nHost: a\r\n\r\n",
        b"GET /livez HTTP/1.1\r\nHost: a\r\nX: " + b"x" * 100_000 + b"\r\n\r\n",
    ],
)
def test_a_malformed_request_is_refused(archive, request_line):
    with socket.create_connection(archive.address, timeout=30) as sender:
        with contextlib.suppress(ConnectionResetError, BrokenPipeError):
            sender.sendall(request_line)
            sender.shutdown(socket.SHUT_WR)
        answer = b""
        with contextlib.suppress(ConnectionResetError):
            answer = b"".join(iter(lambda: sender.recv(65536), b""))
    assert answer == b"" or answer.split()[1].startswith((b"4", b"5")), answer
    assert ask("GET", archive.url + "/livez").status == 200


# -- sessions and rights ------------------------------------------------------------------------


def test_what_a_listener_may_not_do_is_refused(new_archive, dsn):
    server = new_archive(external(dsn)).start()
    added = server.command("user", "add", "listener", "--password-file", "-", given="secret\n")
    assert added.returncode == 0, added.stderr
    with Client(server.url) as root, Client(server.url, "listener", "secret") as listener:
        gunid = root.store(wav(tone(S)), "a.wav")
        upload = root.open_upload("b.wav")
        ask("PUT", upload["url"], wav(tone(S)))
        members = {"gunid": gunid, "metadata": metadata(), "fname": "a", "chsum": ""}
        for method in ("storeAudioClipOpen", "updateAudioClipMetadata", "deleteAudioClip"):
            assert listener.fault(method, **members)[0] == 805
        assert listener.fault("storeAudioClipClose", token=upload["token"])[0] == 805
        assert listener.fetch(gunid) == root.fetch(gunid)
        assert listener.call("logout") == {"status": True}
        assert listener.fault("logout")[0] == 803
        with pytest.raises(xmlrpc.client.Fault) as caught:
            Client(server.url, "listener", "wrong")
        assert caught.value.faultCode == 802
    assert server.check() == []


def test_what_expires_in_the_middle_is_refused_and_can_be_taken_up_again(new_archive, dsn):
    server = new_archive(external(dsn)).start()
    whole = wav(noise(S))
    with Client(server.url) as client, contextlib.closing(psycopg2.connect(dsn)) as connection:

        def age(table: str) -> None:
            with connection, connection.cursor() as cursor:
                cursor.execute(f"UPDATE {table} SET last_used_at = now() - interval '30 days'")

        gunid = client.store(whole, "a.wav")
        upload, dying = client.open_upload("b.wav"), client.open_upload("c.wav")
        lease = client.lease(gunid)
        ask("PUT", upload["url"], whole)
        age("session")
        assert client.fault("storeAudioClipClose", token=upload["token"])[0] == 805
        assert client.fault("deleteAudioClip", gunid=gunid, forced=True)[0] == 805
        with Client(server.url) as again:
            assert again.fetch(gunid) == whole
            stored = again.call("storeAudioClipClose", token=upload["token"])["gunid"]
            assert again.fetch(stored) == whole
            age("lease")
            assert ask("GET", lease["url"]).status == 404
            assert again.fault("downloadRawAudioDataClose", token=lease["token"])[0] == 805
            age("upload")
            assert ask("PUT", dying["url"], whole).status == 404
            assert again.fault("storeAudioClipClose", token=dying["token"])[0] == 805
    assert server.check() == []
