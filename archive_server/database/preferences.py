"""Preferences of users and groups, as they are kept."""

from psycopg2.extensions import cursor as Cursor

from archive_server.errors import UnknownPreference


def get(cursor: Cursor, user_id: int, key: str) -> str:
    """What is kept for a user under a key. Raises UnknownPreference."""
    cursor.execute(
        "SELECT value FROM user_preference WHERE user_id = %s AND key = %s", (user_id, key)
    )
    return _value(cursor, key)


def save(cursor: Cursor, user_id: int, key: str, value: str) -> None:
    """Keep a value for a user, in the place of the one before."""
    cursor.execute(
        """
        INSERT INTO user_preference (user_id, key, value) VALUES (%s, %s, %s)
        ON CONFLICT (user_id, key) DO UPDATE SET value = EXCLUDED.value
        """,
        (user_id, key, value),
    )


def remove(cursor: Cursor, user_id: int, key: str) -> None:
    """Forget what is kept for a user under a key. Raises UnknownPreference."""
    cursor.execute("DELETE FROM user_preference WHERE user_id = %s AND key = %s", (user_id, key))
    if cursor.rowcount == 0:
        raise _unknown(key)


def get_of_group(cursor: Cursor, group_id: int, key: str) -> str:
    """What is kept for a group under a key. Raises UnknownPreference."""
    cursor.execute(
        "SELECT value FROM group_preference WHERE group_id = %s AND key = %s", (group_id, key)
    )
    return _value(cursor, key)


def save_of_group(cursor: Cursor, group_id: int, key: str, value: str) -> None:
    """Keep a value for a group, in the place of the one before."""
    cursor.execute(
        """
        INSERT INTO group_preference (group_id, key, value) VALUES (%s, %s, %s)
        ON CONFLICT (group_id, key) DO UPDATE SET value = EXCLUDED.value
        """,
        (group_id, key, value),
    )


def remove_of_users(cursor: Cursor) -> None:
    """Forget everything that is kept for users; what is kept for groups stays."""
    cursor.execute("DELETE FROM user_preference")


def _value(cursor: Cursor, key: str) -> str:
    row = cursor.fetchone()
    if row is None:
        raise _unknown(key)
    return str(row[0])


def _unknown(key: str) -> UnknownPreference:
    return UnknownPreference(f"nothing is kept under the key {key}")
