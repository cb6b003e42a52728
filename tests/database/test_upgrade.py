"""Upgrades of a database of our own."""

import contextlib
import subprocess

import pytest

from archive_server.database.binaries import find_binaries
from archive_server.database.connections import connect
from archive_server.database.embedded_errors import EmbeddedError
from archive_server.database.migrations import migrate, migration_files
from archive_server.database.upgrade import migrate_after_dump


@pytest.fixture
def behind(dsn):
    """A database that has a row, and lacks the last migration."""
    with contextlib.closing(connect(dsn)) as connection:
        with connection, connection.cursor() as cursor:
            cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        with connection, connection.cursor() as cursor:
            for name, sql in list(migration_files().items())[:-1]:
                cursor.execute(sql)
                cursor.execute(
                    """
                    CREATE TABLE IF NOT EXISTS migration
                        (name text PRIMARY KEY, sha256 bytea, applied_at timestamptz DEFAULT now());
                    INSERT INTO migration VALUES (%s, sha256(%s))
                    """,
                    (name, sql),
                )
            cursor.execute("INSERT INTO document (xml) VALUES ('<audioClip/>')")
    return dsn


def upgrade(dsn, directory):
    with contextlib.closing(connect(dsn)) as connection:
        return migrate_after_dump(connection, directory)


def test_a_new_database_is_migrated_without_a_dump(dsn, tmp_path):
    with contextlib.closing(connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    assert upgrade(dsn, tmp_path) == list(migration_files())
    assert list(tmp_path.iterdir()) == []


def test_a_database_that_is_current_is_left_alone(dsn, tmp_path):
    assert upgrade(dsn, tmp_path) == []
    assert list(tmp_path.iterdir()) == []


def test_an_older_database_is_dumped_before_it_is_changed(behind, tmp_path):
    last = list(migration_files())[-1]
    assert upgrade(behind, tmp_path) == [last]
    (dump,) = tmp_path.iterdir()
    assert dump.name == f"before-{last.removesuffix('.sql')}.dump"
    assert dump.stat().st_mode & 0o777 == 0o600
    restored = subprocess.run(
        [find_binaries()["pg_restore"], "--data-only", "--table=document", "--file=-", dump],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "<audioClip/>" in restored.stdout


def test_without_a_dump_nothing_is_changed(behind, tmp_path):
    (tmp_path / "a file").touch()
    with pytest.raises(OSError, match="Not a directory"):
        upgrade(behind, tmp_path / "a file")
    with contextlib.closing(connect(behind)) as connection:
        assert len(migrate(connection)) == 1


def test_a_dump_that_fails_is_an_error_and_leaves_no_file(behind, tmp_path):
    with (
        contextlib.closing(connect(behind)) as connection,
        connection,
        connection.cursor() as cursor,
    ):
        cursor.execute("CREATE ROLE weak LOGIN; GRANT USAGE ON SCHEMA public TO weak")
        cursor.execute("GRANT SELECT ON migration TO weak")
    try:
        with pytest.raises(EmbeddedError, match="nothing was changed"):
            upgrade(behind.replace("user=archive", "user=weak"), tmp_path)
        assert list(tmp_path.iterdir()) == []
    finally:
        with contextlib.closing(connect(behind)) as connection, connection:
            connection.cursor().execute("DROP OWNED BY weak; DROP ROLE weak")
