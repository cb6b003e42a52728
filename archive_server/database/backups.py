"""What a backup asks of the database."""

from array import array
from collections.abc import Sequence

from psycopg2.extensions import cursor as Cursor

from archive_server.database.search_find import find_ids
from archive_server.model.gunid import Gunid
from archive_server.model.search import Criteria


def select(cursor: Cursor, criteria: Criteria) -> tuple[Sequence[int], int]:
    """The numbers of the clips that meet the criteria, and how many bytes of audio they have."""
    clip_ids = array("i", find_ids(cursor, criteria))  # four bytes for each of a million
    cursor.execute(
        """
        SELECT coalesce(sum(size), 0)::bigint FROM clip
        JOIN revision ON revision.clip_id = clip.clip_id AND number = clip.revision
        JOIN content USING (content_id) WHERE clip.clip_id = ANY (%s)
        """,
        (clip_ids.tolist(),),
    )
    (size,) = cursor.fetchone() or (0,)
    return clip_ids, int(size)


def hold(cursor: Cursor, clip_id: int) -> Gunid | None:
    """Keep a clip as it is until the transaction ends; return its id, None if it is gone."""
    cursor.execute("SELECT gunid FROM clip WHERE clip_id = %s FOR SHARE", (clip_id,))
    row = cursor.fetchone()
    return None if row is None else Gunid(row[0])
