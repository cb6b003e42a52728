"""A disk that is full, read-only, forbidden or gone: named errors, no row touched, no restart."""

import shutil
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.clients import Client, ask
from fixtures.fix_mounts import Mount
from fixtures.fix_server import PROGRAM, ArchiveProcess, external
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
