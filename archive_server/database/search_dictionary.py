"""The dictionary of search: each value of each category once, by its number.

It grows in the transactions that index clips, and is pruned in quiet hours.
"""

from collections.abc import Collection, Mapping, Sequence

from psycopg2.extensions import cursor as Cursor

from archive_server.database.prepared import Prepared, execute_all
from archive_server.database.search_rows import Value
from archive_server.model.categories import local_name
from archive_server.model.folding import fold

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


def share(cursor: Cursor) -> None:
    """Keep the values of the dictionary, used or not, until the transaction ends."""
    cursor.execute(_SHARE)


_Key = tuple[str, str]  # a category and a digest


def look(
    cursor: Cursor, clip_id: int, values: Sequence[Value], first: Sequence[bytes] = ()
) -> tuple[tuple[int, list[int]] | None, list[int]]:
    """The ids of these values, in their order, and of what a clip has been indexed with before.

    That is its file type and its values, or None. What the dictionary lacks is added; from here on
    nothing of it is pruned, until the transaction ends. The statements `first` go before.
    """
    keys = {(value.category, str(value.digest)): value for value in values}
    before, known = _look(cursor, clip_id, keys, first)
    # Categories nobody has used before, or values that others have added at the same time: even of
    # a category that is new to both.
    for _ in range(2):
        if missing := {key: value for key, value in keys.items() if key not in known}:
            category_ids(cursor, {name for name, _ in missing})
            known |= _look(cursor, clip_id, missing)[1]
    return before, [known[key] for key in keys]


def _look(
    cursor: Cursor, clip_id: int, values: Mapping[_Key, Value], first: Sequence[bytes] = ()
) -> tuple[tuple[int, list[int]] | None, dict[_Key, int]]:
    """The file type and the values of a clip (None: it is new), and the ids of these values.

    What the dictionary lacks is added, but for values of categories that it does not know.
    """
    execute_all(
        cursor,
        *first,
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


def prune(cursor: Cursor) -> int:
    """Remove values that no clip has any more; return how many. Meant for quiet hours.

    Does nothing while a clip is being indexed: that transaction may be about to use such a value.
    """
    cursor.execute("SELECT pg_try_advisory_xact_lock(%s)", (_DICTIONARY_LOCK,))
    if cursor.fetchone() == (False,):
        return 0
    cursor.execute("DELETE FROM search_value WHERE n_audioclip + n_playlist + n_webstream = 0")
    return cursor.rowcount
