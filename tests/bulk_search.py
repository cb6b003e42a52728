"""Filling the search tables quickly, without the audio and documents of the clips."""

from collections.abc import Iterable
from datetime import datetime

from archive_server.database import search
from archive_server.model.clips import FileType
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid

Row = tuple[Gunid, FileType, Document, datetime]


def fill(cursor, rows: Iterable[Row]) -> None:
    """Put these clips into the search tables, in place of all that is there."""
    cursor.execute("SET session_replication_role = replica")  # no foreign keys, no triggers
    search.rebuild(
        cursor, (search.Findable(number, *row) for number, row in enumerate(rows, start=1))
    )
    cursor.execute("SET session_replication_role = origin")
