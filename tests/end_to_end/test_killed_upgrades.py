"""`kill -9` of an upgrade: what is found is the archive before it or after it, never between."""

import contextlib
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest
from database.past import VERSIONS, Rows, lost, make, rows, tables
from fixtures.fix_database import empty_database
from fixtures.fix_server import PROGRAM, await_end, children, external
from psycopg2.extensions import connection as Connection

from archive_server.database.connections import connect
from archive_server.database.embedded import EmbeddedPostgres
from archive_server.database.migrations import SchemaOutOfDate, require_current

LAUNCHER = Path(__file__).with_name("faulty_archive.py")
OLD = VERSIONS[2]

pytestmark = pytest.mark.slow


class Upgrade:
    """A command that upgrades, and what it finds and leaves."""

    def __init__(self, directory: Path, config: str, *words: str) -> None:
        self.data_dir = directory / "data"
        self.control = directory / "control"
        self._config = directory / "archive-server.toml"
        self._config.write_text(config)
        self._words = words
        self.control.mkdir()

    def begin(self, program: tuple[str, ...] = PROGRAM) -> subprocess.Popen[bytes]:
        where = ("--data", str(self.data_dir), "--config", str(self._config))
        return subprocess.Popen(
            (*program, *self._words, *where), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
        )

    def finish(self) -> None:
        """Let it come to its end."""
        process = self.begin()
        _, errors = process.communicate(timeout=120)
        assert process.returncode == 0, errors.decode()

    def is_killed_at(self, step: int) -> bool:
        """Kill it at a commit, before or after that; False: it has fewer, and has ended well."""
        (self.control / "at").write_text(f"{step} SIGKILL")
        launcher = (sys.executable, str(LAUNCHER), str(self.control), str(self.data_dir / "none"))
        process = self.begin(launcher)
        processes = children(process.pid)
        _, errors = process.communicate(timeout=120)
        await_end(processes)
        assert process.returncode in (0, -9), errors.decode()
        return process.returncode == -9


def all_rows(dsn: str) -> Rows:
    with closing(connect(dsn)) as connection, connection.cursor() as cursor:
        return rows(cursor)


def is_upgraded(dsn: str, before: Rows) -> bool:
    """Whether an archive is as it is afterwards, or else as it was before: with all it had."""
    with closing(connect(dsn)) as connection, connection.cursor() as cursor:
        found = rows(cursor)
        try:
            require_current(cursor)
        except SchemaOutOfDate:
            assert found == before
            return False
    assert lost(before, found) == {}
    return True


@pytest.fixture
def old(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The DSN of an archive of long ago."""
    with empty_database(postgres) as dsn:
        with closing(connect(dsn)) as connection:
            make(connection, OLD)
        yield dsn


def await_waiting(connection: Connection, process: subprocess.Popen[bytes]) -> bool:
    """Wait until somebody waits for what we hold; False: nobody has, and it has ended."""
    deadline = time.monotonic() + 60
    with connection.cursor() as cursor:
        while process.poll() is None:
            cursor.execute(
                """
                SELECT FROM pg_stat_activity
                WHERE datname = current_database() AND wait_event_type = 'Lock'
                """
            )
            if cursor.rowcount:
                return True
            assert time.monotonic() < deadline
            time.sleep(0.01)
    return False


def await_alone(dsn: str) -> None:
    """Wait until PostgreSQL has noticed that who was killed has gone."""
    deadline = time.monotonic() + 30
    with closing(connect(dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        while True:
            cursor.execute(
                """
                SELECT FROM pg_stat_activity
                WHERE datname = current_database() AND pid <> pg_backend_pid()
                """
            )
            if not cursor.rowcount:
                return
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_migration_that_is_killed_in_the_middle_has_not_begun(old, tmp_path):
    """At the first step that touches a table, for each table there is."""
    upgrade = Upgrade(tmp_path, external(old), "migrate")
    before = all_rows(old)
    waited_for = []
    with closing(connect(old)) as looking, looking.cursor() as cursor:
        names = sorted(tables(cursor))
    for table in names:
        with closing(connect(old)) as holding, closing(connect(old)) as looking:
            looking.autocommit = True
            with holding.cursor() as cursor:
                cursor.execute(f"LOCK TABLE {table} IN ACCESS EXCLUSIVE MODE")
            process = upgrade.begin()
            if await_waiting(looking, process):
                waited_for.append(table)
            process.kill()
            process.communicate()
        await_alone(old)
        if is_upgraded(old, before):  # no step touches this table
            break
    assert len(waited_for) > 2, waited_for
    upgrade.finish()
    assert is_upgraded(old, before)


def test_a_migration_that_is_killed_at_its_commit_has_happened_or_not(postgres, tmp_path):
    outcomes = []
    for step in count(1):
        with empty_database(postgres) as dsn:
            with closing(connect(dsn)) as connection:
                make(connection, OLD)
            before = all_rows(dsn)
            directory = tmp_path / str(step)
            directory.mkdir()
            upgrade = Upgrade(directory, external(dsn), "migrate")
            was_killed = upgrade.is_killed_at(step)
            await_alone(dsn)
            outcomes.append(is_upgraded(dsn, before))
            upgrade.finish()
            assert is_upgraded(dsn, before)
        if not was_killed:
            break
    assert outcomes == sorted(outcomes), "first before it, then after it"
    assert set(outcomes[:-1]) == {False, True}


@contextlib.contextmanager
def embedded(directory: Path) -> Iterator[str]:
    """The DSN of an embedded database, which nobody uses meanwhile."""
    server = EmbeddedPostgres.start(directory)
    try:
        yield server.dsn()
    finally:
        server.stop()


def test_an_embedded_database_whose_upgrade_is_killed_is_dumped_and_upgraded_again(tmp_path):
    """As it is dumped, and as it is committed; the database is killed with it."""
    seen = set()
    for number, moment in enumerate(("dump", "4")):
        directory = tmp_path / str(number)
        directory.mkdir()
        # It brings up to date what it finds, as `serve` does.
        upgrade = Upgrade(directory, "", "user", "list")
        with embedded(upgrade.data_dir) as dsn:
            with closing(connect(dsn)) as connection:
                make(connection, OLD)
            before = all_rows(dsn)
        if moment == "dump":
            kill_at_dump(upgrade)
        else:
            assert upgrade.is_killed_at(int(moment))
        with embedded(upgrade.data_dir) as dsn:
            seen.add(is_upgraded(dsn, before))
        upgrade.finish()
        with embedded(upgrade.data_dir) as dsn:
            assert is_upgraded(dsn, before)
        (dump,) = upgrade.data_dir.glob("before-*")
        assert dump.suffix == ".dump"
    assert seen == {False, True}


def kill_at_dump(upgrade: Upgrade) -> None:
    process = upgrade.begin()
    deadline = time.monotonic() + 60
    while not list(upgrade.data_dir.glob("before-*.unfinished")):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.001)
    processes = children(process.pid)
    process.kill()
    process.communicate()
    await_end(processes)
