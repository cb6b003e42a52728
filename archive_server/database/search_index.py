"""Keeping the search tables true to the documents of the clips.

All of it happens in the transaction that changes the clip. What many transactions change, the
counts, comes last and in the order of ids: nobody waits long for it, and no two for each other.

It is two round trips: look, and add what the dictionary lacks; then write.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache

from psycopg2.extensions import cursor as Cursor

from archive_server.database import search_dictionary, search_rows
from archive_server.database.prepared import Prepared, leave
from archive_server.database.search_rows import Value
from archive_server.model.clips import FileType
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid

_UNLINK = Prepared(
    "search_unlink",
    ("integer", "smallint", "integer[]"),
    "DELETE FROM search_link WHERE value_id = ANY ($3) AND file_type = $2 AND clip_id = $1",
)
_LINK = Prepared(
    "search_link_values",
    ("integer", "smallint", "integer[]"),
    """
    INSERT INTO search_link (value_id, clip_id, category_id, ord, file_type)
    SELECT value_id, $1, category_id, ord, $2
    FROM unnest($3) WITH ORDINALITY AS given (value_id, ord) JOIN search_value USING (value_id)
    ON CONFLICT (value_id, file_type, clip_id) DO UPDATE SET ord = excluded.ord
    WHERE search_link.ord <> excluded.ord
    """,
)
_LOCK_VALUES = Prepared(
    "search_lock_values",
    ("integer[]",),
    "SELECT FROM search_value WHERE value_id = ANY ($1) ORDER BY value_id FOR NO KEY UPDATE",
)
_COUNT_VALUES = {
    file_type: Prepared(
        f"search_count_{file_type.value}",
        ("integer[]", "integer[]"),
        f"""
        UPDATE search_value
        SET n_{file_type.value} = n_{file_type.value}
                                  + CASE WHEN value_id = ANY ($1) THEN 1 ELSE -1 END
        WHERE value_id = ANY ($2)
        """,  # noqa: S608 - one of three names
    )
    for file_type in FileType
}
_COUNT_CLIP = Prepared(
    "search_count_clip",
    ("smallint",),
    "UPDATE search_count SET n = n + 1 WHERE file_type = $1",
)


def index(
    cursor: Cursor,
    clip_id: int,
    gunid: Gunid,
    file_type: FileType,
    document: Document,
    mtime: datetime,
    *,
    first: Sequence[bytes] = (),
    then: Sequence[bytes] = (),
) -> None:
    """Make a clip findable by its document, or by a new one instead of the old.

    `first` and `then` are statements that have to be executed anyway: they travel with the first
    and the last round trip.
    """
    document = document.stamped(mtime)
    values = search_rows.values_of(document)
    before, value_ids = _value_ids(cursor, clip_id, file_type, values, first)
    removed = set(before or ()).difference(value_ids)
    added = set(value_ids).difference(before or ())
    leave(
        cursor,
        *then,
        *_clip_rows(cursor, clip_id, gunid, file_type, document, value_ids),
        *_texts(cursor, clip_id, file_type, document, values),
        *_links(cursor, clip_id, file_type, value_ids, removed),
        *_counts(cursor, file_type, added, removed, is_new=before is None),
    )


def unindex(cursor: Cursor, clip_id: int) -> None:
    """Make a clip impossible to find. It is no error if it is so already."""
    # A trigger removes links and counts.
    cursor.execute("DELETE FROM search_clip WHERE clip_id = %s", (clip_id,))


def _value_ids(
    cursor: Cursor,
    clip_id: int,
    file_type: FileType,
    values: Sequence[Value],
    first: Sequence[bytes],
) -> tuple[list[int] | None, list[int]]:
    """The value ids of a clip as it is indexed already (None: it is not), and those of `values`."""
    before, value_ids = search_dictionary.look(cursor, clip_id, values, first)
    if before is None or before[0] == search_rows.code_of(file_type):
        return before and before[1], value_ids
    # Links and counts know the file type: begin anew.
    unindex(cursor, clip_id)
    return None, value_ids


def _clip_rows(
    cursor: Cursor,
    clip_id: int,
    gunid: Gunid,
    file_type: FileType,
    document: Document,
    value_ids: Sequence[int],
) -> Iterator[bytes]:
    """What writes the rows of a clip."""
    columns = search_rows.clip_columns(document)
    for text in search_rows.CORE_COLUMNS.values():
        del columns[text]
    code = search_rows.code_of(file_type)
    yield _upsert(
        cursor, "search_clip", clip_id, {"file_type": code, **columns, "vals": list(value_ids)}
    )
    shown = search_rows.shown_columns(document)
    yield _upsert(cursor, "search_shown", clip_id, {"gunid": str(gunid.uuid), **shown})


def _texts(
    cursor: Cursor,
    clip_id: int,
    file_type: FileType,
    document: Document,
    values: Sequence[Value],
) -> Iterator[bytes]:
    """What writes the texts of a clip, with what the default order needs."""
    columns = search_rows.clip_columns(document)
    texts = {column: columns[column] for column in search_rows.CORE_COLUMNS.values()}
    ordered = {
        "file_type": search_rows.code_of(file_type),
        "title_key": columns["title_key"],
    }
    yield _upsert(cursor, "search_text", clip_id, {**ordered, **texts})
    folded = search_rows.anything(values)
    yield _upsert(cursor, "search_any", clip_id, {**ordered, "folded": folded})
    words = search_rows.words_written(values)
    yield _upsert(cursor, "search_words", clip_id, {**ordered, "words": words})


def _upsert(cursor: Cursor, table: str, clip_id: int, columns: Mapping[str, object]) -> bytes:
    """What writes a row of a clip, where it would change."""
    return _upsert_statement(table, tuple(columns)).call(cursor, clip_id, *columns.values())


@cache
def _upsert_statement(table: str, columns: tuple[str, ...]) -> Prepared:
    """The names of table and columns are ours, and for each table they are always the same."""
    names = ", ".join(columns)
    excluded = ", ".join(f"excluded.{column}" for column in columns)
    current = ", ".join(f"{table}.{column}" for column in columns)
    places = ", ".join(f"${number}" for number in range(1, len(columns) + 2))
    return Prepared(
        f"upsert_{table}",
        (),
        f"INSERT INTO {table} (clip_id, {names}) VALUES ({places}) "  # noqa: S608
        f"ON CONFLICT (clip_id) DO UPDATE SET ({names}) = ROW ({excluded}) "
        f"WHERE ({current}) IS DISTINCT FROM ({excluded})",
    )


def _links(
    cursor: Cursor,
    clip_id: int,
    file_type: FileType,
    value_ids: Sequence[int],
    removed: Collection[int],
) -> Iterator[bytes]:
    """What brings the links of a clip up to date."""
    code = search_rows.code_of(file_type)
    if removed:
        yield _UNLINK.call(cursor, clip_id, code, list(removed))
    yield _LINK.call(cursor, clip_id, code, list(value_ids))


def _counts(
    cursor: Cursor,
    file_type: FileType,
    added: Collection[int],
    removed: Collection[int],
    *,
    is_new: bool,
) -> Iterator[bytes]:
    """What brings the counts up to date; the last statements: everybody waits for these rows."""
    if changed := sorted({*added, *removed}):
        yield _LOCK_VALUES.call(cursor, changed)
        yield _COUNT_VALUES[file_type].call(cursor, list(added), changed)
    if is_new:
        yield _COUNT_CLIP.call(cursor, search_rows.code_of(file_type))
