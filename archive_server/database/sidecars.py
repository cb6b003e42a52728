"""What sidecars have yet to say: the cursor in the journal, and what triggers have noted."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg2.extensions import cursor as Cursor

from archive_server.database import journal
from archive_server.database.prepared import WITHOUT_WAITING, leave
from archive_server.model.gunid import Gunid

_LOCK = 0x51DECA


@dataclass(frozen=True, slots=True)
class Progress:
    """How far they have come."""

    journal: int  # the last event whose item has been written
    passed: int | None  # the last item, by its number, of the pass over all; None: it is over


def is_due(cursor: Cursor) -> bool:
    """Whether anything may have to be written. Cheap enough to be asked all the time."""
    cursor.execute(
        """
        SELECT passed IS NOT NULL OR journal < (SELECT last_value FROM journal_number)
               OR EXISTS (SELECT FROM sidecar_due)
        FROM sidecar_progress
        """
    )
    (due,) = cursor.fetchone() or (False,)
    return bool(due)


def is_passing(cursor: Cursor) -> bool:
    """Whether the pass over all items is under way."""
    cursor.execute("SELECT passed IS NOT NULL FROM sidecar_progress")
    (passing,) = cursor.fetchone() or (False,)
    return bool(passing)


def is_only_writer(cursor: Cursor) -> bool:
    """Keep other writers away until the transaction ends; False: there is another one."""
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (_LOCK,))
    (locked,) = cursor.fetchone() or (False,)
    return bool(locked)


def become_only_writer(cursor: Cursor) -> None:
    """As `is_only_writer`, after waiting for the others."""
    cursor.execute("SELECT pg_advisory_xact_lock(%s)", (_LOCK,))


def progress(cursor: Cursor) -> Progress:
    """How far they have come; where the journal does not reach back so far, all begin anew.

    Until the transaction ends nobody asks for another pass, which `note` would forget.
    """
    cursor.execute(
        """
        UPDATE sidecar_progress SET journal = through, passed = 0
        FROM journal_pruned WHERE through > journal
        """
    )
    cursor.execute("SELECT journal, passed FROM sidecar_progress FOR UPDATE")
    reached, passed = cursor.fetchone() or (0, 0)
    return Progress(reached, passed)


def note(cursor: Cursor, reached: Progress) -> None:
    """Note how far they have come, in a transaction that notes nothing else.

    Nobody waits for the disk: what a power cut takes back is written once more, to the same texts.
    """
    noting = "UPDATE sidecar_progress SET journal = %s, passed = %s"
    leave(cursor, WITHOUT_WAITING, cursor.mogrify(noting, (reached.journal, reached.passed)))


def changed(cursor: Cursor, after: int, limit: int) -> tuple[list[Gunid], int]:
    """The items of the next events, and the last event that was looked at."""
    through = journal.horizon(cursor)
    cursor.execute(
        """
        SELECT number, gunid FROM journal
        WHERE number > %s AND number <= %s AND event <> 'accessed' AND gunid IS NOT NULL
        ORDER BY number LIMIT %s
        """,
        (after, through, limit),
    )
    rows = cursor.fetchall()
    reached = rows[-1][0] if len(rows) == limit else max(through, after)
    return [Gunid(gunid) for _, gunid in rows], reached


def noted(cursor: Cursor, limit: int) -> tuple[list[int], list[Gunid], bool]:
    """What triggers have noted: the rows, the items, and whether there is anything else."""
    cursor.execute("SELECT due_id, gunid FROM sidecar_due ORDER BY due_id LIMIT %s", (limit,))
    rows = cursor.fetchall()
    gunids = [Gunid(gunid) for _, gunid in rows if gunid is not None]
    return [due_id for due_id, _ in rows], gunids, len(gunids) < len(rows)


def forget(cursor: Cursor, due: Sequence[int]) -> None:
    """Forget what was noted: it has been written."""
    if due:
        cursor.execute("DELETE FROM sidecar_due WHERE due_id = ANY (%s)", (list(due),))


def pending(cursor: Cursor, numbers: Sequence[int]) -> set[int]:
    """Those of these items, by their numbers, that may not be written as they are now."""
    cursor.execute(
        """
        WITH due (gunid) AS (
            SELECT gunid FROM sidecar_due
            UNION ALL
            SELECT gunid FROM journal WHERE number > (SELECT journal FROM sidecar_progress)
        )
        SELECT clip_id FROM clip WHERE clip_id = ANY (%(numbers)s)
        AND (gunid IN (SELECT gunid FROM due) OR clip_id > (SELECT passed FROM sidecar_progress))
        """,
        {"numbers": list(numbers)},
    )
    return {number for (number,) in cursor.fetchall()}


def demand(cursor: Cursor, gunids: Sequence[Gunid]) -> None:
    """Let these be written once more."""
    cursor.execute(
        "INSERT INTO sidecar_due (gunid) SELECT unnest(%s::uuid[])",
        ([each.uuid for each in gunids],),
    )


def behind(cursor: Cursor) -> tuple[int, datetime | None]:
    """How many changes are not written yet, and since when the oldest of them waits."""
    cursor.execute(
        """
        SELECT sum(n)::bigint, min(at) FROM (
            SELECT count(*) AS n, min(at) AS at FROM sidecar_due
            UNION ALL
            SELECT count(*), min(at) FROM journal
            WHERE event <> 'accessed' AND gunid IS NOT NULL
            AND number > (SELECT journal FROM sidecar_progress)
        ) AS waiting
        """
    )
    count, since = cursor.fetchone() or (0, None)
    return int(count), since
