"""Archives of every earlier version are brought up to date with all that is in them.

Who adds a file to `schema/` need not touch this: it is one version more. But where the file makes a
table or a column, `test_every_column_has_had_data` fails until `data/` has a file of the same name;
and what shall hold of that data is a function more in `past_checks.py`.
"""

import re
import threading
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import psycopg2
import pytest
from database import past
from database.past import VERSIONS, Rows, lost, make, rows, tables
from database.past_checks import CHECKS, Upgraded
from fixtures.fix_database import empty_database
from fixtures.fix_services import Services, services_over
from psycopg2.extensions import connection as Connection
from support import DirectDatabase, result_of

from archive_server.database import search
from archive_server.database.connections import connect
from archive_server.database.embedded import EmbeddedPostgres
from archive_server.database.migrations import (
    SchemaUnknown,
    migrate,
    migration_files,
    require_current,
)
from archive_server.database.search import Findable
from archive_server.database.search_rows import SEPARATOR
from archive_server.model.clips import FileType
from archive_server.model.gunid import Gunid
from archive_server.model.playlists import search_document
from archive_server.services.integrity import Severity
from audio_store import AudioStore, ContentId
from audio_store.probe import Prober

_LAST = VERSIONS[-1]
_MTIME = re.compile(r"2026-03-29t[0-9:+-]+")


@pytest.fixture
def past_dsn(postgres: EmbeddedPostgres) -> Iterator[str]:
    """The DSN of a database without a schema."""
    with empty_database(postgres) as dsn:
        yield dsn


@pytest.fixture
def filled(store: AudioStore) -> AudioStore:
    """A store with the bytes that the rows of the past are about."""
    for number in range(1, 8):
        with store.stage(f"{number:032x}") as staged:
            staged.append(f"audio {number}".encode())
            store.publish(staged, staged.digests())
    with store.stage("a" * 32) as staged:
        staged.append(b"hello")
    return store


@pytest.mark.parametrize("version", VERSIONS)
def test_an_archive_of_every_version_is_brought_up_to_date(
    version: str, past_dsn: str, filled: AudioStore, prober: Prober
) -> None:
    with closing(connect(past_dsn)) as connection:
        make(connection, version)
        with connection, connection.cursor() as cursor:
            before = rows(cursor)
            _link_files(filled, before)
        missing = list(VERSIONS[VERSIONS.index(version) + 1 :])
        assert migrate(connection) == missing
        with connection, connection.cursor() as cursor:
            require_current(cursor)
            assert lost(_unmarked(before), _unmarked(rows(cursor))) == {}
            assert list(search.differences(cursor)) == []
            found_by = _found_by(cursor)
        with connection.cursor() as cursor:
            search.rebuild(cursor, list(_findable(cursor)))
            assert found_by == _found_by(cursor), "what searches look at is what documents say"
            connection.rollback()
        services = services_over(DirectDatabase(connection, commits=True), filled, prober)
        archive = Upgraded(version, services)
        _check_integrity(services)
        for number, check in CHECKS:
            if number <= int(version[:4]):
                check(archive)
        result_of(services.maintenance.tidy())
        result_of(services.maintenance.sweep())
        _check_integrity(services)


def _link_files(store: AudioStore, before: Rows) -> None:
    """Make the files that leases of files are about."""
    for lease in before.get("lease", ()):
        if lease["kind"] == "file":
            content_id = ContentId(bytes.fromhex(lease["content_id"].removeprefix("\\x")))
            store.link(content_id, lease["token"], lease["format"])


def _found_by(cursor: Any) -> dict[str, set[str]]:
    """What searches look at, but for ids that are given anew, and the zone of times of change."""
    found = {}
    for table in _searched_tables(cursor):
        cursor.execute(f"SELECT to_jsonb({table}) - 'vals' FROM {table}")
        found[table] = {_MTIME.sub("mtime", str(_once(row))) for (row,) in cursor.fetchall()}
    return found


def _searched_tables(cursor: Any) -> list[str]:
    """Those of one row a clip."""
    known = tables(cursor).items()
    return [
        name
        for name, columns in known
        if name.startswith("search_") and "clip_id" in columns and "value_id" not in columns
    ]


def _once(row: dict[str, Any]) -> dict[str, Any]:
    """A row in which each text is once: 0011 has kept those that differ in case only, in vain."""
    if folded := row.get("folded"):
        row["folded"] = SEPARATOR.join(dict.fromkeys(folded.split(SEPARATOR)))
    return row


def _unmarked(found: Rows) -> Rows:
    """The rows without what 0018 says, of which clips not all words are there, and 0022 changes."""
    words = found.get("search_words", ())
    said = [{**row, "words": row["words"].removeprefix("'0' ").lower()} for row in words]
    return {**found, "search_words": said}


