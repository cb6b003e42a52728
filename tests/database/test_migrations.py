"""Migrations: from empty, in order, once, and never over what is not ours."""

import contextlib
import re
import threading
from pathlib import Path

import psycopg2
import pytest
from fixtures.fix_database import empty_database

from archive_server.database.connections import connect
from archive_server.database.migrations import (
    SchemaError,
    SchemaOutOfDate,
    SchemaUnknown,
    migrate,
    migration_files,
    pending,
    require_current,
)


@pytest.fixture
def empty(postgres):
    """A connection to a database without a schema."""
    with empty_database(postgres) as dsn, contextlib.closing(connect(dsn)) as opened:
        yield opened


@pytest.fixture
def schema(tmp_path):
    """Two migrations."""
    (tmp_path / "0001_things.sql").write_text("CREATE TABLE thing (name text)")
    (tmp_path / "0002_more.sql").write_text("INSERT INTO thing VALUES ('100%')")
    (tmp_path / "README.md").write_text("not a migration")
    return tmp_path


def applied(connection):
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT name FROM migration ORDER BY applied_at, name")
        return [name for (name,) in cursor.fetchall()]


def test_our_own_schema_is_applied_from_empty(empty):
    names = migrate(empty)
    assert names == list(migration_files())
    with empty.cursor() as cursor:
        require_current(cursor)
        cursor.execute("SELECT count(*) FROM clip")


def test_our_own_files_are_numbered_without_a_gap():
    assert [name[:4] for name in migration_files()] == [
        f"{number:04}" for number in range(1, len(migration_files()) + 1)
    ]


def test_a_second_time_nothing_is_done(empty, schema):
    assert migrate(empty, schema) == ["0001_things.sql", "0002_more.sql"]
    assert migrate(empty, schema) == []
    assert applied(empty) == ["0001_things.sql", "0002_more.sql"]


def test_only_what_is_missing_is_done(empty, schema):
    migrate(empty, schema)
    (schema / "0003_last.sql").write_text("DROP TABLE thing")
    with empty.cursor() as cursor:
        assert pending(cursor, schema) == ["0003_last.sql"]
    assert migrate(empty, schema) == ["0003_last.sql"]


def test_a_database_that_lacks_migrations_is_refused_with_the_command_to_run(empty, schema):
    with (
        empty.cursor() as cursor,
        pytest.raises(SchemaOutOfDate, match=r"lacks 0001_things.*run: archive-server migrate"),
    ):
        require_current(cursor, schema)


def test_an_error_in_one_file_undoes_all(empty, schema):
    (schema / "0003_wrong.sql").write_text("CREATE TABLE thing ()")
    with pytest.raises(psycopg2.errors.DuplicateTable):
        migrate(empty, schema)
    with empty.cursor() as cursor:
        cursor.execute("SELECT to_regclass('thing'), to_regclass('migration')")
        assert cursor.fetchone() == (None, None)


def test_an_edited_file_is_refused(empty, schema):
    migrate(empty, schema)
    (schema / "0001_things.sql").write_text("CREATE TABLE thing (name text, n integer)")
    with pytest.raises(SchemaUnknown, match=r"0001_things\.sql was edited"):
        migrate(empty, schema)


def test_a_database_from_a_newer_version_is_refused(empty, schema):
    migrate(empty, schema)
    (schema / "0002_more.sql").unlink()
    with empty.cursor() as cursor, pytest.raises(SchemaUnknown, match="newer archive-server"):
        require_current(cursor, schema)


def test_a_database_where_one_was_skipped_is_refused(empty, schema):
    migrate(empty, schema)
    with empty, empty.cursor() as cursor:
        cursor.execute("DELETE FROM migration WHERE name = '0001_things.sql'")
    with pytest.raises(SchemaUnknown, match=r"lacks 0001_things\.sql, but has later"):
        migrate(empty, schema)


@pytest.mark.parametrize("name", ["0004_gap.sql", "3_short.sql", "0002_twice.sql", "notes.sql"])
def test_files_that_are_not_numbered_in_order_are_refused(empty, schema, name):
    (schema / name).write_text("SELECT 1")
    with pytest.raises(SchemaError, match="schema file"):
        migrate(empty, schema)


def test_two_programs_that_migrate_at_once_take_turns(empty, schema):
    (schema / "0003_slow.sql").write_text("SELECT pg_sleep(0.2)")
    done = []

    def migrate_too():
        with contextlib.closing(connect(empty.dsn)) as connection:
            done.append(migrate(connection, schema))

    others = [threading.Thread(target=migrate_too) for _ in range(3)]
    for other in others:
        other.start()
    for other in others:
        other.join()
    assert sorted(map(len, done)) == [0, 0, 3]


def test_the_description_of_the_schema_lists_every_table(cursor):
    readme = (Path(__file__).parents[2] / "schema" / "README.md").read_text(encoding="utf-8")
    described = set(re.findall(r"(?m)^\| `(\w+)`", readme))
    cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    assert described == {name for (name,) in cursor.fetchall()}
