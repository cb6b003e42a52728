"""The brake, as it is kept: how much maintenance may do at once, and what it holds back."""

from datetime import datetime, timedelta

from psycopg2.extensions import cursor as Cursor

from archive_server.model.integrity import BrakeJob, BrakePolicy, HeldJob

_FRESH = timedelta(days=1)  # so long a release holds

_DUE = {
    BrakeJob.REVISIONS: "SELECT count(*) FROM revision WHERE superseded_at <= %(before)s",
    BrakeJob.TRASH: """
        SELECT count(*) FROM clip WHERE state = 'trashed' AND trashed_at <= %(before)s
        """,
    BrakeJob.CONTENTS: """
        SELECT count(*) FROM released_content AS released
        WHERE EXISTS (SELECT FROM content WHERE content_id = released.content_id)
        AND NOT EXISTS (SELECT FROM revision WHERE content_id = released.content_id)
        AND NOT EXISTS (SELECT FROM lease WHERE content_id = released.content_id)
        """,
    # Those that are there by permission count no more.
    BrakeJob.DAMAGE: """
        SELECT count(*) FROM content WHERE damage IS NOT NULL AND damaged_at > coalesce(
            (SELECT released_at FROM brake WHERE job = 'damage'), '-infinity')
        """,
}
_TOTAL = {
    BrakeJob.TRASH: "SELECT count(*) FROM clip",
    BrakeJob.REVISIONS: "SELECT count(*) FROM revision",
}
_CONTENTS = "SELECT count(*) FROM content"


def due(cursor: Cursor, job: BrakeJob, before: datetime | None = None) -> int:
    """How much a job would do now; of damage, how much it has done."""
    return _count(cursor, _DUE[job], before=before)


def admits(cursor: Cursor, job: BrakeJob, wanted: int, policy: BrakePolicy, at: datetime) -> bool:
    """Whether a job may do so much now; if not, that is noted, and so is the end of it.

    Until the transaction ends, nobody else asks for the same job.
    """
    if wanted == 0:
        _let_go(cursor, job)
        return True
    cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended(%s, 2))", (job.value,))
    allowed = _allowed(cursor, job, at)
    least = min(policy.most or job.few, job.few)  # no need to count all there are
    total = 0 if wanted <= least else _count(cursor, _TOTAL.get(job, _CONTENTS))
    limit = policy.limit(job, total)
    if limit is None or wanted <= limit + allowed:
        _let_go(cursor, job)
        return True
    cursor.execute(
        """
        INSERT INTO brake (job, held, total, held_since)
        VALUES (%(job)s, %(held)s, %(total)s, %(at)s)
        ON CONFLICT (job) DO UPDATE SET held = EXCLUDED.held, total = EXCLUDED.total,
            held_since = coalesce(brake.held_since, EXCLUDED.held_since)
        """,
        {"job": job.value, "held": wanted, "total": total, "at": at},
    )
    return False


def spend(cursor: Cursor, job: BrakeJob) -> int:
    """End a permission, since what it was given for is done; return how much it was for."""
    cursor.execute(
        """
        UPDATE brake SET allowed = 0 FROM (SELECT job, allowed FROM brake FOR UPDATE) AS old
        WHERE brake.job = %s AND old.job = brake.job RETURNING old.allowed
        """,
        (job.value,),
    )
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def allow_more(cursor: Cursor, job: BrakeJob, count: int, at: datetime) -> None:
    """Let a job do so much more than it may already."""
    release(cursor, job, _allowed(cursor, job, at) + count, at)


def release(cursor: Cursor, job: BrakeJob, count: int | None, at: datetime) -> int:
    """Let a job do so much more than usual, or (None) what it holds back; return how much."""
    if count is None:
        count = next((each.held for each in list_held(cursor) if each.job is job), 0)
    cursor.execute(
        """
        INSERT INTO brake (job, allowed, released_at) VALUES (%(job)s, %(count)s, %(at)s)
        ON CONFLICT (job) DO UPDATE SET allowed = EXCLUDED.allowed, released_at = %(at)s,
            held = 0, held_since = NULL
        """,
        {"job": job.value, "count": count, "at": at},
    )
    return count


def list_held(cursor: Cursor) -> list[HeldJob]:
    """What is held back, the oldest first."""
    cursor.execute(
        "SELECT job, held, total, held_since FROM brake WHERE held > 0 ORDER BY held_since, job"
    )
    return [HeldJob(BrakeJob(job), *others) for job, *others in cursor.fetchall()]


def _allowed(cursor: Cursor, job: BrakeJob, at: datetime) -> int:
    cursor.execute(
        "SELECT allowed FROM brake WHERE job = %s AND released_at > %s", (job.value, at - _FRESH)
    )
    row = cursor.fetchone()
    return int(row[0]) if row else 0


def _let_go(cursor: Cursor, job: BrakeJob) -> None:
    cursor.execute(
        "UPDATE brake SET held = 0, held_since = NULL WHERE job = %s AND held > 0", (job.value,)
    )


def _count(cursor: Cursor, query: str, before: datetime | None = None) -> int:
    cursor.execute(query, {"before": before})
    (count,) = cursor.fetchone() or (0,)
    return int(count)
