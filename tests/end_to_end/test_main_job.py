"""Store, find, browse and fetch real audio of every kind, while others replace it."""

import hashlib
import http.client
import os
import subprocess
import threading
import time
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import mutagen.id3
import pytest
from fixtures.clients import Client, ask, curl, metadata
from fixtures.fix_audio import (
    Samples,
    converted,
    id3,
    info_list,
    mp3,
    music,
    noise,
    ogg,
    riff,
    speech_like,
    tagged_ogg,
    tone,
    wav,
)
from support import needs_tool

S = 44100
TITLE, ARTIST = "Frühstück in Zürich", "Łódź Trio"

Make = Callable[[Path], bytes]


def made(whole: Callable[[], bytes]) -> Make:
    return lambda directory: whole()


def by(samples: Callable[[], Samples], suffix: str, *command: str) -> Make:
    """What an encoder makes of samples."""
    return lambda directory: converted(directory, wav(samples()), suffix, *command)


def spoken(suffix: str, *command: str) -> Make:
    """Speech by espeak-ng, through an encoder."""

    def make(directory: Path) -> bytes:
        file = directory / "spoken.wav"
        text = "Good morning. This is the news at six o'clock, from the archive."
        subprocess.run(["espeak-ng", "-w", str(file), text], check=True, capture_output=True)
        whole = file.read_bytes()
        return converted(directory, whole, suffix, *command) if command else whole

    return make


def id3_tag(version: int) -> bytes:
    frames = mutagen.id3.TIT2(text=TITLE), mutagen.id3.TPE1(text=ARTIST)
    return id3(*frames, version=version)


def info_tagged_wav() -> bytes:
    tag = info_list(INAM=TITLE.encode(), IART=ARTIST.encode())
    return riff(wav(tone(S))[12:], tag)


def kind(name: str, extension: str, seconds: float, make: Make, *tools: str, tagged: bool = False):
    return pytest.param(
        extension, seconds, make, tagged, id=f"{extension}-{name}", marks=needs_tool("curl", *tools)
    )


FFMPEG = ("ffmpeg", "-y", "-i", "IN")
LAME = ("lame", "--quiet")
OGGENC = ("oggenc", "-Q", "-o", "OUT")


def music3() -> Samples:
    return music(3 * S)


def buzz3() -> Samples:
    return speech_like(3 * S)


def tagged_music() -> bytes:
    return tagged_ogg(ogg(music(2 * S)), title=[TITLE], artist=[ARTIST])


KINDS = [
    kind("8-bit-mono", "wav", 2, made(lambda: wav(tone(2 * S, channels=1), S, "PCM_U8"))),
    kind("16-bit-stereo", "wav", 2, made(lambda: wav(music(2 * S)))),
    kind("24-bit-stereo", "wav", 2, made(lambda: wav(music(2 * S), S, "PCM_24"))),
    kind("24-bit-48k", "wav", 2, made(lambda: wav(tone(96000, 48000), 48000, "PCM_24"))),
    kind("noise", "wav", 2, made(lambda: wav(noise(2 * S, channels=1)))),
    kind("info", "wav", 1, made(info_tagged_wav), tagged=True),
    kind("speech", "wav", 0, spoken(".wav"), "espeak-ng"),
    kind("sox", "wav", 3, by(music3, ".wav", "sox", "IN", "OUT"), "sox"),
    kind("tone", "ogg", 2, made(lambda: ogg(tone(2 * S)))),
    kind("noise-mono", "ogg", 2, made(lambda: ogg(noise(2 * S, channels=1)))),
    kind("tagged", "ogg", 2, made(tagged_music), tagged=True),
    kind("speech", "ogg", 0, spoken(".ogg", *OGGENC, "IN"), "espeak-ng", "oggenc"),
    kind("managed", "ogg", 3, by(music3, ".ogg", *OGGENC, "--managed", "IN"), "oggenc"),
    kind("ffmpeg", "ogg", 3, by(music3, ".ogg", *FFMPEG, "-c:a", "libvorbis", "OUT"), "ffmpeg"),
    kind("cbr", "mp3", 2, made(lambda: mp3(music(2 * S)))),
    kind("vbr", "mp3", 2, made(lambda: mp3(music(2 * S), mode="VARIABLE"))),
    kind("lame-cbr", "mp3", 3, by(music3, ".mp3", *LAME, "-b", "128", "IN", "OUT"), "lame"),
    kind("lame-mono", "mp3", 3, by(buzz3, ".mp3", *LAME, "-b", "64", "IN", "OUT"), "lame"),
    kind("lame-vbr", "mp3", 3, by(music3, ".mp3", *LAME, "-V", "2", "IN", "OUT"), "lame"),
    kind("lame-abr", "mp3", 3, by(music3, ".mp3", *LAME, "--abr", "140", "IN", "OUT"), "lame"),
    kind("ffmpeg", "mp3", 3, by(music3, ".mp3", *FFMPEG, "OUT"), "ffmpeg"),
    kind("speech", "mp3", 0, spoken(".mp3", *LAME, "-b", "32", "IN", "OUT"), "espeak-ng", "lame"),
    kind("id3v2.3", "mp3", 2, made(lambda: id3_tag(3) + mp3(music(2 * S))), tagged=True),
    kind("id3v2.4", "mp3", 2, made(lambda: id3_tag(4) + mp3(tone(2 * S))), tagged=True),
]
MEDIA_TYPES = {"wav": "audio/x-wav", "ogg": "audio/ogg", "mp3": "audio/mpeg"}


