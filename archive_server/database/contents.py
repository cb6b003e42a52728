"""Contents, as they are known: which bytes the store must have."""

from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime

from psycopg2.extensions import cursor as Cursor

from archive_server.database import holding, journal
from archive_server.database.prepared import Prepared, execute_all
from archive_server.model.clips import Content
from archive_server.model.journal import EventKind

_LOCK = Prepared("lock_content", ("bigint",), "SELECT pg_advisory_xact_lock($1)")
_DAMAGED = Prepared(
    "find_damaged_content",
    ("bytea",),
    "SELECT FROM content WHERE content_id = $1 AND damage IS NOT NULL",
)
_ADD = Prepared(
    "add_content",
    ("bytea", "bytea", "bigint", "timestamptz"),
    """
    INSERT INTO content (content_id, md5, size, created_at) VALUES ($1, $2, $3, $4)
    ON CONFLICT (content_id) DO NOTHING
    """,
)


def lock(cursor: Cursor, sha256: bytes) -> bool:
    """Keep janitor and verifier away from these bytes until the transaction ends.

    Return whether they are known to be damaged.
    """
    # Two statements, since the second has to see what the first may have waited for; one message.
    execute_all(cursor, _LOCK.call(cursor, _key(sha256)), _DAMAGED.call(cursor, sha256))
    return cursor.rowcount > 0


def add(cursor: Cursor, content: Content, at: datetime) -> None:
    """Note that these bytes are in the store. The caller holds the lock.

    If they were damaged, they have just been replaced by good ones, and the mark goes.
    """
    cursor.execute(addition(cursor, content, at))
    if cursor.rowcount == 0:
        mend(cursor, [content.sha256], at)


def addition(cursor: Cursor, content: Content, at: datetime) -> bytes:
    """What executes `add` of what is not known to be damaged, to go with other statements."""
    return _ADD.call(cursor, content.sha256, content.md5, content.size, at)


def mend(cursor: Cursor, sha256s: Sequence[bytes], at: datetime) -> None:
    """Take the marks of damage away; the verifier looks at them next."""
    cursor.execute(
        """
        UPDATE content SET damage = NULL, damaged_at = NULL, looked_at = 'epoch'
        WHERE content_id = ANY(%s) AND damage IS NOT NULL RETURNING content_id
        """,
        (list(sha256s),),
    )
    for (sha256,) in cursor.fetchall():
        journal.add_of_content(cursor, EventKind.MENDED, sha256, at)


def lock_all(cursor: Cursor, sha256s: Iterable[bytes]) -> set[bytes]:
    """As `lock`, for many; return those that are known to be damaged.

    In the order of their keys: two who do this do not wait crosswise.
    """
    wanted = list(sha256s)
    cursor.execute(
        """
        SELECT pg_advisory_xact_lock(key) FROM unnest(%s::bigint[]) AS key;
        SELECT content_id FROM content WHERE content_id = ANY(%s) AND damage IS NOT NULL
        """,
        (sorted(map(_key, wanted)), wanted),
    )
    return {bytes(sha256) for (sha256,) in cursor.fetchall()}


def add_all(cursor: Cursor, contents: Sequence[Content], at: datetime) -> None:
    """As `add`, for many. The caller holds the locks."""
    cursor.execute(
        """
        INSERT INTO content (content_id, md5, size, created_at)
        SELECT content_id, md5, size, %s
        FROM unnest(%s::bytea[], %s::bytea[], %s::bigint[]) AS given (content_id, md5, size)
        ON CONFLICT (content_id) DO NOTHING
        """,
        (
            at,
            [content.sha256 for content in contents],
            [content.md5 for content in contents],
            [content.size for content in contents],
        ),
    )
    if cursor.rowcount < len(contents):
        mend(cursor, [content.sha256 for content in contents], at)


def list_of_clips(cursor: Cursor, sizes: Collection[int]) -> dict[int, set[bytes]]:
    """The whole audio of clips, current or not, that has one of these sizes: by size."""
    cursor.execute(
        """
        SELECT size, content_id FROM content WHERE size = ANY (%s) AND damage IS NULL
        AND EXISTS (SELECT FROM revision WHERE revision.content_id = content.content_id)
        """,
        (list(sizes),),
    )
    found: dict[int, set[bytes]] = {}
    for size, sha256 in cursor.fetchall():
        found.setdefault(size, set()).add(bytes(sha256))
    return found


