"""Keeping the search tables true to the documents of the clips.

All of it happens in the transaction that changes the clip. What many transactions change, the
counts, comes last and in the order of ids: nobody waits long for it, and no two for each other.
"""

from collections.abc import Collection, Sequence
from datetime import datetime
from typing import Any

from psycopg2.extensions import cursor as Cursor

from archive_server.database import search_rows
from archive_server.database.search_rows import Value
from archive_server.model.categories import local_name
from archive_server.model.clips import FileType
from archive_server.model.documents import Document
from archive_server.model.folding import fold
from archive_server.model.gunid import Gunid

# Shared by those who use values of the dictionary, held alone to remove unused ones.
_DICTIONARY_LOCK = 0x5EA2C4


def index(
    cursor: Cursor,
    clip_id: int,
    gunid: Gunid,
    file_type: FileType,
    document: Document,
    mtime: datetime,
) -> None:
    """Make a clip findable by its document, or by a new one instead of the old."""
    share_dictionary(cursor)
    document = document.stamped(mtime)
    before = _values_before(cursor, clip_id, file_type)
    values = search_rows.values_of(document)
    value_ids = _value_ids(cursor, values)
    _write_clip(cursor, clip_id, gunid, file_type, document, value_ids)
    _write_texts(cursor, clip_id, file_type, document, values)
    removed = set(before or ()).difference(value_ids)
    added = set(value_ids).difference(before or ())
    _write_links(cursor, clip_id, file_type, value_ids, removed)
    _count(cursor, file_type, added, removed, is_new=before is None)


def share_dictionary(cursor: Cursor) -> None:
    """Keep the values of the dictionary, used or not, until the transaction ends."""
    cursor.execute("SELECT pg_advisory_xact_lock_shared(%s)", (_DICTIONARY_LOCK,))


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


def _values_before(cursor: Cursor, clip_id: int, file_type: FileType) -> list[int] | None:
    """The value ids of a clip that is indexed already."""
    cursor.execute(
        "SELECT file_type, vals FROM search_clip WHERE clip_id = %s FOR UPDATE", (clip_id,)
    )
    row: tuple[int, list[int]] | None = cursor.fetchone()
    if row is None:
        return None
    if row[0] != search_rows.code_of(file_type):
        # Links and counts know the file type: begin anew.
        unindex(cursor, clip_id)
        return None
    return row[1]


def _value_ids(cursor: Cursor, values: Sequence[Value]) -> list[int]:
    """The ids of these values, in their order; what the dictionary lacks is added."""
    categories = category_ids(cursor, {value.category for value in values})
    keys = [(categories[value.category], str(value.digest)) for value in values]
    by_key = dict(zip(keys, values, strict=True))
    known = _known_values(cursor, keys)
    missing = sorted(set(keys).difference(known))
    if missing:
        _add_values(cursor, [(*key, by_key[key]) for key in missing])
        # Read them back: some may have been added by others at the same time.
        known |= _known_values(cursor, missing)
    return [known[key] for key in keys]


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


def _known_values(cursor: Cursor, keys: Sequence[tuple[int, str]]) -> dict[tuple[int, str], int]:
    cursor.execute(
        """
        SELECT category_id, digest::text, value_id
        FROM unnest(%s::integer[], %s::uuid[]) AS wanted (category_id, digest)
        JOIN search_value USING (category_id, digest)
        """,
        ([category_id for category_id, _ in keys], [digest for _, digest in keys]),
    )
    return {(category_id, digest): value_id for category_id, digest, value_id in cursor.fetchall()}


def _add_values(cursor: Cursor, rows: Sequence[tuple[int, str, Value]]) -> None:
    """Add to the dictionary, in the order of the unique key: two who add the same do not
    wait for each other crosswise.
    """
    columns: tuple[list[Any], ...] = (
        [category_id for category_id, _, _ in rows],
        [digest for _, digest, _ in rows],
        [value.instant for _, _, value in rows],
        [value.text for _, _, value in rows],
        [fold(value.text) for _, _, value in rows],
    )
    cursor.execute(
        """
        INSERT INTO search_value (category_id, digest, instant, value, folded)
        SELECT * FROM unnest(%s::integer[], %s::uuid[], %s::timestamptz[], %s::text[], %s::text[])
        ON CONFLICT DO NOTHING
        """,
        columns,
    )


