"""Keeping every content where it is, for as long as somebody copies them."""

from psycopg2.extensions import cursor as Cursor

_LOCK = 0x4801D


def hold(cursor: Cursor) -> None:
    """Let no content go until this connection is closed; several may hold them."""
    cursor.execute("SELECT pg_advisory_lock_shared(%s)", (_LOCK,))


def may_go(cursor: Cursor) -> bool:
    """Whether contents may go, in this transaction; nobody begins to hold them before its end."""
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,))
    (free,) = cursor.fetchone() or (False,)
    return bool(free)
