"""Which store belongs to this database."""

from psycopg2.extensions import cursor as Cursor


def find(cursor: Cursor) -> str | None:
    """The id of the store, or None before the first start."""
    cursor.execute("SELECT store_id::text FROM store")
    row = cursor.fetchone()
    return row[0] if row else None


def add(cursor: Cursor, store_id: str) -> None:
    """Note which store is ours."""
    cursor.execute("INSERT INTO store (store_id) VALUES (%s)", (store_id,))
