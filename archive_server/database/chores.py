"""When the archive last did what it does by itself."""

from datetime import datetime

from psycopg2.extensions import cursor as Cursor


def note(cursor: Cursor, name: str, at: datetime) -> None:
    """Note that a chore was done to its end."""
    cursor.execute(
        """
        INSERT INTO chore (name, ended_at) VALUES (%s, %s)
        ON CONFLICT (name) DO UPDATE SET ended_at = greatest(chore.ended_at, EXCLUDED.ended_at)
        """,
        (name, at),
    )


def list_ended(cursor: Cursor) -> dict[str, datetime]:
    """When each chore was last done to its end."""
    cursor.execute("SELECT name, ended_at FROM chore")
    return dict(cursor.fetchall())
