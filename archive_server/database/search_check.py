"""Proving that the search tables agree with the clips, and with each other."""

from collections.abc import Iterator

from psycopg2.extensions import cursor as Cursor


def differences(cursor: Cursor) -> Iterator[str]:
    """What is wrong with the search tables, in one sentence each; nothing if all is well."""
    for sentence, query in _QUERIES.items():
        cursor.execute(f"SELECT count(*) FROM ({query}) AS wrong")  # noqa: S608 - texts below
        (number,) = cursor.fetchone() or (0,)
        if number:
            yield sentence.format(number)


_QUERIES = {
    "{} clips that can be seen cannot be found": """
        SELECT FROM clip LEFT JOIN search_clip s USING (clip_id)
        WHERE state = 'ready' AND s.clip_id IS NULL
    """,
    "{} clips that cannot be seen can be found": """
        SELECT FROM search_clip JOIN clip USING (clip_id) WHERE state <> 'ready'
    """,
    "{} clips can be found but not shown": """
        SELECT FROM search_clip LEFT JOIN search_shown h USING (clip_id) WHERE h.clip_id IS NULL
    """,
    "{} clips can be found but not by their texts": """
        SELECT FROM search_clip s
        FULL JOIN search_text t USING (clip_id, file_type)
        FULL JOIN search_any a USING (clip_id, file_type)
        FULL JOIN search_words w USING (clip_id, file_type)
        WHERE s.vals IS NULL OR t.tableoid IS NULL OR a.folded IS NULL OR w.words IS NULL
        OR (t.title_key, a.title_key, w.title_key)
            IS DISTINCT FROM (s.title_key, s.title_key, s.title_key)
    """,
    "{} links of clips and values are missing or too many": """
        SELECT FROM search_link l
        FULL JOIN (SELECT clip_id, file_type, unnest(vals) AS value_id FROM search_clip) s
            USING (clip_id, file_type, value_id)
        WHERE l.ord IS NULL OR s.clip_id IS NULL
    """,
    "{} values are counted wrong": """
        SELECT FROM search_value v
        LEFT JOIN (
            SELECT value_id, count(*) FILTER (WHERE file_type = 1) AS n_audioclip,
                   count(*) FILTER (WHERE file_type = 2) AS n_playlist,
                   count(*) FILTER (WHERE file_type = 3) AS n_webstream
            FROM search_link GROUP BY value_id
        ) l USING (value_id)
        WHERE (v.n_audioclip, v.n_playlist, v.n_webstream)
            <> (coalesce(l.n_audioclip, 0), coalesce(l.n_playlist, 0), coalesce(l.n_webstream, 0))
    """,
    "{} types of clips are counted wrong": """
        SELECT FROM search_count c
        WHERE n <> (SELECT count(*) FROM search_clip s WHERE s.file_type = c.file_type)
    """,
}