@pytest.mark.parametrize(("extension", "seconds", "make", "tagged"), KINDS)
def test_audio_is_stored_found_and_fetched(
    root: Client, tmp_path, request, extension, seconds, make, tagged
):
    whole = make(tmp_path)
    file = tmp_path / f"{request.node.callspec.id}.{extension}"
    file.write_bytes(whole)
    title = TITLE if tagged else f"Title of {file.stem}"
    creator = ARTIST if tagged else "Ensemble Ärger"
    document = "" if tagged else metadata(dc_title=title, dc_creator=creator)

    upload = root.open_upload(file.name, document=document, chsum=hashlib.md5(whole).hexdigest())
    curl("-f", "-T", str(file), upload["url"])
    gunid = root.call("storeAudioClipClose", token=upload["token"])["gunid"]

    assert gunid in root.find("dc:title", "=", title.upper())
    assert gunid in root.find("dc:creator", "partial", creator[2:6])
    browsed = root.call("browseCategory", category="dc:creator", criteria={})
    assert creator in browsed["results"]
    described = root.call("getAudioClip", gunid=gunid)["metadata"]
    extent = described.partition("<dcterms:extent>")[2].partition("<")[0]
    hours, minutes, rest = extent.split(":")
    length = int(hours) * 3600 + int(minutes) * 60 + float(rest)
    assert abs(length - seconds) < 0.1 if seconds else 2 < length < 10

    lease = root.lease(gunid)
    assert (lease["size"], lease["chsum"]) == (len(whole), hashlib.md5(whole).hexdigest())
    assert lease["filename"] == file.name
    fetched = tmp_path / "fetched"
    curl("-f", "-o", str(fetched), lease["url"])
    assert fetched.read_bytes() == whole
    os.truncate(fetched, len(whole) // 3)
    curl("-f", "-C", "-", "-o", str(fetched), lease["url"])
    assert fetched.read_bytes() == whole
    for wanted, part in ("7-99", whole[7:100]), ("-50", whole[-50:]), ("99-", whole[99:]):
        answer = ask("GET", lease["url"], headers={"Range": f"bytes={wanted}"})
        assert (answer.status, answer.body) == (206, part)
    headers = {"Authorization": f"Bearer {root.session_id}"}
    direct = ask("GET", f"{root.url}/clips/{gunid}/audio.{extension}", headers=headers)
    assert direct.body == whole
    assert direct.headers["Content-Type"] == MEDIA_TYPES[extension]
    root.call("downloadRawAudioDataClose", token=lease["token"])
    assert ask("GET", lease["url"]).status == 404


class Replacing(threading.Thread):
    """Another client that replaces a clip, over and over."""

    def __init__(self, url: str, gunid: str, versions: list[bytes], file_name: str) -> None:
        super().__init__()
        self._url, self._gunid = url, gunid
        self._versions, self._file_name = versions, file_name
        self._enough = threading.Event()
        self.replaced = 0
        self.error: Exception | None = None

    def run(self) -> None:
        try:
            with Client(self._url) as client:
                while not self._enough.is_set():
                    self.replaced += 1
                    whole = self._versions[self.replaced % len(self._versions)]
                    client.store(whole, self._file_name, gunid=self._gunid)
        except Exception as error:  # noqa: BLE001 - for the thread that waits for this one
            self.error = error

    def __enter__(self) -> "Replacing":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._enough.set()
        self.join(60)
        assert self.error is None


@needs_tool("curl")
@pytest.mark.parametrize(("extension", "encode"), [("wav", wav), ("ogg", ogg), ("mp3", mp3)])
def test_readers_get_one_revision_while_others_replace_it(
    root: Client, tmp_path, extension, encode
):
    versions = [encode(noise(8 * S, seed=seed)) for seed in range(3)]
    name = f"replaced.{extension}"
    gunid = root.store(versions[0], name)
    seen = set()
    with Replacing(root.url, gunid, versions, name) as replacing:
        deadline = time.monotonic() + 60
        while replacing.replaced < 12 or len(seen) < 3:
            assert time.monotonic() < deadline
            lease = root.lease(gunid)
            by_digest = {hashlib.md5(each).hexdigest(): each for each in versions}
            expected = by_digest[lease["chsum"]]
            seen.add(lease["chsum"])
            assert in_pieces(lease["url"], len(expected), replacing) == expected
            file = tmp_path / "resumed"
            file.write_bytes(expected[: len(expected) // 2])
            curl("-f", "-C", "-", "-o", str(file), lease["url"])
            assert file.read_bytes() == expected
            root.call("downloadRawAudioDataClose", token=lease["token"])
    assert root.fetch(gunid) in versions


def in_pieces(url: str, size: int, replacing: Replacing) -> bytes:
    """Read one piece before, and one after, the clip is replaced; each on a new connection."""
    half = size // 2
    before = replacing.replaced
    first = ask("GET", url, headers={"Range": f"bytes=0-{half - 1}"})
    while replacing.replaced < before + 1 and replacing.is_alive():
        time.sleep(0.005)
    etag = first.headers["ETag"]
    second = ask("GET", url, headers={"Range": f"bytes={half}-", "If-Range": etag})
    assert (first.status, second.status) == (206, 206)
    assert second.headers["ETag"] == etag
    return first.body + second.body


def test_a_slow_reader_is_not_hurt_by_a_replacement_and_a_deletion(root: Client):
    """On one connection, in the middle of the body."""
    whole = wav(noise(60 * S))
    gunid = root.store(whole, "long.wav")
    parts = urlsplit(root.lease(gunid)["url"])
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=60)
    try:
        connection.request("GET", parts.path)
        response = connection.getresponse()
        received = response.read(100_000)
        root.store(wav(tone(S)), "short.wav", gunid=gunid)
        received += response.read(1_000_000)
        root.call("deleteAudioClip", gunid=gunid, forced=True)
        received += response.read()
    finally:
        connection.close()
    assert received == whole
    assert root.fault("downloadRawAudioDataOpen", gunid=gunid)[0] == 847


def test_replacing_keeps_both_revisions_by_number(root: Client):
    first, second = wav(tone(S)), ogg(tone(S))
    gunid = root.store(first, "a.wav", document=metadata(dc_title="Kept by number"))
    root.store(second, "a.ogg", gunid=gunid)
    session = {"Authorization": f"Bearer {root.session_id}"}
    for number, extension, whole in (1, "wav", first), (2, "ogg", second):
        path = f"/clips/{gunid}/revisions/{number}/audio.{extension}"
        assert ask("GET", root.url + path, headers=session).body == whole
    assert root.fetch(gunid) == second
    # What the client had said of it holds for the new audio too.
    assert root.find("dc:title", "=", "kept by number") == [gunid]


def test_equal_bytes_are_two_clips_and_deleting_one_keeps_the_other(root: Client):
    whole = wav(noise(S, seed=77))
    one, other = root.store(whole, "one.wav"), root.store(whole, "other.wav")
    assert one != other
    root.call("deleteAudioClip", gunid=one, forced=True)
    assert root.fetch(other) == whole


def test_what_is_deleted_leaves_search_and_what_is_stored_again_comes_back(root: Client):
    whole, document = wav(tone(S)), metadata(dc_title="Here and gone")
    gunid = root.store(whole, "a.wav", document=document)
    root.call("deleteAudioClip", gunid=gunid, forced=False)
    assert root.find("dc:title", "=", "Here and gone") == []
    assert root.call("existsAudioClip", gunid=gunid) == {"exists": False}
    root.store(whole, "a.wav", gunid=gunid, document=document)
    assert root.find("dc:title", "=", "Here and gone") == [gunid]


@pytest.mark.slow
@needs_tool("ffmpeg", "curl")
@pytest.mark.parametrize(
    ("extension", "encoder"),
    [("wav", ["-ac", "2"]), ("ogg", ["-c:a", "libvorbis"]), ("mp3", ["-b:a", "32k"])],
)
def test_three_hours_are_stored_and_fetched_in_constant_memory(
    new_archive, tmp_path, extension, encoder
):
    file = tmp_path / f"three-hours.{extension}"
    source = ["-f", "lavfi", "-i", "sine=frequency=440:sample_rate=44100:duration=10800"]
    subprocess.run(["ffmpeg", "-v", "error", *source, *encoder, str(file)], check=True)
    server = new_archive().start()
    with Client(server.url) as client:
        client.store(wav(tone(S)), "short.wav")
        before = server.peak_bytes
        upload = client.open_upload(file.name)
        curl("-f", "-T", str(file), upload["url"])
        gunid = client.call("storeAudioClipClose", token=upload["token"])["gunid"]
        assert client.find("dcterms:extent", "prefix", "03:00:0") == [gunid]
        fetched = tmp_path / "fetched"
        lease = client.lease(gunid)
        curl("-f", "-o", str(fetched), lease["url"])
        with file.open("rb") as one, fetched.open("rb") as other:
            digests = [hashlib.file_digest(each, "md5").hexdigest() for each in (one, other)]
        assert digests == [lease["chsum"]] * 2
    grown = server.peak_bytes - before
    assert grown < 40 * 2**20
    assert server.check() == []
    assert server.stop() == 0
