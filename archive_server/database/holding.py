"""Keeping every content where it is, for as long as somebody copies them."""

from psycopg2.extensions import cursor as Cursor

from archive_server.errors import Unavailable

_LOCK = 0x4801D


def hold(cursor: Cursor) -> None:
    """Let no content go until this connection is closed or lost; several may hold them."""
    cursor.execute("SELECT pg_advisory_lock_shared(%s)", (_LOCK,))


def require_held(cursor: Cursor) -> None:
    """Raise Unavailable unless this is the connection that holds them."""
    cursor.execute(
        """
        SELECT FROM pg_locks
        WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted
        AND (classid::bigint << 32) + objid::bigint = %s AND objsubid = 1
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
        AND pid = pg_backend_pid()
        """,
        (_LOCK,),
    )
    if cursor.fetchone() is None:
        raise Unavailable("the database was away for a moment; try again")


def may_go(cursor: Cursor) -> bool:
    """Whether contents may go, in this transaction; nobody begins to hold them before its end."""
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,))
    (free,) = cursor.fetchone() or (False,)
    return bool(free)
