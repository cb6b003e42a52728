"""A disk that is full refuses by name, keeps what it has, and takes what fits."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.clients import Client, ask
from fixtures.fix_audio import noise, wav
from fixtures.fix_server import ArchiveProcess, external

MIB = 2**20


@pytest.fixture
def server(new_archive, dsn) -> Iterator[ArchiveProcess]:
    """A server whose store has six megabytes."""
    server = new_archive(external(dsn))
    store = server.data_dir / "store"
    store.mkdir(parents=True)
    mount = ["mount", "-t", "tmpfs", "-o", "size=6m,mode=711", "archive-tests", str(store)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting is not allowed")
    try:
        yield server.start()
    finally:
        server.kill()
        subprocess.run(["umount", str(store)], check=True)


def sound(megabytes: int, seed: int = 1) -> bytes:
    return wav(noise(megabytes * MIB // 4, seed=seed))


def test_what_does_not_fit_is_refused_and_what_fits_is_stored(server):
    with Client(server.url) as client:
        first = sound(2)
        gunid = client.store(first, "first.wav")
        upload = client.open_upload("large.wav", gunid=gunid)
        large = sound(8)
        answer = ask("PUT", upload["url"], large)
        assert (answer.status, answer.problem["detail"]) == (503, "the archive's disk is full")
        assert answer.headers["Retry-After"]
        assert client.fault("storeAudioClipClose", token=upload["token"])[0] == 805
        assert client.fetch(gunid) == first
        # Rows are on another disk: leases and searches go on.
        assert client.call("existsAudioClip", gunid=gunid) == {"exists": True}
        offset = int(ask("HEAD", upload["url"]).headers["Upload-Offset"])
        assert 2 * MIB < offset < 6 * MIB
        # The upload keeps what fitted, and is taken up again once there is room: here in vain.
        place = {"Content-Range": f"bytes {offset}-{len(large) - 1}/{len(large)}"}
        assert ask("PUT", upload["url"], large[offset:], place).status == 503
        small = sound(1, seed=2)
        assert ask("PUT", upload["url"], small).status == 200
        client.call("storeAudioClipClose", token=upload["token"])
        assert client.fetch(gunid) == small
        other = client.store(sound(1, seed=3), "other.wav")
        assert client.fetch(other) == sound(1, seed=3)
    assert server.check() == []


def test_a_full_disk_still_deletes(server):
    with Client(server.url) as client:
        gunid = client.store(sound(4), "first.wav")
        upload = client.open_upload("large.wav")
        assert ask("PUT", upload["url"], sound(4, seed=2)).status == 503
        client.call("deleteAudioClip", gunid=gunid, forced=True)
        server.kill()
        server.start("{}:{}".format(*server.address))  # and tidies up
        await_empty(server.data_dir / "store" / "content")
        whole = sound(4, seed=2)
        assert ask("PUT", upload["url"], whole).status == 200
        stored = client.call("storeAudioClipClose", token=upload["token"])["gunid"]
        assert client.fetch(stored) == whole
    assert server.check() == []


def await_empty(directory: Path) -> None:
    deadline = time.monotonic() + 20
    while any(path.is_file() for path in directory.rglob("*")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
