"""The journal, as it is kept: one row for each change, in the transaction that makes it.

How numbers are given out so that no reader misses one is told in schema/0010_operations.sql.
"""

from collections.abc import Collection, Sequence
from datetime import datetime

from psycopg2.extensions import cursor as Cursor

from archive_server.database.prepared import Prepared
from archive_server.model.clips import FileType
from archive_server.model.gunid import Gunid
from archive_server.model.journal import AUDITED, AuditEvent, AuditKind, Event, EventKind
from archive_server.model.users import Caller

_ADD = Prepared(
    "add_event",
    ("integer", "timestamptz", "text", "integer", "text", "text"),
    """
    INSERT INTO journal (at, event, gunid, file_type, revision, login, address)
    SELECT $2, $3, gunid, file_type,
           coalesce($4, revision, (SELECT max(number) FROM playlist_revision AS p
                                   WHERE p.clip_id = clip.clip_id)),
           $5, $6
    FROM clip WHERE clip_id = $1
    """,
)


def add(
    cursor: Cursor,
    kind: EventKind,
    clip_id: int,
    *,
    by: Caller | None,
    at: datetime,
    revision: int | None = None,
) -> None:
    """Note what happened to an item that is there, and who did it (None: the archive itself).

    Without a `revision` it is about the one that the item has now.
    """
    cursor.execute(addition(cursor, kind, clip_id, by=by, at=at, revision=revision))
    assert cursor.rowcount == 1, "what an event is about is there: it is noted before a removal"


def addition(
    cursor: Cursor,
    kind: EventKind,
    clip_id: int,
    *,
    by: Caller | None,
    at: datetime,
    revision: int | None = None,
) -> bytes:
    """What executes `add`, to go with other statements."""
    login, address = by and by.login, by and by.address
    return _ADD.call(cursor, clip_id, at, kind.value, revision, login, address)


def add_all(
    cursor: Cursor, kind: EventKind, clip_ids: Sequence[int], *, login: str, at: datetime
) -> None:
    """As `add`, for many clips with audio to which the same has happened."""
    cursor.execute(
        """
        INSERT INTO journal (at, event, gunid, file_type, revision, login)
        SELECT %s, %s, gunid, file_type, revision, %s FROM clip
        WHERE clip_id = ANY(%s) ORDER BY clip_id
        """,
        (at, kind.value, login, list(clip_ids)),
    )
    assert cursor.rowcount == len(clip_ids), "they are there"


def add_audit(
    cursor: Cursor,
    kind: AuditKind,
    subject: str,
    *,
    by: Caller | None,
    detail: str = "",
    address: str | None = None,
) -> None:
    """Note what was done to a user, say, and by whom (None: nobody who has logged in).

    `address` is where they are, where `by` does not tell.
    """
    cursor.execute(
        """
        INSERT INTO journal (at, event, subject, detail, login, address)
        VALUES (now(), %s, %s, %s, %s, %s)
        """,
        (
            kind.value,
            subject,
            detail or None,
            by and by.login,
            address or (by and by.address),
        ),
    )


def add_of_content(cursor: Cursor, kind: EventKind, sha256: bytes, at: datetime) -> None:
    """Note what happened to bytes, for each revision that has them; the archive itself did it."""
    cursor.execute(
        """
        INSERT INTO journal (at, event, gunid, file_type, revision)
        SELECT %s, %s, gunid, file_type, number FROM clip JOIN revision USING (clip_id)
        WHERE content_id = %s ORDER BY clip_id, number
        """,
        (at, kind.value, sha256),
    )


def horizon(cursor: Cursor) -> int:
    """Up to which number the next statement sees all there will ever be."""
    cursor.execute("SELECT journal_horizon()")
    (number,) = cursor.fetchone() or (0,)
    return int(number)


