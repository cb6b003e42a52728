-- Words wherever they stand, for `words` of searches: the nearer to the title, the higher they rank.

CREATE TABLE search_words (  -- one row a clip: the words of all its texts
    clip_id   integer PRIMARY KEY,
    file_type smallint NOT NULL,  -- as in search_clip
    title_key text COLLATE "C",  -- as in search_clip
    -- Each begins with its nearness: 1 of titles, 2 of creators and sources, 3 of all else but
    -- points in time and durations. Not as weights of PostgreSQL's, which no index holds: rows
    -- would have to be read to tell which they are, and are half as long without them.
    words     tsvector NOT NULL
    -- No foreign key: the trigger below removes what belongs to a clip.
);

-- What model/words.py does, in SQL, once.
CREATE FUNCTION pg_temp.plain(folded text) RETURNS text LANGUAGE sql AS $$
    SELECT regexp_replace(
        CASE WHEN octet_length(folded) = length(folded) THEN folded
        ELSE regexp_replace(
            lower(normalize(regexp_replace(
                normalize(folded, NFKD),
                '[' ||
                '\u0300-\u036f\u0483-\u0487\u0591-\u05bd\u05bf\u05c1\u05c2\u05c4\u05c5' ||
                '\u05c7\u0610-\u061a\u064b-\u065f\u0670\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-' ||
                '\u20ff\ufe00-\ufe0f\ufe20-\ufe2f'
                || ']', '', 'g'
            ), NFC)),
            '([\u3040-\u30fa\u30fc-\u30ff\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff])', ' \1 ', 'g'
        ) END,
        '[' ||
        '\u0001-/:-@\[-`{-\u00a9\u00ab-\u00b1\u00b4\u00b6-\u00b8\u00bb\u00bf\u00d7\u00f7' ||
        '\u02c2-\u02c5\u02d2-\u02df\u037e\u0387\u055a-\u055f\u0589\u058a\u05be\u05c0\u05c3' ||
        '\u05c6\u05f3\u05f4\u060c\u060d\u061b\u061f\u066a-\u066d\u06d4\u0964\u0965\u1680' ||
        '\u180e\u2000-\u206f\u2117\u2190-\u2bff\u2e00-\u2e7f\u3000-\u303f\u30fb\ufe10-\ufe1f' ||
        '\ufe30-\ufe6f'
        || ']+', ' ', 'g'
    )
$$;
CREATE TEMPORARY TABLE plain ON COMMIT DROP AS
SELECT value_id,
       CASE category_id WHEN 1 THEN '1' WHEN 2 THEN '2' WHEN 3 THEN '2' ELSE '3' END AS near,
       pg_temp.plain(folded) AS words
FROM search_value JOIN search_category USING (category_id)
WHERE local_name <> 'mtime' AND name <> 'dcterms:extent';
ANALYZE plain;

INSERT INTO search_words
SELECT clip_id, file_type, title_key, coalesce(found.words, '')
FROM search_any
LEFT JOIN (
    SELECT clip_id,
           -- Of a place with no word there is its nearness alone.
           ts_delete(array_to_tsvector(string_to_array(string_agg(words, ' '), ' ')), ARRAY['1', '2', '3'])
               AS words
    FROM (
        SELECT clip_id, regexp_replace(
            near || replace(left(string_agg(words, ' ' ORDER BY ord), 80000), ' ', ' ' || near),
            '([^ ]{65})[^ ]+', '\1', 'g'
        ) AS words
        FROM search_link JOIN plain USING (value_id) GROUP BY clip_id, near
    ) AS near GROUP BY clip_id
) AS found USING (clip_id)
ORDER BY clip_id;
DROP FUNCTION pg_temp.plain;

CREATE INDEX search_words_words ON search_words USING gin (words) WITH (fastupdate = off);

CREATE OR REPLACE FUNCTION search_clip_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM search_text WHERE clip_id = OLD.clip_id;
    DELETE FROM search_any WHERE clip_id = OLD.clip_id;
    DELETE FROM search_words WHERE clip_id = OLD.clip_id;
    DELETE FROM search_link
    WHERE value_id = ANY (OLD.vals) AND file_type = OLD.file_type AND clip_id = OLD.clip_id;
    PERFORM FROM search_value WHERE value_id = ANY (OLD.vals)
    ORDER BY value_id FOR NO KEY UPDATE;
    UPDATE search_value
    SET n_audioclip = n_audioclip - (OLD.file_type = 1)::integer,
        n_playlist = n_playlist - (OLD.file_type = 2)::integer,
        n_webstream = n_webstream - (OLD.file_type = 3)::integer
    WHERE value_id = ANY (OLD.vals);
    UPDATE search_count SET n = n - 1 WHERE file_type = OLD.file_type;
    RETURN NULL;
END
$$;