def known_to_clips(cursor: Cursor, sha256s: Sequence[bytes]) -> set[bytes]:
    """Those of these that are the audio of a clip, current or not."""
    cursor.execute(
        "SELECT DISTINCT content_id FROM revision WHERE content_id = ANY (%s)", (list(sha256s),)
    )
    return {bytes(sha256) for (sha256,) in cursor.fetchall()}


def file_name_with(cursor: Cursor, md5: bytes) -> str | None:
    """The file name of a clip whose current audio has this MD5 and is not damaged, or None."""
    cursor.execute(
        """
        SELECT file_name FROM clip JOIN revision ON revision.clip_id = clip.clip_id
               AND revision.number = clip.revision JOIN content USING (content_id)
        WHERE md5 = %s AND state = 'ready' AND damage IS NULL LIMIT 1
        """,
        (md5,),
    )
    row = cursor.fetchone()
    return row[0] if row else None


def list_released(cursor: Cursor, limit: int) -> list[bytes]:
    """Contents that something has stopped referring to since they were last looked at.

    None while somebody holds them all.
    """
    if not holding.may_go(cursor):
        return []
    cursor.execute("SELECT content_id FROM released_content LIMIT %s", (limit,))
    return [bytes(content_id) for (content_id,) in cursor.fetchall()]


def note_unused(cursor: Cursor) -> int:
    """Note as released what nothing refers to; return how much was new.

    Finds what the triggers could not note: a reference that went while the janitor was looking
    at the content because of another one. The row they found there was about to go.
    """
    cursor.execute(
        """
        INSERT INTO released_content
        SELECT content_id FROM content
        WHERE NOT EXISTS (SELECT FROM revision WHERE revision.content_id = content.content_id)
        AND NOT EXISTS (SELECT FROM lease WHERE lease.content_id = content.content_id)
        ON CONFLICT DO NOTHING
        """
    )
    return cursor.rowcount


def remove_unless_used(cursor: Cursor, sha256: bytes, unlink: Callable[[], None]) -> bool:
    """Forget a content and its bytes, if nothing refers to it; return whether it went.

    The row first, then the bytes; and from before the first to after the second nobody can
    publish the same bytes. So this one function commits by itself.
    """
    cursor.execute("SELECT pg_advisory_lock(%s)", (_key(sha256),))
    cursor.connection.commit()
    try:
        if not holding.may_go(cursor):
            return False
        cursor.execute(
            """
            DELETE FROM content WHERE content_id = %(id)s
            AND NOT EXISTS (SELECT FROM revision WHERE content_id = %(id)s)
            AND NOT EXISTS (SELECT FROM lease WHERE content_id = %(id)s)
            """,
            {"id": sha256},
        )
        if cursor.rowcount:  # of what somebody has claimed, nothing is left to be kept for
            cursor.execute("DELETE FROM unclaimed_content WHERE content_id = %s", (sha256,))
        cursor.execute("DELETE FROM released_content WHERE content_id = %s", (sha256,))
        cursor.execute(
            """
            SELECT NOT EXISTS (SELECT FROM content WHERE content_id = %(id)s)
               AND NOT EXISTS (SELECT FROM unclaimed_content WHERE content_id = %(id)s)
            """,
            {"id": sha256},
        )
        (gone,) = cursor.fetchone() or (False,)
        cursor.connection.commit()
        if gone:
            unlink()
        return bool(gone)
    finally:
        cursor.connection.rollback()  # also after an error, so that the lock can be given back
        cursor.execute("SELECT pg_advisory_unlock(%s)", (_key(sha256),))


def unknown(cursor: Cursor, sha256s: Sequence[bytes]) -> list[bytes]:
    """Those of these that no row names."""
    cursor.execute(
        """
        SELECT id FROM unnest(%s::bytea[]) AS id
        WHERE NOT EXISTS (SELECT FROM content WHERE content_id = id)
        """,
        (list(sha256s),),
    )
    return [bytes(sha256) for (sha256,) in cursor.fetchall()]


def _key(sha256: bytes) -> int:
    """The advisory lock of a content: the first 64 bits of its id."""
    return int.from_bytes(sha256[:8], "big", signed=True)
