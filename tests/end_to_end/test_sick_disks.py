"""A disk that is full, read-only, forbidden or gone: named errors, no row touched, no restart."""

import json
import shutil
import subprocess
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.clients import Client, ask, metadata
from fixtures.fix_mounts import Mount
from fixtures.fix_server import PROGRAM, ArchiveProcess, await_end, children, external
from fixtures.visits import AWAY, Visit, damage, reading, sound
from psycopg2.extensions import parse_dsn
from support import needs_tool

from audio_store import AudioStore

pytestmark = pytest.mark.slow


@pytest.fixture
def store(tmp_path, mounted) -> Mount:
    """The store's directory, with a disk of its own."""
    place = tmp_path / "data" / "store"
    mounted.append(Mount(place, "-t", "tmpfs", "-o", "size=40m,nr_inodes=900,mode=711", "tests"))
    return mounted[0]


@pytest.fixture
def server(store, new_archive, dsn) -> ArchiveProcess:
    return new_archive(external(dsn)).start()


def test_a_full_disk_refuses_at_every_stage_and_takes_all_when_there_is_room(server, store):
    with Client(server.url) as client:
        visit = Visit(client)
        store.fill()
        visit.put_refused()
        visit.refused("storeAudioClipClose", token=visit.sent["token"])
        visit.refused("accessRawAudioData", gunid=visit.gunid)
        visit.rows_are_there()
        assert ask("GET", visit.lease["url"]).body == visit.whole
        assert client.fetch(visit.gunid) == visit.whole
        store.clear()
        visit.all_is_well()
    assert damage(server) == []


def test_a_read_only_disk_is_read_and_all_else_waits(server, store):
    with Client(server.url) as client:
        visit = Visit(client)
        store.remount("ro")
        visit.put_refused()
        visit.refused("storeAudioClipClose", token=visit.sent["token"])
        visit.refused("accessRawAudioData", gunid=visit.gunid)
        visit.rows_are_there()
        assert ask("GET", visit.lease["url"]).body == visit.whole
        assert client.fetch(visit.gunid) == visit.whole
        store.remount("rw")
        visit.all_is_well()
    assert damage(server) == []


def gone(server: ArchiveProcess, visit: Visit) -> None:
    """What a store that cannot be seen means to everybody."""
    visit.put_refused()
    visit.refused("storeAudioClipClose", token=visit.sent["token"])
    visit.refused("accessRawAudioData", gunid=visit.gunid)
    visit.refused("downloadRawAudioDataOpen", gunid=visit.gunid)
    visit.rows_are_there()
    answer = ask("GET", f"{server.url}/readyz")
    assert (answer.status, int(answer.headers["Retry-After"]) > 0) == (503, True)
    assert ask("GET", f"{server.url}/livez").status == 200
    assert server.command("check").returncode == 1


def test_an_unmounted_store_is_away_until_it_is_mounted_again(tmp_path, new_archive, dsn, mounted):
    disk = tmp_path / "disk"
    disk.mkdir(mode=0o711)
    store = Mount(tmp_path / "data" / "store", "--bind", str(disk))
    mounted.append(store)
    server = new_archive(external(dsn)).start()
    with Client(server.url) as client:
        visit = Visit(client)
        long = sound(9, megabytes=20)
        lease = client.lease(client.store(long, "long.wav"))
        with reading(server, lease["url"], long):
            store.away()
            assert list(store.place.iterdir()) == []
            gone(server, visit)
            assert list(store.place.iterdir()) == []
        store.back()
        visit.all_is_well()
        assert ask("GET", lease["url"]).body == long
    assert damage(server) == []


@pytest.mark.parametrize("other", ["nothing", "an empty directory", "another store"])
def test_a_store_that_is_replaced_is_away_until_it_comes_back(new_archive, dsn, tmp_path, other):
    server = new_archive(external(dsn)).start()
    store, kept = server.data_dir / "store", tmp_path / "kept"
    with Client(server.url) as client:
        visit = Visit(client)
        store.rename(kept)
        if other == "an empty directory":
            store.mkdir(mode=0o711)
        elif other == "another store":
            AudioStore.create(store)
        gone(server, visit)
        if store.exists():
            shutil.rmtree(store)
        kept.rename(store)
        visit.all_is_well()
    assert damage(server) == []


