"""Indexing many clips at the pace of the database: the rows that indexing one by one would write.

What the documents say is staged, and then put in its place by one statement a table.
"""

from collections.abc import Iterable

from psycopg2.extensions import cursor as Cursor

from archive_server.database.search_dictionary import category_ids, share
from archive_server.database.search_staging import Findable, drop_stages, stage

_TABLES = (
    "search_clip", "search_text", "search_any", "search_words", "search_shown", "search_link",
    "search_value",
)  # fmt: skip


def index_many(cursor: Cursor, clips: Iterable[Findable]) -> None:
    """Make clips findable by their documents, or by new ones instead of the old; each clip once."""
    names = stage(cursor, clips)
    share(cursor)
    ids = category_ids(cursor, names)
    categories = [ids[name] for name in names]
    cursor.execute(_LINKS_TO_BE, (categories, categories))
    for statement in _MERGE:
        cursor.execute(statement)
    drop_stages(cursor)


def rebuild(cursor: Cursor, clips: Iterable[Findable]) -> None:
    """Index these clips and no others, from nothing. Searches wait until the transaction ends."""
    cursor.execute(f"TRUNCATE {', '.join(_TABLES)}")
    cursor.execute("UPDATE search_count SET n = 0")
    # To make an index of what is there is several times quicker than to keep it up row by row.
    definitions = _drop_indexes(cursor)
    index_many(cursor, clips)
    for definition in definitions:
        cursor.execute(definition)
    cursor.execute(f"ANALYZE {', '.join(_TABLES)}")


def _drop_indexes(cursor: Cursor) -> list[str]:
    """Drop the indexes that no constraint needs; return what makes them again."""
    cursor.execute(
        """
        SELECT indexrelid::regclass::text, pg_get_indexdef(indexrelid) FROM pg_index
        WHERE indrelid = ANY (%s::regclass[])
        AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
        ORDER BY indexrelid
        """,
        (list(_TABLES),),
    )
    indexes = cursor.fetchall()
    for name, _ in indexes:
        cursor.execute(f"DROP INDEX {name}")
    return [definition for _, definition in indexes]


# Values that are new are counted as they are written, for nobody else can see them yet; the ids of
# those tell them from what others add at the same time. What many transactions change comes last
# and in the order of ids, as in `search_index`.
_LINKS_TO_BE = """
CREATE TEMPORARY TABLE staged_fresh (value_id integer) ON COMMIT DROP;
WITH given AS (
    SELECT category_id, staged_value.*
    FROM staged_value
    JOIN unnest(%s::integer[]) WITH ORDINALITY AS known (category_id, place)
        ON category = place - 1
), fresh AS (
    INSERT INTO search_value
        (category_id, digest, instant, value, folded, n_audioclip, n_playlist, n_webstream)
    SELECT category_id, digest, min(instant), min(value), min(folded),
           count(*) FILTER (WHERE file_type = 1), count(*) FILTER (WHERE file_type = 2),
           count(*) FILTER (WHERE file_type = 3)
    FROM given
    WHERE NOT EXISTS (
        SELECT FROM search_value v
        WHERE (v.category_id, v.digest) = (given.category_id, given.digest)
    )
    GROUP BY category_id, digest ORDER BY category_id, digest
    ON CONFLICT DO NOTHING
    RETURNING value_id
)
INSERT INTO staged_fresh SELECT value_id FROM fresh;
CREATE TEMPORARY TABLE staged_link ON COMMIT DROP AS
SELECT value_id, clip_id, v.category_id, ord, file_type
FROM staged_value
JOIN unnest(%s::integer[]) WITH ORDINALITY AS known (category_id, place) ON category = place - 1
JOIN search_value v ON (v.category_id, v.digest) = (known.category_id, staged_value.digest);
"""

