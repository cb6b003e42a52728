"""Leases, as they are kept."""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from psycopg2.extensions import cursor as Cursor

from archive_server.database import documents
from archive_server.errors import UnknownToken, WrongToken
from archive_server.model.clips import AudioFormat, Clip, Revision
from archive_server.model.gunid import Gunid
from archive_server.model.leases import AudioLease, DocumentLease, ExportLease, Lease, LeaseKind

_LEASE = """SELECT token, kind, gunid, lease.file_name, lease.content_id, content.md5,
                   content.size, format, content.created_at, lease.document_id, xml,
                   document.created_at, lease.created_at, content.damage IS NOT NULL
            FROM lease LEFT JOIN content USING (content_id)
            LEFT JOIN document USING (document_id)"""

# Who holds these is not seen using them: a player reads files on the disk, Studio keeps the tokens
# of playlists for days. What is leased together with something else lives as long as that.
_UNSEEN = "(kind IN ('file', 'playlist', 'edit') OR parent IS NOT NULL)"


def add_audio(
    cursor: Cursor,
    token: str,
    kind: LeaseKind,
    clip: Clip,
    revision: Revision,
    *,
    user_id: int,
    at: datetime,
    parent: str | None = None,
) -> None:
    """Lease a revision of a clip, alone or together with the lease `parent`."""
    cursor.execute(
        """
        INSERT INTO lease (token, parent, kind, user_id, gunid, file_name, content_id, format,
                           created_at, last_used_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            token,
            parent,
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


def add_document(
    cursor: Cursor,
    token: str,
    clip: Clip,
    *,
    user_id: int,
    at: datetime,
    kind: LeaseKind = LeaseKind.DOCUMENT,
    parent: str | None = None,
) -> None:
    """Lease the document a clip has now, alone or together with the lease `parent`."""
    cursor.execute(
        """
        INSERT INTO lease (token, parent, kind, user_id, gunid, file_name, document_id, created_at,
                           last_used_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s, %s, %s)
        """,
        (
            token,
            parent,
            kind.value,
            user_id,
            clip.gunid.uuid,
            clip.file_name,
            clip.document_id,
            at,
            at,
        ),
    )


def get(cursor: Cursor, token: str, *, used_after: datetime) -> Lease:
    """The lease with this token. Raises UnknownToken; WrongToken for the token of an upload.

    Some leases do not expire by disuse that we could see: see `list_expired`.
    """
    cursor.execute(
        f"{_LEASE} WHERE token = %s AND (lease.last_used_at > %s OR {_UNSEEN})",
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
    # Of several at once one may come late: the use it tells of is not the last any more.
    cursor.execute(
        "UPDATE lease SET last_used_at = %(at)s WHERE token = ANY(%(tokens)s) "
        "AND last_used_at < %(at)s",
        {"at": at, "tokens": sorted(tokens)},
    )


def touch_all(cursor: Cursor, at: datetime) -> None:
    """Count as a use of every lease."""
    cursor.execute("UPDATE lease SET last_used_at = %s", (at,))


def end(cursor: Cursor, token: str) -> list[Lease]:
    """End a lease and those that were made together with it; return them all.

    What only they have kept is removed, but for files on the disk: those are for the caller, once
    this is committed. Raises UnknownToken when it has ended already: of two who end it at the same
    time, by saving a playlist and by giving it up, say, one must not believe that they have.
    """
    cursor.execute(
        f"""
        WITH RECURSIVE ended (token) AS (
            SELECT %s
            UNION ALL
            SELECT lease.token FROM lease JOIN ended ON lease.parent = ended.token
        )
        {_LEASE} JOIN ended USING (token) FOR UPDATE OF lease
        """,  # noqa: S608
        (token,),
    )
    ended = [_lease(row) for row in cursor.fetchall()]
    if not ended:
        raise UnknownToken("unknown, closed or expired token")
    cursor.execute("DELETE FROM lease WHERE token = %s", (token,))  # its children with it
    for document_id in sorted(
        {each.document_id for each in ended if isinstance(each, DocumentLease)}
    ):
        documents.remove_unless_used(cursor, document_id)
    return ended


def list_expired(
    cursor: Cursor, *, used_before: datetime, unseen_used_before: datetime | None
) -> list[str]:
    """The tokens of leases that nobody has used since.

    Until the transaction ends nobody uses them; what is just being used is left out. Files and
    playlists may be in use without our seeing it: they have a time of their own, or none. The
    right to change a playlist does not expire.
    """
    cursor.execute(
        """
        SELECT token FROM lease WHERE parent IS NULL AND last_used_at <= CASE
            WHEN kind IN ('file', 'playlist') THEN %s
            WHEN kind <> 'edit' THEN %s END
        FOR UPDATE SKIP LOCKED
        """,
        (unseen_used_before, used_before),
    )
    return [token for (token,) in cursor.fetchall()]


def file_tokens(cursor: Cursor) -> dict[str, str]:
    """All leases of files: token to file name extension."""
    cursor.execute("SELECT token, format FROM lease WHERE kind = 'file'")
    return dict(cursor.fetchall())


def files_of(cursor: Cursor, sha256: bytes) -> list[tuple[str, str]]:
    """Token and extension of the leases that have some content as a file; they stay meanwhile."""
    cursor.execute(
        "SELECT token, format FROM lease WHERE content_id = %s AND kind = 'file' FOR UPDATE",
        (sha256,),
    )
    return cursor.fetchall()


def await_files(cursor: Cursor, tokens: Collection[str]) -> None:
    """Note that the files of these leases were taken away until their audio is whole again."""
    cursor.execute("UPDATE lease SET awaits_file = true WHERE token = ANY(%s)", (list(tokens),))


def awaited_files(cursor: Cursor) -> list[tuple[str, str, bytes]]:
    """Token, extension and content of leases that can have their files again; they stay."""
    cursor.execute(
        """
        SELECT token, format, content_id FROM lease JOIN content USING (content_id)
        WHERE awaits_file AND damage IS NULL FOR UPDATE OF lease
        """
    )
    return [(token, extension, bytes(sha256)) for token, extension, sha256 in cursor.fetchall()]


def note_file(cursor: Cursor, token: str) -> None:
    """Note that a lease has its file again."""
    cursor.execute("UPDATE lease SET awaits_file = false WHERE token = %s", (token,))


def awaiting_tokens(cursor: Cursor) -> set[str]:
    """The leases whose files were taken away."""
    cursor.execute("SELECT token FROM lease WHERE awaits_file")
    return {token for (token,) in cursor.fetchall()}


def _lease(row: Sequence[Any]) -> Lease:
    token, kind, gunid, file_name, sha256, md5, size, audio_format, stored_at = row[:9]
    document_id, xml, written_at, leased_at, is_damaged = row[9:]
    if document_id is not None:
        return DocumentLease(
            token, LeaseKind(kind), Gunid(gunid), file_name, document_id, xml, written_at
        )
    if sha256 is None:
        return ExportLease(token, Gunid(gunid), file_name, leased_at)
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
        is_damaged,
    )