def _findable(cursor: Any) -> Iterator[Findable]:
    cursor.execute(
        """
        SELECT clip_id, gunid, file_type, xml, mtime FROM clip JOIN document USING (document_id)
        WHERE state = 'ready'
        """
    )
    for clip_id, gunid, name, xml, mtime in cursor.fetchall():
        file_type = FileType(name)
        yield Findable(clip_id, Gunid(gunid), file_type, search_document(file_type, xml), mtime)


def _check_integrity(services: Services) -> None:
    findings = result_of(services.integrity.check(digests=True))
    assert [each for each in findings if each.severity is Severity.DAMAGE] == []


def test_every_column_has_had_data(past_dsn: str) -> None:
    with closing(connect(past_dsn)) as connection:
        make(connection, _LAST)
        with connection.cursor() as cursor:
            empty = [
                f"{table}.{column}"
                for table, columns in tables(cursor).items()
                for column in columns
                if not _has_data(cursor, table, column)
            ]
    assert empty == [], "tests/database/data/ has a file for each version that adds something"


def _has_data(cursor: Any, table: str, column: str) -> bool:
    cursor.execute(f"SELECT count({column}) > 0 FROM {table}")
    (has_data,) = cursor.fetchone()
    return bool(has_data)


def test_all_data_belongs_to_a_version() -> None:
    assert past.data_files() <= set(VERSIONS)


# -- what can go wrong meanwhile ------------------------------------------------------------------


@pytest.fixture
def old(past_dsn: str) -> Iterator[Connection]:
    """An archive that lacks more than one migration."""
    with closing(connect(past_dsn)) as connection:
        make(connection, VERSIONS[2])
        yield connection


@pytest.fixture
def newer(tmp_path: Path) -> Path:
    """Our schema, and after it a file that takes its time."""
    directory = tmp_path / "newer"
    directory.mkdir()
    for name, sql in migration_files().items():
        (directory / name).write_bytes(sql)
    (directory / f"{len(VERSIONS) + 1:04}_slow.sql").write_text("SELECT pg_sleep(30)")
    return directory


def _everything(connection: Connection) -> Rows:
    with connection, connection.cursor() as cursor:
        return rows(cursor)


def test_a_connection_that_is_lost_in_the_middle_leaves_everything_as_it_was(
    old: Connection, past_dsn: str, newer: Path
) -> None:
    before = _everything(old)
    with closing(connect(past_dsn)) as doomed, closing(connect(past_dsn)) as other:
        killer = threading.Thread(target=_kill_sleeper, args=(other, doomed.info.backend_pid))
        killer.start()
        with pytest.raises(psycopg2.Error):
            migrate(doomed, newer)
        killer.join()
    assert _everything(old) == before
    assert migrate(old) == list(VERSIONS[3:])


def _kill_sleeper(connection: Connection, pid: int) -> None:
    """End a server process once it sleeps in the last migration."""
    connection.autocommit = True
    with connection.cursor() as cursor:
        while True:
            cursor.execute("SELECT wait_event FROM pg_stat_activity WHERE pid = %s", (pid,))
            if cursor.fetchone() == ("PgSleep",):
                cursor.execute("SELECT pg_terminate_backend(%s)", (pid,))
                return


def test_a_step_that_fails_leaves_everything_as_it_was(old: Connection, newer: Path) -> None:
    before = _everything(old)
    (newer / f"{len(VERSIONS) + 1:04}_slow.sql").write_text("DELETE FROM users; SELECT 1 / 0")
    with pytest.raises(psycopg2.errors.DivisionByZero):
        migrate(old, newer)
    assert _everything(old) == before


def test_an_archive_of_a_newer_version_is_left_alone(past_dsn: str, newer: Path) -> None:
    with closing(connect(past_dsn)) as connection:
        make(connection, _LAST)
        (newer / f"{len(VERSIONS) + 1:04}_slow.sql").write_text("CREATE TABLE newer ()")
        migrate(connection, newer)
        before = _everything(connection)
        with pytest.raises(SchemaUnknown, match="newer archive-server"):
            migrate(connection)
        assert _everything(connection) == before


def test_of_two_who_migrate_at_once_one_does_it(old: Connection, past_dsn: str) -> None:
    done: list[list[str]] = []

    def migrate_too() -> None:
        with closing(connect(past_dsn)) as connection:
            done.append(migrate(connection))

    others = [threading.Thread(target=migrate_too) for _ in range(2)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert sorted(done) == [[], list(VERSIONS[3:])]
    with old, old.cursor() as cursor:
        require_current(cursor)
        assert list(search.differences(cursor)) == []
