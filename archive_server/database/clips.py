"""Clips and their revisions, as they are kept."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from psycopg2.extensions import cursor as Cursor

from archive_server.database import documents
from archive_server.database.prepared import Prepared, execute_all
from archive_server.errors import NotFound
from archive_server.model.clips import (
    AudioFacts,
    AudioFormat,
    Clip,
    ClipState,
    Content,
    FileType,
    Revision,
)
from archive_server.model.gunid import Gunid

_REVISION = """number, content.content_id, content.md5, content.size, format, duration_us,
               sample_rate, channels, bit_rate, warnings, revision.created_at,
               content.damage IS NOT NULL"""
_CLIP = f"""SELECT clip.clip_id, gunid, file_type, state, file_name, login, owner_id, document_id,
                   mtime, trashed_at, {_REVISION}
            FROM clip LEFT JOIN users ON users.user_id = clip.owner_id
            LEFT JOIN revision ON revision.clip_id = clip.clip_id AND number = clip.revision
            LEFT JOIN content USING (content_id)"""  # noqa: S608
_FIND = Prepared("find_clip", ("uuid",), f"{_CLIP} WHERE gunid = $1")
_FIND_DOCUMENT = Prepared(
    "find_clip_and_document",
    ("uuid",),
    f"SELECT found.*, xml FROM ({_CLIP}) AS found JOIN document USING (document_id)"  # noqa: S608
    " WHERE gunid = $1",
)
_REDESCRIBE = Prepared(
    "redescribe_clip",
    ("text", "integer", "timestamptz"),
    """
    WITH new AS (INSERT INTO document (xml) VALUES ($1) RETURNING document_id)
    UPDATE clip SET document_id = new.document_id, mtime = $3 FROM new WHERE clip_id = $2
    """,
)
_LOCK = Prepared("lock_gunid", ("text",), "SELECT pg_advisory_xact_lock(hashtextextended($1, 1))")


def lock_gunid(cursor: Cursor, gunid: Gunid) -> None:
    """Keep others from changing this clip, or making it, until the transaction ends."""
    _LOCK.execute(cursor, str(gunid))


def hold(cursor: Cursor, gunid: Gunid) -> Clip | None:
    """As `lock_gunid` and `find`, in one round trip."""
    # Two statements, since the second has to see what the first may have waited for.
    execute_all(cursor, _LOCK.call(cursor, str(gunid)), _FIND.call(cursor, gunid.uuid))
    return _found(cursor)


def find(cursor: Cursor, gunid: Gunid) -> Clip | None:
    """The clip with this id, whatever its state, or None."""
    _FIND.execute(cursor, gunid.uuid)
    return _found(cursor)


def get_ready(cursor: Cursor, gunid: Gunid) -> Clip:
    """The clip with this id that can be seen. Raises NotFound."""
    clip = find(cursor, gunid)
    if clip is None or clip.state is not ClipState.READY:
        raise NotFound(f"there is no clip {gunid}")
    return clip


def hold_with_document(cursor: Cursor, gunid: Gunid) -> tuple[Clip, str] | None:
    """As `hold`, and the clip's document."""
    execute_all(cursor, _LOCK.call(cursor, str(gunid)), _FIND_DOCUMENT.call(cursor, gunid.uuid))
    row = cursor.fetchone()
    return (_clip(row[:-1]), row[-1]) if row else None


def get_ready_for_reading(cursor: Cursor, gunid: Gunid) -> Clip:
    """As `get_ready`; until the transaction ends the clip stays as it is."""
    _keep(cursor, gunid)
    return get_ready(cursor, gunid)


def find_for_reading(cursor: Cursor, gunid: Gunid) -> Clip | None:
    """As `find`; until the transaction ends the clip stays as it is."""
    _keep(cursor, gunid)
    return find(cursor, gunid)


def _keep(cursor: Cursor, gunid: Gunid) -> None:
    cursor.execute("SELECT FROM clip WHERE gunid = %s FOR SHARE", (gunid.uuid,))


def find_revision(cursor: Cursor, clip_id: int, number: int) -> Revision | None:
    """One revision of a clip, current or not, or None."""
    cursor.execute(
        f"""SELECT {_REVISION} FROM revision JOIN content USING (content_id)
            WHERE clip_id = %s AND number = %s""",  # noqa: S608
        (clip_id, number),
    )
    row = cursor.fetchone()
    return _revision(row) if row else None


