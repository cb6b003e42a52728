"""Sending many rows at once: COPY in its text form."""

import io
from collections.abc import Iterable, Sequence
from typing import Any

from psycopg2.extensions import cursor as Cursor

_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})


def copy_rows(cursor: Cursor, table: str, rows: Iterable[Iterable[Any]]) -> None:
    """Add rows to a table, `name (column, ...)`. All of them are in memory at a time.

    None is NULL, bytes are bytea, and anything else is sent as its `str`.
    """
    lines = ("\t".join(map(_field, row)) + "\n" for row in rows)
    cursor.copy_expert(f"COPY {table} FROM STDIN", io.StringIO("".join(lines)))


def next_numbers(cursor: Cursor, table: str, column: str, count: int) -> list[int]:
    """So many numbers that no other row will have; the names are ours."""
    cursor.execute(
        "SELECT nextval(pg_get_serial_sequence(%s, %s)) FROM generate_series(1, %s)",
        (table, column, count),
    )
    return [number for (number,) in cursor.fetchall()]


def array(texts: Sequence[str]) -> str:
    """An array of texts, as a field of `copy_rows`."""
    quoted = ('"' + text.replace("\\", r"\\").replace('"', r"\"") + '"' for text in texts)
    return "{" + ",".join(quoted) + "}"


def _field(value: Any) -> str:
    if value is None:
        return r"\N"
    text = rf"\x{value.hex()}" if isinstance(value, bytes) else str(value)
    # Most fields, of 116 a clip, need no escapes: to look first takes a third of the time.
    if text.isprintable() and "\\" not in text:
        return text
    return text.translate(_ESCAPES)
