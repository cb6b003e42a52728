"""A database that is stopped, killed, slow or full: named errors, healed without a restart."""

import contextlib
import os
import signal
import threading
import time
import xmlrpc.client
from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg2
import pytest
from fixtures.clients import Client, ask, metadata
from fixtures.fix_mounts import Mount
from fixtures.fix_server import ArchiveProcess, children, external
from fixtures.visits import AWAY, Visit, damage, reading, sound
from psycopg2.extensions import connection as Connection

from archive_server.database.connections import connect
from archive_server.database.embedded import EmbeddedPostgres
from archive_server.database.migrations import migrate

pytestmark = pytest.mark.slow

CALLS: list[tuple[str, dict[str, object]]] = [
    ("existsAudioClip", {}),
    ("getAudioClip", {}),
    ("downloadRawAudioDataOpen", {}),
    ("accessRawAudioData", {}),
    ("updateAudioClipMetadata", {"metadata": metadata(dc_title="late")}),
    ("storeAudioClipOpen", {"metadata": "", "fname": "a.wav", "chsum": ""}),
]


def everything_is_refused(visit: Visit) -> None:
    for method, members in CALLS:
        visit.refused(method, gunid=visit.gunid, **members)
    visit.refused("searchMetadata", criteria={})
    visit.refused("storeAudioClipClose", token=visit.sent["token"])
    visit.put_refused()


def await_ready(server: ArchiveProcess, most_s: float = 30) -> None:
    deadline = time.monotonic() + most_s
    while ask("GET", f"{server.url}/readyz").status != 200:
        assert time.monotonic() < deadline
        time.sleep(0.05)


@contextlib.contextmanager
def connected(dsn: str) -> Iterator[Connection]:
    with contextlib.closing(connect(dsn)) as connection:
        yield connection


@pytest.fixture
def own_postgres() -> Iterator[Callable[..., EmbeddedPostgres]]:
    """Makes PostgreSQL servers that a test may stop; each has the archive's schema."""
    made: list[EmbeddedPostgres] = []

    def make(directory: Path, **settings: str) -> EmbeddedPostgres:
        made.append(EmbeddedPostgres.start(directory, extra_settings=settings))
        with connected(made[-1].dsn()) as connection:
            migrate(connection)
        return made[-1]

    yield make
    for server in made:
        server.stop()


@pytest.fixture
def open_directory(tmp_path: Path) -> Path:
    """Where PostgreSQL's user can get to, below what it otherwise cannot."""
    for parent in (tmp_path, *tmp_path.parents):
        if not parent.stat().st_mode & 0o001:
            parent.chmod(parent.stat().st_mode | 0o011)
    made = tmp_path / "postgres"
    made.mkdir(mode=0o711)
    return made


def test_a_database_that_is_stopped_and_started_again(new_archive, own_postgres, open_directory):
    postgres = own_postgres(open_directory, fsync="off")
    server = new_archive(external(postgres.dsn())).start()
    with Client(server.url) as client:
        visit = Visit(client)
        long = sound(9, megabytes=20)
        lease = client.lease(client.store(long, "long.wav"))
        with reading(server, lease["url"], long):
            os.kill(postgres.pid, signal.SIGINT)
            os.waitid(os.P_PID, postgres.pid, os.WEXITED | os.WNOWAIT)
            everything_is_refused(visit)
            assert ask("GET", f"{server.url}/readyz").status == 503
            assert ask("GET", f"{server.url}/livez").status == 200
            assert server.command("check").returncode == 1
        assert postgres.restart_if_ended()
        await_ready(server)
        visit.rows_are_there()
        visit.all_is_well()
        assert ask("GET", lease["url"]).body == long
    assert damage(server) == []
    assert server.stop() == 0


@pytest.mark.parametrize("whom", ["the first process", "a backend"])
def test_a_database_that_is_killed_is_back_in_a_moment(new_archive, whom):
    server = new_archive().start()
    with Client(server.url) as client:
        visit = Visit(client)
        long = sound(9, megabytes=20)
        lease = client.lease(client.store(long, "long.wav"))
        with reading(server, lease["url"], long):
            first = postmaster(server)
            victim = first if whom == "the first process" else max(children(first))
            os.kill(victim, signal.SIGKILL)
        await_ready(server)
        visit.rows_are_there()
        visit.all_is_well()
    assert damage(server) == []
    assert server.stop() == 0


def postmaster(server: ArchiveProcess) -> int:
    return int((server.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])


