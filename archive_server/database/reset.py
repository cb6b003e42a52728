"""Emptying an archive that is for tests: everything of a kind at once."""

from psycopg2.extensions import cursor as Cursor

from archive_server.model.gunid import Gunid
from archive_server.model.users import Caller, Role


def find_administrator(cursor: Cursor, login: str) -> Caller | None:
    """The administrator of this name, or else the first there is; None: there is none."""
    cursor.execute(
        """
        SELECT user_id, login FROM users WHERE role = 'admin'
        ORDER BY login <> %s, login COLLATE "C" LIMIT 1
        """,
        (login,),
    )
    row = cursor.fetchone()
    return Caller(row[0], row[1], Role.ADMIN) if row else None


def remove_uploads(cursor: Cursor) -> list[str]:
    """End every upload; return their tokens, whose bytes are still in the store."""
    cursor.execute("DELETE FROM upload RETURNING token")
    return [token for (token,) in cursor.fetchall()]


def remove_leases(cursor: Cursor) -> list[tuple[str, str]]:
    """End every lease; return token and extension of those that have a file on the disk."""
    cursor.execute("SELECT token, format FROM lease WHERE kind = 'file'")
    files = cursor.fetchall()
    cursor.execute("DELETE FROM lease")
    return files


def remove_jobs(cursor: Cursor) -> None:
    """Forget every job; who does one finds out, and whoever tidies removes the files."""
    cursor.execute("DELETE FROM job")


def some_gunids(cursor: Cursor, count: int) -> list[Gunid]:
    """Up to so many of the ids there are, of clips, playlists and webstreams in any state."""
    cursor.execute("SELECT gunid FROM clip ORDER BY clip_id LIMIT %s", (count,))
    return [Gunid(gunid) for (gunid,) in cursor.fetchall()]


def remove_sessions(cursor: Cursor) -> None:
    """End every session, and every API token."""
    cursor.execute("DELETE FROM session; DELETE FROM api_token")


def restore_users(cursor: Cursor, kept: int) -> None:
    """Leave one user and the groups and rules that every archive begins with."""
    cursor.execute("DELETE FROM users WHERE user_id <> %s", (kept,))
    cursor.execute(
        "DELETE FROM rule; DELETE FROM object_class; DELETE FROM membership;"
        "DELETE FROM user_group WHERE includes IS NULL; DELETE FROM group_preference"
    )
    cursor.execute("SELECT add_first_rules(), add_first_preferences()")
