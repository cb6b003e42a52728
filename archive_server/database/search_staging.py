"""Sending what documents say, by COPY, into tables that live as long as the transaction.

staged_clip      one row a clip: what the tables of one row a clip will hold
staged_value     its values, in document order; `category` is a place in a list of names
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from psycopg2.extensions import cursor as Cursor

from archive_server.database import search_rows
from archive_server.database.copying import copy_rows
from archive_server.model.clips import FileType
from archive_server.model.documents import Document
from archive_server.model.folding import fold
from archive_server.model.gunid import Gunid

_CHUNK = 2_000  # clips whose rows are in memory at a time

# In the order of search_rows.clip_columns and shown_columns
_STAGES = """
CREATE TEMPORARY TABLE staged_clip (
    clip_id integer PRIMARY KEY, file_type smallint, gunid uuid,
    title_key text, title text, creator_key text, creator text, source_key text, source text,
    mtime_low timestamptz, mtime_high timestamptz, extent_low text, extent_high text,
    year_low text, year_high text,
    shown_title text, shown_creator text, shown_source text, length text, track_number text,
    anything text, words tsvector
) ON COMMIT DROP;
CREATE TEMPORARY TABLE staged_value (
    clip_id integer, ord integer, file_type smallint, category integer, digest uuid,
    instant timestamptz, value text COLLATE "C", folded text COLLATE "C"
) ON COMMIT DROP;
"""


@dataclass(frozen=True, slots=True)
class Findable:
    """A clip, and what it shall be found by."""

    clip_id: int
    gunid: Gunid
    file_type: FileType
    document: Document
    mtime: datetime


def stage(cursor: Cursor, clips: Iterable[Findable]) -> list[str]:
    """Send what is to be indexed; return the names of the categories."""
    cursor.execute(_STAGES)
    places: dict[str, int] = {}
    clips = iter(clips)
    while chunk := list(itertools.islice(clips, _CHUNK)):
        stamped = [(clip, clip.document.stamped(clip.mtime)) for clip in chunk]
        copy_rows(cursor, "staged_clip", (_clip_row(*each) for each in stamped))
        values = itertools.chain.from_iterable(_value_rows(*each, places) for each in stamped)
        copy_rows(cursor, "staged_value", values)
    cursor.execute("ANALYZE staged_clip, staged_value")
    return list(places)


def drop_stages(cursor: Cursor) -> None:
    """Make room for the next in the same transaction."""
    cursor.execute("DROP TABLE staged_clip, staged_value")


def _clip_row(clip: Findable, document: Document) -> tuple[Any, ...]:
    values = search_rows.values_of(document)
    return (
        clip.clip_id,
        search_rows.code_of(clip.file_type),
        clip.gunid.uuid,
        *search_rows.clip_columns(document).values(),
        *search_rows.shown_columns(document).values(),
        search_rows.anything(values),
        search_rows.words_written(values),
    )


def _value_rows(
    clip: Findable, document: Document, places: dict[str, int]
) -> Iterator[tuple[Any, ...]]:
    code = search_rows.code_of(clip.file_type)
    for ord_, value in enumerate(search_rows.values_of(document), start=1):
        category = places.setdefault(value.category, len(places))
        folded = fold(value.text)
        yield clip.clip_id, ord_, code, category, value.digest, value.instant, value.text, folded
