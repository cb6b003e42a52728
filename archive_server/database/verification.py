"""What is known of the bytes of contents, as it is kept. Who changes it holds their locks."""

from datetime import datetime

from psycopg2.extensions import cursor as Cursor

from archive_server.database import contents, journal
from archive_server.model.clips import Content
from archive_server.model.integrity import DamagedContent
from archive_server.model.journal import EventKind


def list_due(
    cursor: Cursor, before: datetime, damaged_before: datetime, limit: int
) -> list[Content]:
    """Contents that nobody has looked at since, the longest first; before all the damaged ones."""
    cursor.execute(
        """
        (SELECT content_id, md5, size, damage IS NOT NULL FROM content
         WHERE damage IS NOT NULL AND coalesce(looked_at, created_at) <= %(damaged_before)s
         ORDER BY coalesce(looked_at, created_at) LIMIT %(limit)s)
        UNION ALL
        (SELECT content_id, md5, size, damage IS NOT NULL FROM content
         WHERE damage IS NULL AND coalesce(looked_at, created_at) <= %(before)s
         ORDER BY coalesce(looked_at, created_at) LIMIT %(limit)s)
        """,
        {"before": before, "damaged_before": damaged_before, "limit": limit},
    )
    return _contents(cursor)


def list_after(
    cursor: Cursor, sha256: bytes, limit: int, not_verified_since: datetime | None
) -> list[Content]:
    """Some contents in the order of their ids, from behind the one given (b"" for the first).

    With a time, only those that were not found whole since.
    """
    cursor.execute(
        """
        SELECT content_id, md5, size, damage IS NOT NULL FROM content WHERE content_id > %(after)s
        AND (%(since)s IS NULL OR damage IS NOT NULL OR verified_at IS NULL
             OR verified_at < %(since)s)
        ORDER BY content_id LIMIT %(limit)s
        """,
        {"after": sha256, "limit": limit, "since": not_verified_since},
    )
    return _contents(cursor)


def damaged_contents(cursor: Cursor) -> list[Content]:
    """Those that are known to be damaged."""
    cursor.execute("SELECT content_id, md5, size, true FROM content WHERE damage IS NOT NULL")
    return _contents(cursor)


def extent(cursor: Cursor, not_verified_since: datetime | None) -> tuple[int, int]:
    """How many `list_after` gives in all, and how many bytes."""
    cursor.execute(
        """
        SELECT count(*), coalesce(sum(size), 0)::bigint FROM content
        WHERE %(since)s IS NULL OR damage IS NOT NULL OR verified_at IS NULL
              OR verified_at < %(since)s
        """,
        {"since": not_verified_since},
    )
    count, size = cursor.fetchone() or (0, 0)
    return count, size


def lock(cursor: Cursor, sha256: bytes) -> bool | None:
    """Keep all others from these bytes; return whether they are damaged. None: they are gone."""
    contents.lock(cursor, sha256)
    cursor.execute("SELECT damage IS NOT NULL FROM content WHERE content_id = %s", (sha256,))
    row = cursor.fetchone()
    return None if row is None else bool(row[0])


def note_whole(cursor: Cursor, sha256: bytes, at: datetime) -> bool:
    """Note that every byte was read and is right; return whether that is new."""
    cursor.execute(
        """
        UPDATE content SET looked_at = %(at)s, verified_at = %(at)s, damage = NULL,
               damaged_at = NULL
        FROM (SELECT damage FROM content WHERE content_id = %(id)s FOR UPDATE) AS old
        WHERE content_id = %(id)s RETURNING old.damage IS NOT NULL
        """,
        {"id": sha256, "at": at},
    )
    (is_new,) = cursor.fetchone() or (False,)
    if is_new:
        journal.add_of_content(cursor, EventKind.MENDED, sha256, at)
    return bool(is_new)


def note_damaged(cursor: Cursor, sha256: bytes, damage: str | None, at: datetime) -> None:
    """Note what is wrong with it (None: the same as before)."""
    cursor.execute(
        """
        UPDATE content SET looked_at = %(at)s, damage = coalesce(%(damage)s, content.damage),
               damaged_at = coalesce(content.damaged_at, %(at)s)
        FROM (SELECT damage FROM content WHERE content_id = %(id)s FOR UPDATE) AS old
        WHERE content_id = %(id)s RETURNING old.damage IS NULL
        """,
        {"id": sha256, "damage": damage, "at": at},
    )
    (is_new,) = cursor.fetchone() or (False,)
    if is_new:
        journal.add_of_content(cursor, EventKind.DAMAGED, sha256, at)


def note_looked(cursor: Cursor, sha256: bytes, at: datetime) -> None:
    """Note that it could not be told how it is."""
    cursor.execute("UPDATE content SET looked_at = %s WHERE content_id = %s", (at, sha256))


def list_damaged(cursor: Cursor) -> list[DamagedContent]:
    """What is known to be damaged, since the longest time first."""
    cursor.execute(
        """
        SELECT content_id, size, damage, damaged_at, ARRAY(
            SELECT DISTINCT gunid::text FROM clip JOIN revision USING (clip_id)
            WHERE revision.content_id = content.content_id ORDER BY 1)
        FROM content WHERE damage IS NOT NULL ORDER BY damaged_at, content_id
        """
    )
    return [
        DamagedContent(bytes(sha256), size, damage, damaged_at, tuple(clips))
        for sha256, size, damage, damaged_at, clips in cursor.fetchall()
    ]


def whole_since(cursor: Cursor, sha256: bytes) -> datetime | None:
    """When it was last found whole, if nothing is wrong with it now."""
    cursor.execute(
        "SELECT verified_at FROM content WHERE content_id = %s AND damage IS NULL", (sha256,)
    )
    row = cursor.fetchone()
    return row[0] if row else None


def begin_check(cursor: Cursor, at: datetime, *, resume: bool) -> datetime | None:
    """Begin a check, or go on with the one that was stopped; since when that has been running.

    None: it begins now, and nothing is spared.
    """
    cursor.execute("SELECT check_began_at FROM verification")
    (began_at,) = cursor.fetchone() or (None,)
    if resume and began_at is not None:
        return began_at  # type: ignore[no-any-return]
    cursor.execute("UPDATE verification SET check_began_at = %s", (at,))
    return None


def end_check(cursor: Cursor) -> None:
    """Note that a check has come to its end."""
    cursor.execute("UPDATE verification SET check_began_at = NULL")


def _contents(cursor: Cursor) -> list[Content]:
    return [
        Content(bytes(sha256), bytes(md5), size, is_damaged)
        for sha256, md5, size, is_damaged in cursor.fetchall()
    ]
