"""Bring a database of our own up to date, and keep what it was before."""

import os
import subprocess
from pathlib import Path

from psycopg2.extensions import connection as Connection
from psycopg2.extensions import make_dsn

from archive_server.database.binaries import find_binaries
from archive_server.database.cluster import ENVIRONMENT
from archive_server.database.embedded_errors import EmbeddedError
from archive_server.database.migrations import migrate, migration_files, pending


def migrate_after_dump(connection: Connection, directory: Path) -> list[str]:
    """Apply all missing migrations; return their names. Blocks.

    Where some were applied before, so that there is something to lose, the database is dumped
    into the directory first, as `before-NNNN_subject.dump`, for pg_restore. Raises SchemaError as
    `migrate` does, EmbeddedError when the dump fails; then nothing is changed.
    """
    missing = _pending(connection)
    if missing and len(missing) < len(migration_files()):
        _dump(connection, directory / f"before-{Path(missing[0]).stem}.dump")
    return migrate(connection)


def _pending(connection: Connection) -> list[str]:
    with connection, connection.cursor() as cursor:
        return pending(cursor)


def _dump(connection: Connection, file: Path) -> None:
    """Dump a database by the pg_dump of its server's version, all or nothing."""
    server = connection.info
    binaries = find_binaries(server.server_version // 10000)
    # Our own server asks for no password.
    dsn = make_dsn(host=server.host, port=server.port, user=server.user, dbname=server.dbname)
    unfinished = file.with_suffix(".unfinished")
    # Made by us, so that nobody else can read it.
    os.close(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600))
    try:
        answer = subprocess.run(
            [binaries["pg_dump"], "--format=custom", f"--file={unfinished}", f"--dbname={dsn}"],
            capture_output=True,
            text=True,
            check=False,
            env=ENVIRONMENT,
        )
        reason = answer.stderr.strip() if answer.returncode else None
    except OSError as error:
        reason = str(error)
    if reason is not None:
        unfinished.unlink()
        raise EmbeddedError(f"the dump before the upgrade failed, nothing was changed: {reason}")
    unfinished.rename(file)
