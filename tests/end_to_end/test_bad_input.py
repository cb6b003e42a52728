"""What clients send that is no audio, and names, tokens and paths that are none.

The shared server is the one under attack; at the end of the run it must be whole.
"""

import socket
import threading
import time
import xmlrpc.client
from urllib.parse import urlsplit

import pytest
from fixtures.clients import Client, ask, metadata
from fixtures.fix_audio import flipped, mp3, music, noise, ogg, tone, wav

S = 44100
MIB = 2**20
UNKNOWN = "0123456789abcdef" * 2

pytestmark = pytest.mark.usefixtures("unchanged")


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