# Root may do everything, unless that is taken away.
_UNPRIVILEGED = ("setpriv", "--bounding-set", "-dac_override,-dac_read_search")


@pytest.fixture
def open_socket(dsn) -> Iterator[None]:
    """Let others than its owner, who is root no more, come to PostgreSQL."""
    directory = Path(parse_dsn(dsn)["host"])
    places = {directory: 0o711, directory / ".s.PGSQL.5432": 0o777}
    before = {place: place.stat().st_mode & 0o777 for place in places}
    for place, mode in places.items():
        place.chmod(mode)
    yield
    for place, mode in before.items():
        place.chmod(mode)


@needs_tool("setpriv")
@pytest.mark.usefixtures("open_socket")
def test_directories_that_may_not_be_entered_are_named_and_entered_again(new_archive, dsn):
    server = new_archive(external(dsn), program=(*_UNPRIVILEGED, *PROGRAM)).start()
    store = server.data_dir / "store"
    with Client(server.url) as client:
        visit = Visit(client)
        for directory in (store / "staging", store / "content", store / "access", store):
            mode = directory.stat().st_mode & 0o777
            directory.chmod(0)
            if directory.name in ("staging", "store"):
                visit.put_refused()
                visit.refused("storeAudioClipClose", token=visit.sent["token"])
            if directory.name in ("content", "store"):
                visit.refused("downloadRawAudioDataOpen", gunid=visit.gunid)
            if directory.name != "staging":
                visit.refused("accessRawAudioData", gunid=visit.gunid)
            visit.rows_are_there()
            directory.chmod(mode)
        visit.all_is_well()
    assert damage(server) == []


