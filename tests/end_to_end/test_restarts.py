"""A restart loses nothing: half-sent uploads, open leases, sessions, files given out."""

import re
import socket
import stat
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest
from fixtures.clients import Client, ask, curl
from fixtures.fix_audio import noise, tone, wav
from fixtures.fix_server import ArchiveProcess, await_end, children
from support import needs_tool

SECOND = 44100
TUS = {"Tus-Resumable": "1.0.0", "Content-Type": "application/offset+octet-stream"}


@pytest.fixture
def server(new_archive) -> ArchiveProcess:
    return new_archive().start()


@pytest.fixture
def client(server) -> Iterator[Client]:
    with Client(server.url) as client:
        yield client


def killed_and_raised(server: ArchiveProcess, client: Client) -> None:
    """After `kill -9`, on the same port: URLs that were given out are still right."""
    running = children(server.pid)
    server.kill()
    await_end(running)  # nothing that it had started outlives it
    server.start("{}:{}".format(*server.address))
    assert server.check() == []


def offset_of(url: str) -> int:
    answer = ask("HEAD", url)
    assert answer.status == 200
    return int(answer.headers["Upload-Offset"])


def cut_off(url: str, whole: bytes, sent: int) -> None:
    """Send a part of the body, break the connection, and wait until all that came is kept."""
    parts = urlsplit(url)
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        head = f"PUT {parts.path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(whole)}\r\n\r\n"
        connection.sendall(head.encode() + whole[:sent])
    await_offset(url, sent)


def await_offset(url: str, expected: int) -> None:
    deadline = time.monotonic() + 20
    while offset_of(url) < expected:
        assert time.monotonic() < deadline
        time.sleep(0.02)


def test_an_upload_cut_off_goes_on_after_kill_9(server, client):
    whole = wav(noise(20 * SECOND))
    size = len(whole)
    upload = client.open_upload("cut.wav")
    cut_off(upload["url"], whole, 1_500_000)
    killed_and_raised(server, client)
    offset = offset_of(upload["url"])
    assert offset == 1_500_000
    wrong = {"Content-Range": f"bytes 5-{size - 1}/{size}"}
    refused = ask("PUT", upload["url"], whole[5:], wrong)
    assert (refused.status, refused.headers["Upload-Offset"]) == (409, str(offset))
    right = {"Content-Range": f"bytes {offset}-{size - 1}/{size}"}
    assert ask("PUT", upload["url"], whole[offset:], right).status == 200
    gunid = client.call("storeAudioClipClose", token=upload["token"])["gunid"]
    assert client.fetch(gunid) == whole


def test_kill_9_while_bytes_arrive_keeps_those_that_came(server, client):
    whole = wav(noise(20 * SECOND))
    upload = client.open_upload("cut.wav")
    parts = urlsplit(upload["url"])
    with socket.create_connection((parts.hostname, parts.port), timeout=30) as connection:
        head = f"PUT {parts.path} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(whole)}\r\n\r\n"
        connection.sendall(head.encode() + whole[:2_000_000])
        await_offset(upload["url"], 1_000_000)
        killed_and_raised(server, client)
    offset = offset_of(upload["url"])
    assert 1_000_000 <= offset <= 2_000_000
    place = {"Content-Range": f"bytes {offset}-{len(whole) - 1}/{len(whole)}"}
    assert ask("PUT", upload["url"], whole[offset:], place).status == 200
    gunid = client.call("storeAudioClipClose", token=upload["token"])["gunid"]
    assert client.fetch(gunid) == whole


@needs_tool("curl")
def test_curl_resumes_an_upload_over_a_restart(new_archive, tmp_path):
    server = new_archive("[server]\nstop_grace_s = 1\n").start()
    file = tmp_path / "curl.wav"
    file.write_bytes(wav(noise(60 * SECOND)))
    with Client(server.url) as client:
        upload = client.open_upload(file.name)
        slow = subprocess.Popen(
            ["curl", "-s", "--limit-rate", "1M", "-T", str(file), upload["url"]],
            stdout=subprocess.DEVNULL,
        )
        await_offset(upload["url"], 300_000)
        assert server.stop() == 0
        assert slow.wait(20) != 0
        server.start("{}:{}".format(*server.address))
        offset = offset_of(upload["url"])
        assert 300_000 <= offset < file.stat().st_size
        curl("-f", "-C", str(offset), "-T", str(file), upload["url"])
        gunid = client.call("storeAudioClipClose", token=upload["token"])["gunid"]
        assert client.fetch(gunid) == file.read_bytes()


