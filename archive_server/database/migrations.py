"""Bring the schema up to date: the files of `archive_schema`, in order, each exactly once."""

import re
from collections.abc import Mapping
from hashlib import sha256
from importlib import resources
from importlib.resources.abc import Traversable

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from archive_server.database import search

_NAME = re.compile(r"(\d{4})_[a-z0-9_]+\.sql")

# Two programs that migrate one database at the same time take turns. The number is arbitrary.
_LOCK = 0x6172636869766531

# What SQL cannot do of a migration. It is done when all have been, and so in the newest schema.
_AFTERWARDS = {"0003_search.sql": search.index_missing}

_MIGRATION_TABLE = """
CREATE TABLE IF NOT EXISTS migration (  -- the files of schema/ that were applied
    name       text PRIMARY KEY,
    sha256     bytea NOT NULL,  -- of the file, as it was applied
    applied_at timestamptz NOT NULL DEFAULT now()
)"""


class SchemaError(Exception):
    """The schema of the database, or the files that make it, are not what they must be."""


class SchemaOutOfDate(SchemaError):
    """The database lacks migrations; the message names the command that applies them."""


class SchemaUnknown(SchemaError):
    """The database was made by other files than ours: newer ones, or ones edited since."""


def migrate(connection: Connection, schema: Traversable | None = None) -> list[str]:
    """Apply all that is missing, in one transaction; return the names of what was applied.

    Raises SchemaUnknown where what was applied before is not what the files say; then, as after
    any error, nothing is changed.
    """
    files = migration_files(schema)
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))
        missing = _missing(cursor, files)
        cursor.execute(_MIGRATION_TABLE)
        for name in missing:
            cursor.execute(files[name])
            cursor.execute(
                "INSERT INTO migration (name, sha256) VALUES (%s, %s)", (name, _digest(files[name]))
            )
        for name in missing:
            if name in _AFTERWARDS:
                _AFTERWARDS[name](cursor)
    return missing


def pending(cursor: Cursor, schema: Traversable | None = None) -> list[str]:
    """The names of the migrations the database lacks. Raises SchemaUnknown as `migrate` does."""
    return _missing(cursor, migration_files(schema))


def require_current(cursor: Cursor, schema: Traversable | None = None) -> None:
    """Raise SchemaOutOfDate or SchemaUnknown unless the schema is what this version expects."""
    missing = pending(cursor, schema)
    if missing:
        raise SchemaOutOfDate(
            f"the database lacks {_enumeration(missing)}; run: archive-server migrate"
        )


def migration_files(schema: Traversable | None = None) -> dict[str, bytes]:
    """The SQL of every migration by its name, in order. Raises SchemaError for a gap."""
    folder = schema if schema is not None else resources.files("archive_schema")
    sql = {f.name: f.read_bytes() for f in folder.iterdir() if f.name.endswith(".sql")}
    names = sorted(sql)
    for expected, name in enumerate(names, start=1):
        match = _NAME.fullmatch(name)
        if match is None or int(match[1]) != expected:
            raise SchemaError(f"schema file {name}: expected {expected:04}_<subject>.sql")
    return {name: sql[name] for name in names}


def _missing(cursor: Cursor, files: Mapping[str, bytes]) -> list[str]:
    """The names after the last one applied, once those applied are seen to be ours."""
    applied = _applied(cursor)
    if unknown := sorted(applied.keys() - files.keys()):
        raise SchemaUnknown(
            f"the database has {_enumeration(unknown)}, which this version does not know;"
            " it was last used by a newer archive-server: use that one"
        )
    if edited := [name for name in applied if applied[name] != _digest(files[name])]:
        raise SchemaUnknown(
            f"{_enumeration(edited)} was edited after it was applied to the database;"
            " put the file back and make the change in a new one"
        )
    names = list(files)
    if skipped := [name for name in names[: len(applied)] if name not in applied]:
        raise SchemaUnknown(
            f"the database lacks {_enumeration(skipped)}, but has later migrations;"
            " restore it from a backup"
        )
    return names[len(applied) :]


def _applied(cursor: Cursor) -> dict[str, bytes]:
    """The digest of each migration in the database, by its name, in order."""
    cursor.execute("SELECT to_regclass('migration') IS NOT NULL")
    row = cursor.fetchone()
    if row is None or not row[0]:
        return {}
    cursor.execute("SELECT name, sha256 FROM migration ORDER BY name")
    return {name: bytes(digest) for name, digest in cursor.fetchall()}


def _digest(sql: bytes) -> bytes:
    return sha256(sql).digest()


def _enumeration(names: list[str]) -> str:
    """Names in a sentence; a few of them when there are many."""
    shown = ", ".join(names[:3])
    return f"{shown} and {len(names) - 3} more" if len(names) > 3 else shown
