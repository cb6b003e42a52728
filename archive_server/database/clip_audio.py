"""Audio of clips, as it is kept: a new clip, or a new revision of one, in one round trip.

Each statement more is a quarter of a millisecond of a store, and of those that are planned each
time half of that is for planning.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg2.extensions import cursor as Cursor

from archive_server.database import contents, documents
from archive_server.database.prepared import Prepared, execute_all
from archive_server.model.clips import AudioFacts, Clip, Content
from archive_server.model.gunid import Gunid

_FACTS = ("bytea", "text", "bigint", "integer", "smallint", "integer", "text[]")
_COLUMNS = """(clip_id, number, created_at, content_id, format, duration_us, sample_rate, channels,
               bit_rate, warnings)"""
_ADD = Prepared(
    "add_clip_with_audio",
    ("text", "text", "timestamptz", "uuid", "integer", *_FACTS),
    f"""
    WITH described AS (
        INSERT INTO document (xml) VALUES ($1) RETURNING document_id
    ), made AS (
        INSERT INTO clip (gunid, file_type, owner_id, file_name, document_id, mtime, created_at,
                          revision)
        SELECT $4, 'audioclip', $5, $2, document_id, $3, $3, 1 FROM described
        RETURNING clip_id
    )
    INSERT INTO revision {_COLUMNS}
    SELECT clip_id, 1, $3, $6, $7, $8, $9, $10, $11, $12 FROM made
    RETURNING clip_id
    """,  # noqa: S608 - a text above
)
_REPLACE = Prepared(
    "replace_audio_of_clip",
    ("text", "text", "timestamptz", "integer", *_FACTS),
    f"""
    WITH described AS (
        INSERT INTO document (xml) VALUES ($1) RETURNING document_id
    ), old AS (
        UPDATE revision SET superseded_at = $3 WHERE clip_id = $4 AND superseded_at IS NULL
    ), new AS (
        INSERT INTO revision {_COLUMNS}
        SELECT clip_id, coalesce(revision, 0) + 1, $3, $5, $6, $7, $8, $9, $10, $11
        FROM clip WHERE clip_id = $4
        RETURNING number
    )
    UPDATE clip SET document_id = described.document_id, revision = new.number, file_name = $2,
                    mtime = $3, state = 'ready', trashed_at = NULL
    FROM described, new WHERE clip_id = $4
    """,  # noqa: S608 - a text above
)


@dataclass(frozen=True, slots=True)
class Audio:
    """What a clip is to be: its bytes, which lie in the store, its document and its name."""

    content: Content
    facts: AudioFacts
    warnings: Sequence[str]
    xml: str
    file_name: str


def add(cursor: Cursor, gunid: Gunid, owner_id: int, audio: Audio, at: datetime) -> int:
    """Add a clip; return its number. The caller holds the locks of gunid and content."""
    execute_all(
        cursor,
        contents.addition(cursor, audio.content, at),
        _ADD.call(cursor, audio.xml, audio.file_name, at, gunid.uuid, owner_id, *_facts(audio)),
    )
    (clip_id,) = cursor.fetchone() or (0,)
    return int(clip_id)


def replacement(cursor: Cursor, clip: Clip, audio: Audio, at: datetime) -> tuple[bytes, ...]:
    """What makes a new revision of a clip, which leaves the trash. Readers of the old one go on.

    The caller holds the locks of gunid and content.
    """
    return (
        contents.addition(cursor, audio.content, at),
        _REPLACE.call(cursor, audio.xml, audio.file_name, at, clip.clip_id, *_facts(audio)),
        documents.removal(cursor, clip.document_id),
    )


def _facts(audio: Audio) -> tuple[object, ...]:
    """As _FACTS has them."""
    facts = audio.facts
    return (
        audio.content.sha256,
        facts.format.value,
        facts.duration_us,
        facts.sample_rate,
        facts.channels,
        facts.bit_rate,
        list(audio.warnings),
    )
