"""Adding many clips at once: the rows that adding one by one would write, a statement a table."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from psycopg2.extensions import cursor as Cursor

from archive_server.database import contents, journal, search
from archive_server.database.copying import array, copy_rows, next_numbers
from archive_server.model.clips import AudioFacts, Content, FileType
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid
from archive_server.model.journal import EventKind


@dataclass(frozen=True, slots=True)
class NewClip:
    """An audio clip that is not there yet, with the audio of its first revision."""

    gunid: Gunid
    file_name: str
    document: Document
    content: Content
    facts: AudioFacts
    warnings: Sequence[str]


def add_all(
    cursor: Cursor, clips: Sequence[NewClip], *, owner_id: int, login: str, at: datetime
) -> None:
    """Add audio clips that can be found. The caller holds the locks of their contents.

    Their ids are new: nobody else can know them before the transaction ends.
    """
    contents.add_all(cursor, [clip.content for clip in clips], at)
    documents = next_numbers(cursor, "document", "document_id", len(clips))
    numbers = next_numbers(cursor, "clip", "clip_id", len(clips))
    numbered = list(zip(clips, numbers, documents, strict=True))
    # COPY writes GENERATED ALWAYS columns; INSERT would have to overrule them.
    copy_rows(
        cursor,
        "document (document_id, xml, created_at)",
        ((document, clip.document.to_xml(), at) for clip, _, document in numbered),
    )
    copy_rows(
        cursor,
        "clip (clip_id, gunid, file_type, owner_id, file_name, document_id, revision, mtime,"
        " created_at)",
        (
            (
                number, clip.gunid.uuid, FileType.AUDIO_CLIP.value, owner_id, clip.file_name,
                document, 1, at, at,
            )
            for clip, number, document in numbered
        ),
    )  # fmt: skip
    copy_rows(
        cursor,
        "revision (clip_id, number, content_id, format, duration_us, sample_rate, channels,"
        " bit_rate, warnings, created_at)",
        (
            (
                number, 1, clip.content.sha256, clip.facts.format.value, clip.facts.duration_us,
                clip.facts.sample_rate, clip.facts.channels, clip.facts.bit_rate,
                array(clip.warnings), at,
            )
            for clip, number, _ in numbered
        ),
    )  # fmt: skip
    journal.add_all(cursor, EventKind.CREATED, numbers, login=login, at=at)
    search.index_many(
        cursor,
        (
            search.Findable(number, clip.gunid, FileType.AUDIO_CLIP, clip.document, at)
            for clip, number, _ in numbered
        ),
    )
