"""Leases, as they are kept."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from psycopg2.extensions import cursor as Cursor

from archive_server.errors import UnknownToken, WrongToken
from archive_server.model.clips import AudioFormat, Clip, Revision
from archive_server.model.gunid import Gunid
from archive_server.model.leases import AudioLease, DocumentLease, Lease, LeaseKind

_LEASE = """SELECT token, kind, gunid, lease.file_name, lease.content_id, content.md5,
                   content.size, format, content.created_at, lease.document_id, xml,
                   document.created_at
            FROM lease LEFT JOIN content USING (content_id)
            LEFT JOIN document USING (document_id)"""


def add_audio(
    cursor: Cursor,
    token: str,
    kind: LeaseKind,
    clip: Clip,
    revision: Revision,
    *,
    user_id: int,
    at: datetime,
) -> None:
    """Lease a revision of a clip."""
    cursor.execute(
        """
        INSERT INTO lease (token, kind, user_id, gunid, file_name, content_id, format, created_at,
                           last_used_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            token,
            kind.value,
            user_id,
            clip.gunid.uuid,
            clip.file_name,
            revision.content.sha256,
            revision.facts.format.value,
            at,
            at,
        ),
    )


def add_document(cursor: Cursor, token: str, clip: Clip, *, user_id: int, at: datetime) -> None:
    """Lease the document a clip has now."""
    cursor.execute(
        """
        INSERT INTO lease (token, kind, user_id, gunid, file_name, document_id, created_at,
                           last_used_at)
        VALUES (%s, 'document', %s, %s, %s, %s, %s, %s)
        """,
        (token, user_id, clip.gunid.uuid, clip.file_name, clip.document_id, at, at),
    )


def get(cursor: Cursor, token: str, *, used_after: datetime) -> Lease:
    """The lease with this token. Raises UnknownToken; WrongToken for the token of an upload.

    Leases of files do not expire by disuse that we could see: see `list_expired`.
    """
    cursor.execute(
        f"{_LEASE} WHERE token = %s AND (lease.last_used_at > %s OR kind = 'file')",
        (token, used_after),
    )
    row = cursor.fetchone()
    if row is None:
        cursor.execute("SELECT FROM upload WHERE token = %s", (token,))
        if cursor.rowcount:
            raise WrongToken("this token takes an upload; it does not read")
        raise UnknownToken("unknown, closed or expired token")
    return _lease(row)


def touch(cursor: Cursor, tokens: Collection[str], at: datetime) -> None:
    """Count as a use of each of these leases."""
    cursor.execute("UPDATE lease SET last_used_at = %s WHERE token = ANY(%s)", (at, sorted(tokens)))


def touch_all(cursor: Cursor, at: datetime) -> None:
    """Count as a use of every lease."""
    cursor.execute("UPDATE lease SET last_used_at = %s", (at,))


def remove(cursor: Cursor, token: str) -> None:
    """End a lease."""
    cursor.execute("DELETE FROM lease WHERE token = %s", (token,))


def list_expired(
    cursor: Cursor, *, used_before: datetime, files_used_before: datetime | None
) -> list[Lease]:
    """Leases that nobody has used since; those of files only if a time is given for them.

    Until the transaction ends nobody uses them; what is just being used is left out.
    """
    cursor.execute(
        f"""{_LEASE} WHERE lease.last_used_at <= CASE kind WHEN 'file' THEN %s ELSE %s END
            FOR UPDATE OF lease SKIP LOCKED""",
        (files_used_before, used_before),
    )
    return [_lease(row) for row in cursor.fetchall()]


def file_tokens(cursor: Cursor) -> dict[str, str]:
    """All leases of files: token to file name extension."""
    cursor.execute("SELECT token, format FROM lease WHERE kind = 'file'")
    return dict(cursor.fetchall())


def _lease(row: Sequence[Any]) -> Lease:
    token, kind, gunid, file_name, sha256, md5, size, audio_format, stored_at = row[:9]
    document_id, xml, written_at = row[9:]
    if kind == LeaseKind.DOCUMENT:
        return DocumentLease(token, Gunid(gunid), file_name, document_id, xml, written_at)
    return AudioLease(
        token,
        LeaseKind(kind),
        Gunid(gunid),
        file_name,
        bytes(sha256),
        bytes(md5),
        size,
        AudioFormat(audio_format),
        stored_at,
    )
