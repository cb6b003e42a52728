"""Metadata documents, as they are kept: canonical XML that never changes."""

from psycopg2.extensions import cursor as Cursor

from archive_server.database.prepared import Prepared
from archive_server.errors import NotFound

_REMOVE = Prepared(
    "remove_document",
    ("bigint",),
    """
    DELETE FROM document WHERE document_id = $1
    AND NOT EXISTS (SELECT FROM clip WHERE document_id = $1)
    AND NOT EXISTS (SELECT FROM lease WHERE document_id = $1)
    AND NOT EXISTS (SELECT FROM playlist_revision WHERE document_id = $1)
    """,
)


def add(cursor: Cursor, xml: str) -> int:
    """Keep a document; return its number."""
    cursor.execute("INSERT INTO document (xml) VALUES (%s) RETURNING document_id", (xml,))
    (document_id,) = cursor.fetchone() or (0,)
    return int(document_id)


def xml(cursor: Cursor, document_id: int) -> str:
    """The document with this number, which a clip or a lease refers to."""
    cursor.execute("SELECT xml FROM document WHERE document_id = %s", (document_id,))
    (text,) = cursor.fetchone() or ("",)
    return str(text)


def xml_now(cursor: Cursor, clip_id: int) -> str:
    """The document of a clip that nobody holds, as it is now. Raises NotFound.

    In one statement: the one that the clip had when it was looked at may be gone, and replaced.
    """
    cursor.execute(
        "SELECT xml FROM clip JOIN document USING (document_id) WHERE clip_id = %s", (clip_id,)
    )
    row = cursor.fetchone()
    if row is None:
        raise NotFound("this has just been removed")
    return str(row[0])


def remove_unless_used(cursor: Cursor, document_id: int) -> None:
    """Drop a document that no clip, no version of a playlist and no lease refers to.

    The caller holds the clip it belonged to, or has found that no clip has it, so no new lease can
    come to refer to it meanwhile: leases are made under a lock of the clip.
    """
    cursor.execute(removal(cursor, document_id))


def removal(cursor: Cursor, document_id: int) -> bytes:
    """What executes `remove_unless_used`, to go with other statements."""
    return _REMOVE.call(cursor, document_id)


def remove_unused(cursor: Cursor) -> int:
    """Drop all documents that nothing refers to: what two leases closing at once left behind."""
    cursor.execute(
        """
        DELETE FROM document WHERE document_id IN (
            SELECT document_id FROM document
            LEFT JOIN clip USING (document_id) LEFT JOIN lease USING (document_id)
            LEFT JOIN playlist_revision USING (document_id)
            WHERE clip.clip_id IS NULL AND token IS NULL AND playlist_revision.clip_id IS NULL
            FOR UPDATE OF document SKIP LOCKED)
        """
    )
    return cursor.rowcount
