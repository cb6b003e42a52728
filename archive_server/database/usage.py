"""What a user has open and stored, counted while nobody adds to it."""

from datetime import datetime

from psycopg2.extensions import cursor as Cursor

from archive_server.database.prepared import Prepared, execute_all
from archive_server.model.users import Role

_LOCK = Prepared(
    "lock_usage",
    ("integer",),
    "SELECT pg_advisory_xact_lock(hashtextextended('usage ' || $1::text, 5))",
)
_ROLE = Prepared("role_of_user", ("integer",), "SELECT role FROM users WHERE user_id = $1")


def lock(cursor: Cursor, user_id: int) -> Role | None:
    """Keep others from adding to what a user has, until the transaction ends; return their role.

    None: there is no such user any more. Others only wait who count, too.
    """
    execute_all(cursor, _LOCK.call(cursor, user_id), _ROLE.call(cursor, user_id))
    row = cursor.fetchone()
    return Role(row[0]) if row else None


def open_uploads(cursor: Cursor, user_id: int, used_after: datetime) -> int:
    """How many uploads a user has begun that have not ended."""
    cursor.execute(
        "SELECT count(*) FROM upload WHERE user_id = %s AND last_used_at > %s",
        (user_id, used_after),
    )
    (count,) = cursor.fetchone() or (0,)
    return int(count)


def unfinished_jobs(cursor: Cursor, user_id: int) -> int:
    """How many jobs a user has asked for that have not ended."""
    cursor.execute("SELECT count(*) FROM job WHERE user_id = %s AND status = 'working'", (user_id,))
    (count,) = cursor.fetchone() or (0,)
    return int(count)


def stored_bytes(cursor: Cursor, user_id: int) -> int:
    """The bytes of all revisions of all that a user owns, in the trash or not.

    Bytes that the store has once count as often as they were stored.
    """
    cursor.execute(
        """
        SELECT coalesce(sum(size), 0) FROM clip JOIN revision USING (clip_id)
        JOIN content USING (content_id) WHERE owner_id = %s
        """,
        (user_id,),
    )
    (size,) = cursor.fetchone() or (0,)
    return int(size)


def announced_bytes(cursor: Cursor, user_id: int, besides: str) -> int:
    """The bytes of a user's uploads as they were announced, or have come; without one of them."""
    cursor.execute(
        """
        SELECT coalesce(sum(greatest(total_size, digested_size)), 0) FROM upload
        WHERE user_id = %s AND token <> %s
        """,
        (user_id, besides),
    )
    (size,) = cursor.fetchone() or (0,)
    return int(size)