def _write_clip(
    cursor: Cursor,
    clip_id: int,
    gunid: Gunid,
    file_type: FileType,
    document: Document,
    value_ids: Sequence[int],
) -> None:
    columns = search_rows.clip_columns(document)
    for text in search_rows.CORE_COLUMNS.values():
        del columns[text]
    code = search_rows.code_of(file_type)
    _upsert(cursor, "search_clip", clip_id, {"file_type": code, **columns, "vals": list(value_ids)})
    shown = search_rows.shown_columns(document)
    _upsert(cursor, "search_shown", clip_id, {"gunid": str(gunid.uuid), **shown})


def _write_texts(
    cursor: Cursor,
    clip_id: int,
    file_type: FileType,
    document: Document,
    values: Sequence[Value],
) -> None:
    code = search_rows.code_of(file_type)
    columns = search_rows.clip_columns(document)
    texts = {column: columns[column] for column in search_rows.CORE_COLUMNS.values()}
    ordered = {"file_type": code, "title_key": columns["title_key"]}
    _upsert(cursor, "search_text", clip_id, {**ordered, **texts})
    _upsert(cursor, "search_any", clip_id, {**ordered, "folded": search_rows.anything(values)})


def _upsert(cursor: Cursor, table: str, clip_id: int, columns: dict[str, Any]) -> None:
    """Write the row of a clip; the names of table and columns are ours."""
    names = ", ".join(columns)
    places = ", ".join(["%s"] * len(columns))
    cursor.execute(
        f"INSERT INTO {table} (clip_id, {names}) VALUES (%s, {places}) "  # noqa: S608
        f"ON CONFLICT (clip_id) DO UPDATE SET ({names}) = ROW ({places})",
        (clip_id, *columns.values(), *columns.values()),
    )


def _write_links(
    cursor: Cursor,
    clip_id: int,
    file_type: FileType,
    value_ids: Sequence[int],
    removed: Collection[int],
) -> None:
    code = search_rows.code_of(file_type)
    if removed:
        cursor.execute(
            "DELETE FROM search_link WHERE value_id = ANY (%s) AND file_type = %s AND clip_id = %s",
            (list(removed), code, clip_id),
        )
    cursor.execute(
        """
        INSERT INTO search_link (value_id, clip_id, category_id, ord, file_type)
        SELECT value_id, %s, category_id, ord, %s
        FROM unnest(%s::integer[]) WITH ORDINALITY AS given (value_id, ord)
        JOIN search_value USING (value_id)
        ON CONFLICT (value_id, file_type, clip_id) DO UPDATE SET ord = excluded.ord
        WHERE search_link.ord <> excluded.ord
        """,
        (clip_id, code, list(value_ids)),
    )


def _count(
    cursor: Cursor,
    file_type: FileType,
    added: Collection[int],
    removed: Collection[int],
    *,
    is_new: bool,
) -> None:
    """Bring the counts up to date; the last statements, for everybody waits for these rows."""
    column = f"n_{file_type.value}"
    changed = sorted({*added, *removed})
    if changed:
        cursor.execute(
            "SELECT FROM search_value WHERE value_id = ANY (%s) "
            "ORDER BY value_id FOR NO KEY UPDATE",
            (changed,),
        )
        cursor.execute(
            f"UPDATE search_value SET {column} = {column} "  # noqa: S608 - one of three names
            "+ CASE WHEN value_id = ANY (%s) THEN 1 ELSE -1 END WHERE value_id = ANY (%s)",
            (list(added), changed),
        )
    if is_new:
        cursor.execute(
            "UPDATE search_count SET n = n + 1 WHERE file_type = %s",
            (search_rows.code_of(file_type),),
        )
