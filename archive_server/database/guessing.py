"""Wrong passwords, as they are counted."""

from collections.abc import Sequence
from datetime import datetime

from psycopg2.extensions import cursor as Cursor

from archive_server.model import guessing


def is_known(cursor: Cursor, login: str, address: str) -> bool:
    """Whether this user has logged in from this address before."""
    cursor.execute(
        """
        SELECT EXISTS (SELECT FROM known_address JOIN users USING (user_id)
                       WHERE login = %s AND address = %s)
        """,
        (login, address),
    )
    (known,) = cursor.fetchone() or (False,)
    return bool(known)


def remember(cursor: Cursor, user_id: int, address: str, at: datetime) -> None:
    """Note that this user has logged in from this address."""
    cursor.execute(
        """
        INSERT INTO known_address (user_id, address, last_login_at) VALUES (%s, %s, %s)
        ON CONFLICT (user_id, address) DO UPDATE SET last_login_at = excluded.last_login_at
        """,
        (user_id, address, at),
    )


def blocked_until(cursor: Cursor, keys: Sequence[str], at: datetime) -> datetime | None:
    """Until when attempts under one of these keys are refused; None: they are not."""
    cursor.execute(
        "SELECT max(blocked_until) FROM login_failure WHERE key = ANY(%s) AND blocked_until > %s",
        (list(keys), at),
    )
    until: datetime | None
    (until,) = cursor.fetchone() or (None,)
    return until


def count_failure(cursor: Cursor, keys: Sequence[str], at: datetime) -> None:
    """Count a wrong password under each of these keys."""
    for key in sorted(keys):  # one order for all: no deadlocks
        cursor.execute(
            """
            INSERT INTO login_failure AS f (key, failures, last_failed_at, blocked_until)
            VALUES (%(key)s, 1, %(at)s, %(at)s)
            ON CONFLICT (key) DO UPDATE SET
                failures = CASE WHEN f.last_failed_at > %(at)s - %(forgotten)s
                                THEN f.failures + 1 ELSE 1 END,
                last_failed_at = %(at)s
            RETURNING failures
            """,
            {"key": key, "at": at, "forgotten": guessing.FORGOTTEN_AFTER},
        )
        (failures,) = cursor.fetchone() or (1,)
        cursor.execute(
            "UPDATE login_failure SET blocked_until = %s WHERE key = %s",
            (at + guessing.pause(failures), key),
        )


def forget(cursor: Cursor, keys: Sequence[str]) -> None:
    """Start counting afresh."""
    cursor.execute("DELETE FROM login_failure WHERE key = ANY(%s)", (list(keys),))


def remove_old(cursor: Cursor, at: datetime) -> int:
    """Forget failures that no longer count; return how many."""
    cursor.execute(
        "DELETE FROM login_failure WHERE last_failed_at < %s AND blocked_until < %s",
        (at - guessing.FORGOTTEN_AFTER, at),
    )
    return cursor.rowcount