_MERGE = (
    "ANALYZE staged_fresh, staged_link",
    """
    CREATE TEMPORARY TABLE staged_before ON COMMIT DROP AS
    SELECT s.clip_id, s.file_type, s.vals FROM search_clip s JOIN staged_clip USING (clip_id)
    ORDER BY s.clip_id FOR UPDATE OF s
    """,
    """
    CREATE TEMPORARY TABLE staged_old ON COMMIT DROP AS
    SELECT value_id, clip_id, file_type FROM staged_before CROSS JOIN unnest(vals) AS value_id
    """,
    """
    CREATE TEMPORARY TABLE staged_removed ON COMMIT DROP AS
    SELECT * FROM staged_old o WHERE NOT EXISTS (
        SELECT FROM staged_link l
        WHERE (l.value_id, l.clip_id, l.file_type) = (o.value_id, o.clip_id, o.file_type)
    )
    """,
    """
    CREATE TEMPORARY TABLE staged_added ON COMMIT DROP AS
    SELECT value_id, clip_id, file_type FROM staged_link l
    WHERE NOT EXISTS (SELECT FROM staged_fresh f WHERE f.value_id = l.value_id)
    AND NOT EXISTS (
        SELECT FROM staged_old o
        WHERE (o.value_id, o.clip_id, o.file_type) = (l.value_id, l.clip_id, l.file_type)
    )
    """,
    """
    INSERT INTO search_clip (
        clip_id, file_type, title_key, creator_key, source_key,
        mtime_low, mtime_high, extent_low, extent_high, year_low, year_high, vals
    )
    SELECT clip_id, file_type, title_key, creator_key, source_key,
           mtime_low, mtime_high, extent_low, extent_high, year_low, year_high, vals
    FROM staged_clip JOIN (
        SELECT clip_id, array_agg(value_id ORDER BY ord) AS vals FROM staged_link GROUP BY clip_id
    ) AS links USING (clip_id)
    ORDER BY clip_id
    ON CONFLICT (clip_id) DO UPDATE SET (
        file_type, title_key, creator_key, source_key,
        mtime_low, mtime_high, extent_low, extent_high, year_low, year_high, vals
    ) = ROW (
        excluded.file_type, excluded.title_key, excluded.creator_key, excluded.source_key,
        excluded.mtime_low, excluded.mtime_high, excluded.extent_low, excluded.extent_high,
        excluded.year_low, excluded.year_high, excluded.vals
    )
    """,
    """
    INSERT INTO search_text (clip_id, file_type, title_key, title, creator, source)
    SELECT clip_id, file_type, title_key, title, creator, source FROM staged_clip ORDER BY clip_id
    ON CONFLICT (clip_id) DO UPDATE SET (file_type, title_key, title, creator, source)
    = ROW (excluded.file_type, excluded.title_key, excluded.title, excluded.creator,
           excluded.source)
    """,
    """
    INSERT INTO search_any (clip_id, file_type, title_key, folded)
    SELECT clip_id, file_type, title_key, anything FROM staged_clip ORDER BY clip_id
    ON CONFLICT (clip_id) DO UPDATE SET (file_type, title_key, folded)
    = ROW (excluded.file_type, excluded.title_key, excluded.folded)
    """,
    """
    INSERT INTO search_words (clip_id, file_type, title_key, words)
    SELECT clip_id, file_type, title_key, words FROM staged_clip ORDER BY clip_id
    ON CONFLICT (clip_id) DO UPDATE SET (file_type, title_key, words)
    = ROW (excluded.file_type, excluded.title_key, excluded.words)
    """,
    """
    INSERT INTO search_shown (clip_id, gunid, title, creator, source, length, track_number)
    SELECT clip_id, gunid, shown_title, shown_creator, shown_source, length, track_number
    FROM staged_clip ORDER BY clip_id
    ON CONFLICT (clip_id) DO UPDATE SET (gunid, title, creator, source, length, track_number)
    = ROW (excluded.gunid, excluded.title, excluded.creator, excluded.source, excluded.length,
           excluded.track_number)
    """,
    """
    DELETE FROM search_link l USING staged_removed r
    WHERE (l.value_id, l.file_type, l.clip_id) = (r.value_id, r.file_type, r.clip_id)
    """,
    """
    INSERT INTO search_link (value_id, clip_id, category_id, ord, file_type)
    SELECT value_id, clip_id, category_id, ord, file_type FROM staged_link
    ORDER BY value_id, file_type, clip_id
    ON CONFLICT (value_id, file_type, clip_id) DO UPDATE SET ord = excluded.ord
    WHERE search_link.ord <> excluded.ord
    """,
    """
    CREATE TEMPORARY TABLE staged_count ON COMMIT DROP AS
    SELECT value_id, sum(change) FILTER (WHERE file_type = 1) AS n_audioclip,
           sum(change) FILTER (WHERE file_type = 2) AS n_playlist,
           sum(change) FILTER (WHERE file_type = 3) AS n_webstream
    FROM (
        SELECT value_id, file_type, 1 AS change FROM staged_added
        UNION ALL SELECT value_id, file_type, -1 FROM staged_removed
    ) AS changes
    GROUP BY value_id
    """,
    """
    SELECT count(*) FROM (
        SELECT FROM search_value JOIN staged_count USING (value_id)
        ORDER BY value_id FOR NO KEY UPDATE OF search_value
    ) AS locked
    """,
    """
    UPDATE search_value v
    SET n_audioclip = v.n_audioclip + coalesce(c.n_audioclip, 0),
        n_playlist = v.n_playlist + coalesce(c.n_playlist, 0),
        n_webstream = v.n_webstream + coalesce(c.n_webstream, 0)
    FROM staged_count c WHERE v.value_id = c.value_id
    """,
    """
    SELECT count(*) FROM (SELECT FROM search_count ORDER BY file_type FOR NO KEY UPDATE) AS locked
    """,
    """
    UPDATE search_count SET n = n + change
    FROM (
        SELECT file_type, sum(change) AS change
        FROM (
            SELECT file_type, 1 AS change FROM staged_clip
            UNION ALL SELECT file_type, -1 FROM staged_before
        ) AS changes
        GROUP BY file_type
    ) AS changed
    WHERE search_count.file_type = changed.file_type AND change <> 0
    """,
    "DROP TABLE staged_fresh, staged_link, staged_before, staged_old, staged_removed, "
    "staged_added, staged_count",
)
