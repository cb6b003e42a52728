"""What clients call wrongly: documents, criteria, XML-RPC, HTTP, and without the right to.

The shared server is the one under attack; at the end of the run it must be whole.
"""

import contextlib
import socket
import time
import xmlrpc.client

import psycopg2
import pytest
from fixtures.clients import Client, ask, metadata
from fixtures.fix_audio import noise, tone, wav
from fixtures.fix_server import external

S = 44100
MIB = 2**20

pytestmark = pytest.mark.usefixtures("unchanged")


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
            time.sleep(1)  # what was changed elsewhere is known within a second

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
