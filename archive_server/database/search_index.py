"""Keeping the search tables true to the documents of the clips.

All of it happens in the transaction that changes the clip. What many transactions change, the
counts, comes last and in the order of ids: nobody waits long for it, and no two for each other.

It is two round trips: look, and add what the dictionary lacks; then write.
"""

from collections.abc import Collection, Iterator, Mapping, Sequence
from datetime import datetime
from functools import cache

from psycopg2.extensions import cursor as Cursor

from archive_server.database import search_rows
from archive_server.database.prepared import Prepared, execute_all
from archive_server.database.search_rows import Value
from archive_server.model.categories import local_name
from archive_server.model.clips import FileType
from archive_server.model.documents import Document
from archive_server.model.folding import fold
from archive_server.model.gunid import Gunid

# Shared by those who use values of the dictionary, held alone to remove unused ones.
_DICTIONARY_LOCK = 0x5EA2C4

_SHARE = f"SELECT pg_advisory_xact_lock_shared({_DICTIONARY_LOCK})"

# What the clip had before (NULL: it is new), beside each value that is found or added: one
# statement, since of several only the last one's rows come back. What is added goes in the order
# of the unique key: two who add the same do not wait for each other crosswise.
_LOOK = Prepared(
    "search_look",
    ("integer", "text[]", "uuid[]", "timestamptz[]", "text[]", "text[]"),
    """
    WITH before AS (
        SELECT file_type, vals FROM search_clip WHERE clip_id = $1 FOR UPDATE
    ), given AS (
        SELECT given.*, category_id, value_id
        FROM unnest($2, $3, $4, $5, $6) AS given (name, digest, instant, value, folded)
        JOIN search_category USING (name) LEFT JOIN search_value USING (category_id, digest)
    ), added AS (
        INSERT INTO search_value (category_id, digest, instant, value, folded)
        SELECT category_id, digest, instant, value, folded FROM given WHERE value_id IS NULL
        ORDER BY category_id, digest
        ON CONFLICT DO NOTHING
        RETURNING category_id, digest, value_id
    )
    SELECT file_type, vals, name, digest::text, found.value_id
    FROM (VALUES (1)) AS always (a_row) LEFT JOIN before ON true LEFT JOIN (
        SELECT name, digest, coalesce(given.value_id, added.value_id) AS value_id
        FROM given LEFT JOIN added USING (category_id, digest)
    ) AS found ON true
    """,
)
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
) -> None:
    """Make a clip findable by its document, or by a new one instead of the old."""
    document = document.stamped(mtime)
    values = search_rows.values_of(document)
    before, value_ids = _value_ids(cursor, clip_id, file_type, values)
    removed = set(before or ()).difference(value_ids)
    added = set(value_ids).difference(before or ())
    execute_all(
        cursor,
        *_clip_rows(cursor, clip_id, gunid, file_type, document, value_ids),
        *_texts(cursor, clip_id, file_type, document, values),
        *_links(cursor, clip_id, file_type, value_ids, removed),
        *_counts(cursor, file_type, added, removed, is_new=before is None),
    )


def share_dictionary(cursor: Cursor) -> None:
    """Keep the values of the dictionary, used or not, until the transaction ends."""
    cursor.execute(_SHARE)


def unindex(cursor: Cursor, clip_id: int) -> None:
    """Make a clip impossible to find. It is no error if it is so already."""
    # A trigger removes links and counts.
    cursor.execute("DELETE FROM search_clip WHERE clip_id = %s", (clip_id,))


def prune(cursor: Cursor) -> int:
    """Remove values that no clip has any more; return how many. Meant for quiet hours.

    Does nothing while a clip is being indexed: that transaction may be about to use such a value.
    """
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (_DICTIONARY_LOCK,))
    if cursor.fetchone() == (False,):
        return 0
    cursor.execute("DELETE FROM search_value WHERE n_audioclip + n_playlist + n_webstream = 0")
    return cursor.rowcount


def _value_ids(
    cursor: Cursor, clip_id: int, file_type: FileType, values: Sequence[Value]
) -> tuple[list[int] | None, list[int]]:
    """The value ids of a clip as it is indexed already, and those of these values, in their order.

    What the dictionary lacks is added; from here on nothing of it is pruned.
    """
    keys = {(value.category, str(value.digest)): value for value in values}
    before, known = _look(cursor, clip_id, keys)
    # Categories nobody has used before, or values that others have added at the same time: even of
    # a category that is new to both.
    for _ in range(2):
        if missing := {key: value for key, value in keys.items() if key not in known}:
            category_ids(cursor, {name for name, _ in missing})
            known |= _look(cursor, clip_id, missing)[1]
    value_ids = [known[key] for key in keys]
    if before is not None and before[0] != search_rows.code_of(file_type):
        # Links and counts know the file type: begin anew.
        unindex(cursor, clip_id)
        before = None
    return None if before is None else before[1], value_ids


def category_ids(cursor: Cursor, names: Collection[str]) -> dict[str, int]:
    """The ids of categories by their names; those that are new are added."""
    known = _known_categories(cursor, names)
    missing = sorted(set(names).difference(known))
    if missing:
        cursor.execute(
            """
            INSERT INTO search_category (name, local_name)
            SELECT * FROM unnest(%s::text[], %s::text[]) ON CONFLICT DO NOTHING
            """,
            (missing, [local_name(name) for name in missing]),
        )
        known |= _known_categories(cursor, missing)
    return known


def _known_categories(cursor: Cursor, names: Collection[str]) -> dict[str, int]:
    cursor.execute(
        "SELECT name, category_id FROM search_category WHERE name = ANY (%s)", (list(names),)
    )
    return dict(cursor.fetchall())


_Key = tuple[str, str]  # a category and a digest


def _look(
    cursor: Cursor, clip_id: int, values: Mapping[_Key, Value]
) -> tuple[tuple[int, list[int]] | None, dict[_Key, int]]:
    """The file type and the values of a clip (None: it is new), and the ids of these values.

    What the dictionary lacks is added, but for values of categories that it does not know.
    """
    execute_all(
        cursor,
        _SHARE.encode(),
        _LOOK.call(
            cursor,
            clip_id,
            [name for name, _ in values],
            [digest for _, digest in values],
            [value.instant for value in values.values()],
            [value.text for value in values.values()],
            [fold(value.text) for value in values.values()],
        ),
    )
    rows = cursor.fetchall()
    found = {(name, digest): value_id for _, _, name, digest, value_id in rows if value_id}
    file_type, vals = rows[0][:2]
    return None if file_type is None else (file_type, vals), found


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