def add(
    cursor: Cursor,
    gunid: Gunid,
    file_type: FileType,
    *,
    owner_id: int,
    file_name: str,
    document_id: int,
    at: datetime,
) -> int:
    """Add what has no audio; return its number. (Clips that have are made by `clip_audio`.)"""
    cursor.execute(
        """
        INSERT INTO clip (gunid, file_type, owner_id, file_name, document_id, mtime, created_at)
        VALUES (%s, %s, %s, %s, %s, %s, %s) RETURNING clip_id
        """,
        (gunid.uuid, file_type.value, owner_id, file_name, document_id, at, at),
    )
    (clip_id,) = cursor.fetchone() or (0,)
    return int(clip_id)


def describe(cursor: Cursor, clip_id: int, document_id: int, at: datetime) -> None:
    """Give a clip another document."""
    cursor.execute(
        "UPDATE clip SET document_id = %s, mtime = %s WHERE clip_id = %s",
        (document_id, at, clip_id),
    )


def redescription(cursor: Cursor, clip: Clip, xml: str, at: datetime) -> tuple[bytes, ...]:
    """What gives a clip another document; the old one goes unless it is used."""
    return (
        _REDESCRIBE.call(cursor, xml, clip.clip_id, at),
        documents.removal(cursor, clip.document_id),
    )


def rename(cursor: Cursor, clip_id: int, file_name: str) -> None:
    """Give a clip another file name."""
    cursor.execute("UPDATE clip SET file_name = %s WHERE clip_id = %s", (file_name, clip_id))


def trash(cursor: Cursor, clip_id: int, at: datetime) -> None:
    """Put a clip where it can only be restored or purged."""
    cursor.execute(
        "UPDATE clip SET state = 'trashed', trashed_at = %s WHERE clip_id = %s", (at, clip_id)
    )


def restore(cursor: Cursor, clip_id: int) -> None:
    """Take a clip out of the trash."""
    cursor.execute(
        "UPDATE clip SET state = 'ready', trashed_at = NULL WHERE clip_id = %s", (clip_id,)
    )


def remove(cursor: Cursor, clip_id: int) -> None:
    """Remove a clip and its revisions; contents and documents are left to what refers to them."""
    cursor.execute("DELETE FROM clip WHERE clip_id = %s", (clip_id,))


def list_trashed(cursor: Cursor, trashed_before: datetime | None = None) -> list[Clip]:
    """What is in the trash, oldest first; with a time, only what has been there since before."""
    cursor.execute(
        f"""{_CLIP} WHERE state = 'trashed' AND (%(before)s IS NULL OR trashed_at <= %(before)s)
            ORDER BY trashed_at, clip.clip_id""",
        {"before": trashed_before},
    )
    return [_clip(row) for row in cursor.fetchall()]


def remove_superseded(cursor: Cursor, superseded_before: datetime) -> int:
    """Drop revisions that were replaced before; return how many."""
    cursor.execute("DELETE FROM revision WHERE superseded_at <= %s", (superseded_before,))
    return cursor.rowcount


def _found(cursor: Cursor) -> Clip | None:
    row = cursor.fetchone()
    return _clip(row) if row else None


def _clip(row: Sequence[Any]) -> Clip:
    clip_id, gunid, file_type, state, file_name, owner, owner_id = row[:7]
    document_id, mtime, trashed_at = row[7:10]
    return Clip(
        clip_id,
        Gunid(gunid),
        FileType(file_type),
        ClipState(state),
        file_name,
        owner,
        owner_id,
        document_id,
        None if row[10] is None else _revision(row[10:]),
        mtime,
        trashed_at,
    )


def _revision(row: Sequence[Any]) -> Revision:
    number, sha256, md5, size, audio_format, duration_us, sample_rate, channels = row[:8]
    bit_rate, warnings, created_at, is_damaged = row[8:]
    return Revision(
        number,
        Content(bytes(sha256), bytes(md5), size, is_damaged),
        AudioFacts(AudioFormat(audio_format), duration_us, sample_rate, channels, bit_rate),
        tuple(warnings),
        created_at,
    )
