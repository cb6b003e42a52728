"""Jobs, as they are kept."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2.extensions import cursor as Cursor

from archive_server.errors import UnknownToken, WrongToken
from archive_server.model.jobs import JobState, JobStatus
from archive_server.model.users import Caller, Role


@dataclass(frozen=True, slots=True)
class Claimed:
    """A job that somebody begins to do; the caller is None if the user is gone."""

    token: str
    kind: str
    parameters: Mapping[str, Any]
    caller: Caller | None


def add(
    cursor: Cursor,
    token: str,
    kind: str,
    parameters: Mapping[str, Any],
    *,
    user_id: int,
    at: datetime,
) -> None:
    """Ask for something to be done."""
    cursor.execute(
        """
        INSERT INTO job (token, kind, user_id, parameters, created_at)
        VALUES (%s, %s, %s, %s, %s)
        """,
        (token, kind, user_id, json.dumps(parameters), at),
    )


def get(cursor: Cursor, token: str, kinds: Collection[str]) -> JobState:
    """How it stands with a job of one of these kinds.

    Raises UnknownToken; WrongToken for a job of another kind, an upload or a lease.
    """
    cursor.execute(
        "SELECT kind, status, fault, progress, result FROM job WHERE token = %s", (token,)
    )
    row = cursor.fetchone()
    if row is None:
        raise _not_a_job(cursor, token)
    kind, status, fault, progress, result = row
    if kind not in kinds:
        raise WrongToken(f"this token is for something else ({kind})")
    return JobState(kind, JobStatus(status), fault, progress, result)


def claim(
    cursor: Cursor, kinds: Collection[str], holder: str, *, at: datetime, silent_since: datetime
) -> Claimed | None:
    """Take the oldest job that nobody does, or whose holder has been silent; None: there is none.

    However many processes ask at once, each gets another job.
    """
    cursor.execute(
        """
        UPDATE job SET holder = %(holder)s, beat_at = %(at)s, progress = 0, attempts = attempts + 1
        WHERE token = (
            SELECT token FROM job
            WHERE status = 'working' AND kind = ANY(%(kinds)s)
            AND (beat_at IS NULL OR beat_at <= %(silent_since)s)
            ORDER BY created_at, token LIMIT 1 FOR UPDATE SKIP LOCKED)
        RETURNING token, kind, parameters, user_id
        """,
        {"holder": holder, "at": at, "kinds": sorted(kinds), "silent_since": silent_since},
    )
    row = cursor.fetchone()
    return None if row is None else _claimed(cursor, row)


def beat(cursor: Cursor, token: str, holder: str, *, progress: float, at: datetime) -> bool:
    """Say that the job is being done; False if it is no longer this holder's to do."""
    cursor.execute(
        "UPDATE job SET beat_at = %s, progress = %s WHERE token = %s AND holder = %s",
        (at, progress, token, holder),
    )
    return cursor.rowcount > 0


def succeed(
    cursor: Cursor, token: str, holder: str, result: Mapping[str, Any], at: datetime
) -> bool:
    """End a job well; False if it was no longer this holder's."""
    cursor.execute(
        """
        UPDATE job SET status = 'success', result = %s, progress = 1, ended_at = %s,
                       holder = NULL, beat_at = NULL
        WHERE token = %s AND holder = %s
        """,
        (json.dumps(result), at, token, holder),
    )
    return cursor.rowcount > 0


def fail(cursor: Cursor, token: str, holder: str, fault: str, at: datetime) -> bool:
    """End a job with a fault; False if it was no longer this holder's."""
    cursor.execute(
        """
        UPDATE job SET status = 'fault', fault = %s, ended_at = %s, holder = NULL, beat_at = NULL
        WHERE token = %s AND holder = %s
        """,
        (fault, at, token, holder),
    )
    return cursor.rowcount > 0


def give_back(cursor: Cursor, token: str, holder: str) -> None:
    """Leave a job to whoever comes by next."""
    cursor.execute(
        """
        UPDATE job SET holder = NULL, beat_at = NULL, progress = 0, attempts = attempts - 1
        WHERE token = %s AND holder = %s
        """,
        (token, holder),
    )


def give_up(
    cursor: Cursor, kinds: Collection[str], attempts: int, *, at: datetime, silent_since: datetime
) -> None:
    """End the jobs during which so many processes have died."""
    cursor.execute(
        """
        UPDATE job SET status = 'fault', ended_at = %s, holder = NULL, beat_at = NULL,
                       fault = 'the server ended each time this was tried'
        WHERE status = 'working' AND kind = ANY(%s) AND attempts >= %s AND beat_at <= %s
        """,
        (at, sorted(kinds), attempts, silent_since),
    )


def remove(cursor: Cursor, token: str) -> None:
    """Forget a job; who does it finds out at the next beat."""
    cursor.execute("DELETE FROM job WHERE token = %s", (token,))


def remove_ended(cursor: Cursor, ended_before: datetime) -> list[str]:
    """Forget the jobs that ended before; return their tokens."""
    cursor.execute("DELETE FROM job WHERE ended_at <= %s RETURNING token", (ended_before,))
    return [token for (token,) in cursor.fetchall()]


def tokens(cursor: Cursor) -> set[str]:
    """All jobs there are."""
    cursor.execute("SELECT token FROM job")
    return {token for (token,) in cursor.fetchall()}


def _claimed(cursor: Cursor, row: Sequence[Any]) -> Claimed:
    token, kind, parameters, user_id = row
    cursor.execute("SELECT user_id, login, role FROM users WHERE user_id = %s", (user_id,))
    user = cursor.fetchone()
    caller = None if user is None else Caller(user[0], user[1], Role(user[2]))
    return Claimed(token, kind, parameters, caller)


def _not_a_job(cursor: Cursor, token: str) -> UnknownToken | WrongToken:
    cursor.execute(
        """
        SELECT FROM upload WHERE token = %(token)s
        UNION ALL SELECT FROM lease WHERE token = %(token)s
        """,
        {"token": token},
    )
    if cursor.rowcount:
        return WrongToken("this token is for something else")
    return UnknownToken("unknown, closed or expired token")
