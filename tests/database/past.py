"""Databases as they were: at every version of the schema, with what it could hold.

`data/NNNN_subject.sql` is what came into an archive while `schema/NNNN_subject.sql` was its newest
file. A database of version N has had all upgrades up to it, with data between them, as one that is
in use has. What a file says of ids (`-- 8 is Q's`) counts from 1 through all of them.
"""

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from archive_server.database.migrations import migration_files

_DATA = Path(__file__).parent / "data"

# As every version had it.
_APPLIED = """
CREATE TABLE migration (
    name text PRIMARY KEY, sha256 bytea NOT NULL, applied_at timestamptz NOT NULL DEFAULT now()
)"""

VERSIONS = tuple(migration_files())

Rows = Mapping[str, Sequence[Mapping[str, Any]]]  # of each table


def data_of(version: str) -> bytes:
    """What came into an archive of this version; nothing, if that was nothing new."""
    file = _DATA / version
    return file.read_bytes() if file.exists() else b""


def data_files() -> set[str]:
    """The names of all files with data."""
    return {file.name for file in _DATA.iterdir()}


def make(connection: Connection, version: str, *, is_used: bool = True) -> None:
    """Bring an empty database up to a version, with data unless nobody has used it."""
    with connection, connection.cursor() as cursor:
        cursor.execute(_APPLIED)
    for name in VERSIONS[: VERSIONS.index(version) + 1]:
        with connection, connection.cursor() as cursor:
            cursor.execute(migration_files()[name])
            cursor.execute(
                "INSERT INTO migration (name, sha256) VALUES (%s, sha256(%s))",
                (name, migration_files()[name]),
            )
        if is_used and (data := data_of(name)):
            with connection, connection.cursor() as cursor:
                cursor.execute(data)


def tables(cursor: Cursor) -> dict[str, list[str]]:
    """The columns of each table but `migration`."""
    cursor.execute(
        """
        SELECT relname, array_agg(attname::text)
        FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid
        WHERE relnamespace = 'public'::regnamespace AND relkind = 'r' AND relname <> 'migration'
        AND attnum > 0 AND NOT attisdropped GROUP BY relname
        """
    )
    return dict(cursor.fetchall())


def rows(cursor: Cursor) -> Rows:
    """What is in all tables."""
    found = {}
    for table in tables(cursor):
        cursor.execute(f"SELECT to_jsonb({table}) FROM {table}")
        found[table] = [row for (row,) in cursor.fetchall()]
    return found


def lost(before: Rows, after: Rows) -> dict[str, list[str]]:
    """Rows that are not there any more, as far as their tables and columns are."""
    gone = {}
    for table in before.keys() & after.keys():
        columns = _columns(before[table]) & _columns(after[table])
        left = _texts(before[table], columns) - _texts(after[table], columns)
        if left:
            gone[table] = sorted(left)
    return gone


def _columns(found: Sequence[Mapping[str, Any]]) -> set[str]:
    return {name for row in found for name in row}


def _texts(found: Sequence[Mapping[str, Any]], columns: set[str]) -> Counter[str]:
    kept = ({name: row[name] for name in sorted(columns)} for row in found)
    return Counter(json.dumps(row) for row in kept)