def test_a_tus_client_sends_in_pieces_over_a_restart(server, client):
    whole = wav(noise(5 * SECOND))
    upload = client.open_upload("tus.wav")
    options = ask("OPTIONS", upload["url"], headers={"Tus-Resumable": "1.0.0"})
    assert (options.status, options.headers["Tus-Version"]) == (204, "1.0.0")
    for start in range(0, len(whole), 300_000):
        piece = whole[start : start + 300_000]
        answer = ask("PATCH", upload["url"], piece, TUS | {"Upload-Offset": str(start)})
        assert answer.status == 204
        assert answer.headers["Upload-Offset"] == str(start + len(piece))
        if start == 300_000:
            killed_and_raised(server, client)
            assert offset_of(upload["url"]) == 600_000
            again = ask("PATCH", upload["url"], piece, TUS | {"Upload-Offset": str(start)})
            assert again.status == 409
    gunid = client.call("storeAudioClipClose", token=upload["token"])["gunid"]
    assert client.fetch(gunid) == whole


def test_a_lease_reads_its_revision_after_a_replacement_and_kill_9(server, client):
    old, new = wav(noise(10 * SECOND)), wav(tone(SECOND))
    gunid = client.store(old, "a.wav")
    lease = client.lease(gunid)
    first = ask("GET", lease["url"], headers={"Range": "bytes=0-999999"})
    client.store(new, "a.wav", gunid=gunid)
    killed_and_raised(server, client)
    rest = ask("GET", lease["url"], headers={"Range": "bytes=1000000-"})
    assert (first.status, rest.status) == (206, 206)
    assert first.body + rest.body == old
    assert client.fetch(gunid) == new
    client.call("deleteAudioClip", gunid=gunid, forced=True)
    killed_and_raised(server, client)
    assert ask("GET", lease["url"]).body == old
    client.call("downloadRawAudioDataClose", token=lease["token"])
    assert ask("GET", lease["url"]).status == 404


def test_a_leased_document_stays_as_it_was(server, client):
    gunid = client.store(wav(tone(SECOND)), "Morning.wav")
    before = client.call("getAudioClip", gunid=gunid)["metadata"]
    lease = client.call("downloadMetadataOpen", gunid=gunid)
    changed = re.sub(r">Morning<", ">Evening<", before)
    assert changed != before
    client.call("updateAudioClipMetadata", gunid=gunid, metadata=changed)
    killed_and_raised(server, client)
    assert ask("GET", lease["url"]).body.decode() == before
    assert "Evening" in client.call("getAudioClip", gunid=gunid)["metadata"]


def test_a_file_given_out_stays_readable_until_it_is_released(server, client):
    whole = wav(noise(SECOND))
    gunid = client.store(whole, "a.wav")
    given = client.call("accessRawAudioData", gunid=gunid)
    url = urlsplit(given["url"])
    assert (url.scheme, url.netloc) == ("file", "")
    file = Path(unquote(url.path))
    assert stat.S_IMODE(file.stat().st_mode) == 0o444
    client.store(wav(tone(SECOND)), "a.wav", gunid=gunid)
    assert file.read_bytes() == whole
    client.call("deleteAudioClip", gunid=gunid, forced=True)
    killed_and_raised(server, client)
    assert file.read_bytes() == whole
    assert client.call("releaseRawAudioData", token=given["token"]) == {"status": True}
    assert not file.exists()
    assert client.fault("releaseRawAudioData", token=given["token"])[0] == 805


def test_a_disk_that_is_away_deletes_nothing(server, client):
    """Neither while the server runs nor when it starts; and it heals by itself."""
    whole = wav(noise(SECOND))
    gunid = client.store(whole, "a.wav")
    lease = client.lease(gunid)
    store, away = server.data_dir / "store", server.data_dir / "away"
    store.rename(away)
    for begin_anew in (False, True):
        if begin_anew:
            server.kill()
            server.start("{}:{}".format(*server.address))
        answer = ask("GET", lease["url"])
        assert (answer.status, answer.problem["status"]) == (503, 503)
        assert int(answer.headers["Retry-After"]) > 0
        assert client.fault("downloadRawAudioDataOpen", gunid=gunid)[0] == 804
        upload = client.open_upload("b.wav")
        assert ask("PUT", upload["url"], whole).status == 503
        assert ask("GET", f"{server.url}/readyz").status == 503
        assert ask("GET", f"{server.url}/livez").status == 200
        assert client.call("existsAudioClip", gunid=gunid) == {"exists": True}
    checked = server.command("check")
    assert (checked.returncode, checked.stdout) == (1, "")
    assert not store.exists()
    away.rename(store)
    assert ask("GET", lease["url"]).body == whole
    assert client.fetch(gunid) == whole
    assert server.check() == []