def test_a_disk_that_fills_up_while_many_send_keeps_what_it_acknowledged(server, store):
    """Until there is no room; then until there is again."""
    stored: dict[str, bytes] = {}

    def send(number: int) -> None:
        with Client(server.url) as client:
            for each in range(20):
                whole = sound(number * 100 + each, megabytes=0.7)
                upload = client.open_upload("a.wav")
                if ask("PUT", upload["url"], whole).status != 200:
                    return
                try:
                    gunid = client.call("storeAudioClipClose", token=upload["token"])["gunid"]
                except Exception as error:  # noqa: BLE001 - the disk is full now
                    assert getattr(error, "faultCode", None) == AWAY, error
                    return
                stored[gunid] = whole

    threads = [threading.Thread(target=send, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(stored) > 10
    with Client(server.url) as client:
        for gunid, whole in stored.items():
            assert client.fetch(gunid) == whole
        store.remount("size=60m")
        client.store(sound(999), "there is room.wav")
    assert damage(server) == []


def flip(path: Path) -> bytes:
    """Change a byte of a file in its place; return what it has now."""
    whole = bytearray(path.read_bytes())
    whole[len(whole) // 2] ^= 1
    mode = path.stat().st_mode
    path.chmod(0o600)
    with path.open("r+b") as file:
        file.write(whole)
    path.chmod(mode)
    return bytes(whole)


def content(store: Mount) -> Path:
    (path,) = (path for path in (store.place / "content").rglob("*") if path.is_file())
    return path


def named_damaged(server: ArchiveProcess) -> list[str]:
    """What `check` calls damaged, when it ends with the code that says so."""
    checked = server.command("check", "--json")
    assert checked.returncode == 3, checked.stdout + checked.stderr
    findings = json.loads(checked.stdout)["findings"]
    return [each["subject"] for each in findings if each["severity"] == "damage"]


@pytest.fixture
def ext4(tmp_path, mounted) -> Mount:
    """As `store`, of a file system where even a name may need room."""
    image = tmp_path / "image"
    with image.open("wb") as file:
        file.truncate(24 << 20)
    features = ("-b", "1024", "-m", "0", "-O", "^has_journal,^dir_index")
    subprocess.run(["mkfs.ext4", "-q", *features, image], check=True)
    mounted.append(Mount(tmp_path / "data" / "store", "-o", "loop", str(image)))
    place = mounted[0].place
    (place / "lost+found").rmdir()
    place.chmod(0o711)
    return mounted[0]


def fill_block(directory: Path, most: int = 1000) -> int:
    """Fill a directory's block with names as long as those in quarantine; return how many."""
    before = directory.stat().st_size
    for number in range(most):
        (directory / f"{number:066}").touch()
        if directory.stat().st_size != before:
            return number
    return most


@needs_tool("mkfs.ext4")
def test_damage_that_finds_no_room_in_quarantine_is_told_kept_and_put_there_later(
    ext4, new_archive, dsn
):
    server: ArchiveProcess = new_archive(external(dsn)).start()
    quarantine = ext4.place / "quarantine"
    with Client(server.url) as client:
        whole = sound(1)
        gunid = client.store(whole, "a.wav", document=metadata(dc_title="damaged"))
        path = content(ext4)
        other = client.store(sound(2), "b.wav")
        left = flip(path)
        (ext4.place / "scratch").mkdir()
        names = fill_block(ext4.place / "scratch")
        shutil.rmtree(ext4.place / "scratch")
        fill_block(quarantine, names)
        ext4.fill()
        for _ in range(2):
            assert any(path.name in subject for subject in named_damaged(server))
            assert path.read_bytes() == left, "it may be all there is"
            code, text = client.fault("downloadRawAudioDataOpen", gunid=gunid)
            assert (code, "damaged" in text) == (AWAY, True)
            assert client.fetch(other) == sound(2)
            assert "archive_damaged_contents 1.0" in metrics(server)
        ext4.clear()
        assert any(path.name in subject for subject in named_damaged(server))
        (held,) = quarantine.glob("*.1")
        assert (held.name.partition(".")[0], held.read_bytes()) == (path.name, left)
        assert not path.exists()
        client.store(whole, "a.wav", gunid=gunid)
        assert client.fetch(gunid) == whole
    assert damage(server) == []


def metrics(server: ArchiveProcess) -> str:
    return ask("GET", f"{server.url}/metrics").body.decode()


def test_sidecars_that_find_no_room_are_written_when_there_is(store, new_archive):
    """Who writes rows goes on meanwhile; a rebuild from the disk alone then gives everything."""
    server: ArchiveProcess = new_archive().start()
    with Client(server.url) as client:
        clips = {client.store(sound(seed), "a.wav"): sound(seed) for seed in range(3)}
        first, second, third = clips
        await_sidecar(store, third, "a.wav")
        store.fill()
        document = metadata(dc_title="described on a full disk")
        client.call("updateAudioClipMetadata", gunid=first, metadata=document)
        client.call("deleteAudioClip", gunid=second)
        plid = client.call("createPlaylist", plid="")["plid"]
        client.call("saveGroupPref", group="StationPrefs", key="k", value="kept on a full disk")
        await_line(server, "sidecars are not written")
        assert not sidecar(store, plid).exists()
        store.clear()
        await_sidecar(store, first, "described on a full disk")
        await_sidecar(store, plid, plid)
        assert damage(server) == []
    processes = children(server.pid)
    server.kill()
    await_end(processes)
    shutil.rmtree(server.data_dir / "postgres")
    done = server.command("rebuild", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    assert json.loads(done.stdout)["items"] == 4, "one of them in the trash"
    with Client(server.start().url) as client:
        assert client.find("dc:title", "=", "described on a full disk") == [first]
        assert client.fetch(first) == clips[first]
        assert client.fetch(third) == clips[third]
        assert client.call("existsAudioClip", gunid=second) == {"exists": False}
        assert client.call("existsPlaylist", plid=plid) == {"exists": True}
        kept = client.call("loadGroupPref", group="StationPrefs", key="k")
        assert kept["value"] == "kept on a full disk"
    assert damage(server) == []


def sidecar(store: Mount, gunid: str) -> Path:
    return store.place / "items" / gunid[-2:] / f"{gunid}.json"


def await_sidecar(store: Mount, gunid: str, text: str) -> None:
    deadline = time.monotonic() + 30
    while not sidecar(store, gunid).exists() or text not in sidecar(store, gunid).read_text():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def await_line(server: ArchiveProcess, text: str) -> None:
    deadline = time.monotonic() + 30
    while text not in server.errors.read_text():
        assert time.monotonic() < deadline, server.errors.read_text()
        time.sleep(0.05)
