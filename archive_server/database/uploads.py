"""Uploads, as they are kept. The bytes are in the store's staging place."""

from dataclasses import replace
from datetime import datetime, timedelta
from uuid import UUID

from psycopg2.extensions import cursor as Cursor

from archive_server.database.prepared import WITHOUT_WAITING, Prepared, leave
from archive_server.database.reading import Reading, Rows, Statement
from archive_server.errors import UnknownToken, WrongToken
from archive_server.model.clips import Content
from archive_server.model.gunid import Gunid
from archive_server.model.uploads import Purpose, Upload

_COLUMNS = """token, user_id, gunid, file_name, announced_md5, document, total_size,
              sha256, md5, digested_size, last_used_at, purpose, verdict"""

_ADD = Prepared(
    "add_upload",
    ("text", "integer", "text", "uuid", "text", "bytea", "text", "timestamptz"),
    """
    INSERT INTO upload (token, user_id, purpose, gunid, file_name, announced_md5, document,
                        created_at, last_used_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $8)
    """,
)
_FIND = Prepared("find_upload", ("text",), f"SELECT {_COLUMNS} FROM upload WHERE token = $1")  # noqa: S608
_NOTE_TOTAL = Prepared(
    "note_total",
    ("text", "bigint"),
    """
    UPDATE upload
    SET total_size = $2, sha256 = NULL, md5 = NULL, digested_size = NULL, verdict = NULL
    WHERE token = $1 RETURNING token
    """,
)
_NOTE_RECEIVED = Prepared(
    "note_received",
    ("text", "timestamptz", "bytea", "bytea", "bigint", "text"),
    """
    UPDATE upload
    SET sha256 = $3, md5 = $4, digested_size = $5, verdict = $6, last_used_at = $2
    WHERE token = $1 RETURNING token
    """,
)
_REMOVE = Prepared("remove_upload", ("text",), "DELETE FROM upload WHERE token = $1")

_TOUCH = "UPDATE upload SET last_used_at = %s WHERE token = %s"
_FIND_ELSEWHERE = """
    SELECT FROM lease WHERE token = %s UNION ALL SELECT FROM job WHERE token = %s
"""

# Uses are noted this far apart: a transaction that writes nothing waits for no disk.
_RESOLUTION = timedelta(minutes=1)


def add(cursor: Cursor, upload: Upload) -> None:
    """Begin an upload."""
    adding = _ADD.call(
        cursor,
        upload.token,
        upload.user_id,
        upload.purpose.value,
        upload.gunid and upload.gunid.uuid,
        upload.file_name,
        upload.announced_md5,
        upload.document,
        upload.last_used_at,
    )
    leave(cursor, adding)


def use(token: str, *, at: datetime, used_after: datetime) -> Reading[Upload]:
    """The upload with this token; counts as a use, which may be noted twice.

    Raises UnknownToken, or WrongToken for one that is a lease.
    """
    upload = _found((yield Statement.of(_FIND, token)))
    if upload is None or upload.last_used_at <= used_after:
        if (yield Statement(_FIND_ELSEWHERE, (token, token))):
            raise WrongToken("this token is for something else than an upload")
        raise UnknownToken("unknown, closed or expired upload token")
    if at - upload.last_used_at > _RESOLUTION:
        yield Statement(f"{_TOUCH} RETURNING token", (at, token))
    return upload


def get(cursor: Cursor, token: str) -> Upload:
    """The upload with this token as it is now. Raises UnknownToken when it has ended."""
    _FIND.execute(cursor, token)
    upload = _found(cursor.fetchall())
    if upload is None:
        raise UnknownToken("unknown, closed or expired upload token")
    return upload


def _found(rows: Rows) -> Upload | None:
    return _upload(*rows[0]) if rows else None


def _upload(
    token: str,
    user_id: int,
    gunid: UUID | None,
    file_name: str,
    announced_md5: memoryview | None,
    document: str | None,
    total_size: int | None,
    sha256: memoryview | None,
    md5: memoryview | None,
    digested_size: int | None,
    last_used_at: datetime,
    purpose: str,
    verdict: str | None,
) -> Upload:
    digested = None
    if sha256 is not None and md5 is not None and digested_size is not None:
        digested = Content(bytes(sha256), bytes(md5), digested_size)
    return Upload(
        token,
        user_id,
        None if gunid is None else Gunid(gunid),
        file_name,
        None if announced_md5 is None else bytes(announced_md5),
        document,
        total_size,
        digested,
        last_used_at,
        Purpose(purpose),
        verdict,
    )


def note_total(token: str, total_size: int | None, *, waits: bool) -> Reading[None]:
    """Keep how many bytes the client means to send; what was received is about to change.

    `waits`: not without the disk. Raises UnknownToken when it has ended.
    """
    noting = Statement.of(_NOTE_TOTAL, token, total_size)
    if not (yield noting if waits else _without_waiting(noting)):
        raise UnknownToken("unknown, closed or expired upload token")


def note_received(
    token: str, digested: Content | None, verdict: str | None, at: datetime
) -> Reading[None]:
    """Keep the digests of the bytes received and what the probe says of them, as far as known.

    Nobody waits for the disk: what a power cut takes back is computed again from the bytes.
    """
    sha256, md5 = digested and digested.sha256, digested and digested.md5
    size = digested and digested.size
    yield _without_waiting(Statement.of(_NOTE_RECEIVED, token, at, sha256, md5, size, verdict))


def _without_waiting(noting: Statement) -> Statement:
    """The same, committed without the disk: both are one transaction, being one message."""
    return replace(noting, text=f"{WITHOUT_WAITING.decode()}; {noting.text}")


def touch(cursor: Cursor, token: str, at: datetime) -> None:
    """Count as a use."""
    cursor.execute(_TOUCH, (at, token))


def touch_all(cursor: Cursor, at: datetime) -> None:
    """Count as a use of every upload."""
    cursor.execute("UPDATE upload SET last_used_at = %s", (at,))


def hand_over(cursor: Cursor, token: str) -> None:
    """Leave a backup that has arrived to a job. Raises UnknownToken where that was done before."""
    cursor.execute(
        "UPDATE upload SET purpose = 'restoring' WHERE token = %s AND purpose = 'restore'",
        (token,),
    )
    if cursor.rowcount == 0:
        raise UnknownToken("unknown, closed or expired upload token")


def remove(cursor: Cursor, token: str) -> None:
    """End an upload. Raises UnknownToken when it has ended already."""
    _REMOVE.execute(cursor, token)
    if cursor.rowcount == 0:
        raise UnknownToken("unknown, closed or expired upload token")


def remove_expired(cursor: Cursor, used_before: datetime) -> list[str]:
    """End uploads nobody has used since, or that a job has done with; return their tokens."""
    cursor.execute(
        """
        DELETE FROM upload WHERE CASE WHEN purpose = 'restoring'
            THEN NOT EXISTS (SELECT FROM job WHERE status = 'working'
                             AND parameters ->> 'upload' = upload.token)
            ELSE last_used_at <= %s END
        RETURNING token
        """,
        (used_before,),
    )
    return [token for (token,) in cursor.fetchall()]


def tokens(cursor: Cursor) -> set[str]:
    """All uploads there are."""
    cursor.execute("SELECT token FROM upload")
    return {token for (token,) in cursor.fetchall()}