def list_between(
    cursor: Cursor, after: int, through: int, kinds: Collection[EventKind], limit: int
) -> list[Event]:
    """The first events after a number, up to another one, of these kinds (none: of all).

    Events of the library, that is; for the others see `list_audit`.
    """
    cursor.execute(
        """
        SELECT number, at, event, gunid, file_type, revision, login, address FROM journal
        WHERE number > %(after)s AND number <= %(through)s AND gunid IS NOT NULL
        AND (%(kinds)s = '{}' OR event = ANY(%(kinds)s))
        ORDER BY number LIMIT %(limit)s
        """,
        {
            "after": after,
            "through": through,
            "kinds": [kind.value for kind in kinds],
            "limit": limit,
        },
    )
    return [
        Event(
            number,
            at,
            EventKind(kind),
            Gunid(gunid),
            FileType(file_type) if file_type else None,
            revision,
            login,
            address,
        )
        for number, at, kind, gunid, file_type, revision, login, address in cursor.fetchall()
    ]


def list_audit(cursor: Cursor, after: int, through: int, limit: int) -> list[AuditEvent]:
    """The first after a number, up to another one, that an auditor wants to know of."""
    cursor.execute(
        """
        SELECT number, at, event, gunid, subject, coalesce(detail, ''), login, address
        FROM journal
        WHERE number > %s AND number <= %s AND (gunid IS NULL OR event = ANY(%s))
        ORDER BY number LIMIT %s
        """,
        (after, through, [kind.value for kind in AUDITED], limit),
    )
    return [
        AuditEvent(
            number,
            at,
            AuditKind(kind) if gunid is None else EventKind(kind),
            subject if gunid is None else str(Gunid(gunid)),
            *rest,
        )
        for number, at, kind, gunid, subject, *rest in cursor.fetchall()
    ]


def told_of(cursor: Cursor, gunids: Sequence[Gunid], after: int) -> set[Gunid]:
    """Those of these items that have changed after an event."""
    cursor.execute(
        """
        SELECT DISTINCT gunid FROM journal
        WHERE number > %s AND gunid = ANY (%s::uuid[]) AND event <> 'accessed'
        """,
        (after, [each.uuid for each in gunids]),
    )
    return {Gunid(gunid) for (gunid,) in cursor.fetchall()}


def last(cursor: Cursor, through: int) -> int:
    """The number of the last row up to this one, whatever its kind; 0: there is none.

    It is committed, so the disk has it: no number up to it is given out again after a crash. Of
    the sequence that cannot be said.
    """
    cursor.execute("SELECT coalesce(max(number), 0) FROM journal WHERE number <= %s", (through,))
    (number,) = cursor.fetchone() or (0,)
    return int(number)


def bounds(cursor: Cursor) -> tuple[int, int]:
    """The last number that is no longer kept, and the last that was given out."""
    cursor.execute("SELECT through, (SELECT last_value FROM journal_number) FROM journal_pruned")
    pruned, newest = cursor.fetchone() or (0, 0)
    return pruned, newest


def prune(cursor: Cursor, before: datetime, most: int) -> int:
    """Remove the oldest events, up to the first that is not older; return how many went.

    It looks at no more than `most`.
    """
    through = horizon(cursor)
    cursor.execute(
        """
        WITH oldest AS (
            SELECT number, at FROM journal WHERE number <= %(through)s
            ORDER BY number LIMIT %(most)s
        ), removed AS (
            DELETE FROM journal
            WHERE number <= (SELECT max(number) FROM oldest) AND number < coalesce(
                (SELECT min(number) FROM oldest WHERE at > %(before)s), %(through)s + 1)
            RETURNING number
        ), noted AS (
            UPDATE journal_pruned SET through = greatest(through, (SELECT max(number) FROM removed))
            WHERE EXISTS (SELECT FROM removed)
        )
        SELECT count(*) FROM removed
        """,
        {"through": through, "most": most, "before": before},
    )
    (count,) = cursor.fetchone() or (0,)
    return int(count)