def test_a_database_without_connections_serves_those_who_have_one(
    new_archive, own_postgres, open_directory
):
    postgres = own_postgres(open_directory, fsync="off", max_connections="20")
    server = new_archive(external(postgres.dsn())).start()
    with Client(server.url) as client, contextlib.ExitStack() as eaten:
        visit = Visit(client)
        with pytest.raises(psycopg2.OperationalError, match="too many clients"):
            while True:
                eaten.enter_context(connected(postgres.dsn()))
        # Who comes alone is served on a connection that is there; of many, some are not.
        outcomes = at_once(server, 16)
        assert set(outcomes) <= {0, AWAY}, outcomes
        assert 0 in outcomes
        eaten.close()
        assert at_once(server, 16) == [0] * 16
        visit.rows_are_there()
        visit.all_is_well()
    assert server.stop() == 0


def at_once(server: ArchiveProcess, number: int) -> list[int]:
    """The fault codes of so many logins at the same time; 0: it succeeded."""
    outcomes: list[int] = []

    def come() -> None:
        try:
            with Client(server.url):
                outcomes.append(0)
        except xmlrpc.client.Fault as fault:
            outcomes.append(fault.faultCode)

    threads = [threading.Thread(target=come) for _ in range(number)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(outcomes) == number
    return outcomes


def test_a_database_that_is_slow_keeps_nobody_for_longer_than_is_configured(new_archive, dsn):
    server = new_archive(external(dsn) + "statement_timeout_s = 1\n").start()
    with Client(server.url) as client, connected(dsn) as blocking:
        visit = Visit(client)
        before = client.call("getAudioClip", gunid=visit.gunid)
        with blocking.cursor() as cursor:
            cursor.execute("LOCK TABLE clip, lease, upload IN ACCESS EXCLUSIVE MODE")
        began = time.monotonic()
        visit.refused("getAudioClip", gunid=visit.gunid)
        assert 0.5 < time.monotonic() - began < 5
        visit.refused("updateAudioClipMetadata", gunid=visit.gunid, metadata=metadata(dc_title="b"))
        visit.refused("storeAudioClipClose", token=visit.sent["token"])
        visit.put_refused()
        assert client.call("test", teststring="a")["str"] == "A"
        blocking.rollback()
        assert client.call("getAudioClip", gunid=visit.gunid) == before
        visit.rows_are_there()
        visit.all_is_well()
    assert server.stop() == 0


def test_a_database_that_hangs_stops_no_reader_and_goes_on_when_it_awakes(new_archive):
    """All its processes are asleep, as on a disk that does not answer."""
    server = new_archive("[database]\nstatement_timeout_s = 2\n").start()
    with Client(server.url) as client:
        visit = Visit(client)
        long = sound(9, megabytes=20)
        lease = client.lease(client.store(long, "long.wav"))
        first = postmaster(server)
        asleep = [first, *children(first)]
        with reading(server, lease["url"], long):
            for pid in asleep:
                os.kill(pid, signal.SIGSTOP)
            assert ask("GET", f"{server.url}/livez").status == 200
        calling = threading.Thread(target=visit.rows_are_there)
        calling.start()
        calling.join(1)
        assert calling.is_alive()  # it waits
        for pid in asleep:
            os.kill(pid, signal.SIGCONT)
        calling.join(30)
        assert not calling.is_alive()
        visit.all_is_well()
    assert server.stop() == 0


def test_an_archive_on_one_disk_that_fills_up_heals_when_there_is_room(
    new_archive, tmp_path, mounted, open_directory
):
    """PostgreSQL's files, too: it may even end, and be started in vain until there is room."""
    disk = Mount(tmp_path / "data", "-t", "tmpfs", "-o", "size=200m,mode=711", "tests")
    mounted.append(disk)
    server = new_archive().start()
    with Client(server.url) as client:
        visit = Visit(client)
        disk.fill()
        fill_database(client)
        visit.put_refused()
        time.sleep(3)  # in which PostgreSQL may be tried to start
        disk.clear()
        await_ready(server, most_s=60)
        visit.rows_are_there()
        visit.all_is_well()
    assert damage(server) == []
    assert server.stop() == 0


def fill_database(client: Client) -> None:
    """Save what PostgreSQL keeps, until it is refused."""
    with pytest.raises(xmlrpc.client.Fault) as caught:
        for number in range(3000):
            client.call("savePref", key=f"key {number}", value=os.urandom(30_000).hex())
    assert caught.value.faultCode == AWAY
