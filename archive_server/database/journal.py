"""The journal, as it is kept: one row for each change of the library, in its own transaction."""

from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum

from psycopg2.extensions import cursor as Cursor

from archive_server.model.gunid import Gunid


class Event(StrEnum):
    """What can happen to a clip."""

    CREATED = "created"
    REPLACED = "replaced"
    UPDATED = "updated"
    TRASHED = "trashed"
    RESTORED = "restored"
    DELETED = "deleted"


def add(cursor: Cursor, event: Event, gunid: Gunid, login: str | None, at: datetime) -> None:
    """Note what happened to a clip, and who did it (None: the archive itself)."""
    cursor.execute(
        "INSERT INTO journal (at, event, gunid, login) VALUES (%s, %s, %s, %s)",
        (at, event.value, gunid.uuid, login),
    )


def add_all(
    cursor: Cursor, event: Event, gunids: Sequence[Gunid], login: str | None, at: datetime
) -> None:
    """As `add`, for many clips to which the same has happened."""
    cursor.execute(
        """
        INSERT INTO journal (at, event, gunid, login)
        SELECT %s, %s, gunid, %s FROM unnest(%s::uuid[]) AS gunid
        """,
        (at, event.value, login, [str(gunid.uuid) for gunid in gunids]),
    )
