"""Sessions, as they are kept: by the digest of their id."""

from datetime import datetime, timedelta

from psycopg2.extensions import cursor as Cursor

from archive_server.model.users import Caller, Role, Session

# The last use is written at most this often, so that reading does not become writing.
RESOLUTION = timedelta(minutes=1)


def add(cursor: Cursor, digest: bytes, user_id: int, at: datetime) -> None:
    """Begin a session."""
    cursor.execute(
        "INSERT INTO session (digest, user_id, created_at, last_used_at) VALUES (%s, %s, %s, %s)",
        (digest, user_id, at, at),
    )


def use(
    cursor: Cursor, digest: bytes, *, at: datetime, created_after: datetime, used_after: datetime
) -> Session | None:
    """A session that has not expired, or None. Counts as a use."""
    cursor.execute(
        """
        SELECT user_id, login, role, session.created_at, last_used_at
        FROM session JOIN users USING (user_id)
        WHERE digest = %s AND session.created_at > %s AND last_used_at > %s
        """,
        (digest, created_after, used_after),
    )
    row = cursor.fetchone()
    if row is None:
        return None
    user_id, login, role, created_at, last_used_at = row
    if at - last_used_at > RESOLUTION:
        cursor.execute(
            "UPDATE session SET last_used_at = %(at)s "
            "WHERE digest = %(digest)s AND last_used_at < %(at)s",
            {"at": at, "digest": digest},
        )
        last_used_at = at
    return Session(Caller(user_id, login, Role(role)), created_at, last_used_at)


def remove(cursor: Cursor, digest: bytes) -> None:
    """End a session."""
    cursor.execute("DELETE FROM session WHERE digest = %s", (digest,))


def remove_expired(cursor: Cursor, *, created_before: datetime, used_before: datetime) -> int:
    """Forget sessions that have expired; return how many."""
    cursor.execute(
        "DELETE FROM session WHERE created_at <= %s OR last_used_at <= %s",
        (created_before, used_before),
    )
    return cursor.rowcount
