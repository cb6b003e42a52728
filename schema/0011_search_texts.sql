-- Texts have tables of their own. A common word is in clips on every page of a table, so what a
-- search for it costs is the number of pages: search_clip had 34,000 for a million clips, and
-- search_text has 15,000. Counting 47,000 titles took 52 ms of a processor, and takes 32. What the
-- default order needs is there too: to look up each match in search_clip would take most of the time.

CREATE TABLE search_text (  -- one row a clip: the texts of the core categories
    clip_id   integer PRIMARY KEY,
    file_type smallint NOT NULL,  -- as in search_clip
    title_key text COLLATE "C",  -- as in search_clip
    -- All folded values, each between two U+001F, which no document can contain.
    title     text COLLATE "C",
    creator   text COLLATE "C",
    source    text COLLATE "C"
    -- No foreign key: the trigger below removes what belongs to a clip.
);

CREATE TABLE search_any (  -- one row a clip: all its texts, whatever their category
    clip_id   integer PRIMARY KEY,
    file_type smallint NOT NULL,
    title_key text COLLATE "C",
    folded    text COLLATE "C" NOT NULL  -- in document order, between U+001F as above
);

INSERT INTO search_text
SELECT clip_id, file_type, title_key, title, creator, source FROM search_clip ORDER BY clip_id;
INSERT INTO search_any
SELECT s.clip_id, s.file_type, s.title_key, U&'\001F' || texts.joined || U&'\001F'
FROM search_clip s
JOIN (
    SELECT clip_id, string_agg(folded, U&'\001F' ORDER BY ord) AS joined
    FROM search_link JOIN search_value USING (value_id) GROUP BY clip_id
) AS texts USING (clip_id)
ORDER BY clip_id;

-- With them go the indexes search_clip_title, search_clip_creator and search_clip_source.
ALTER TABLE search_clip DROP title, DROP creator, DROP source;
CLUSTER search_clip USING search_clip_pkey;  -- or the rows keep their old size

-- No pending lists (fastupdate). With them every 1,500th clip at a million waits while 4 MB are put in
-- their place, 320 ms of a processor, and searches read them through; without them none takes more
-- than 14 ms, and the mean is the same, 6 ms.
CREATE INDEX search_text_title ON search_text USING gin (title gin_trgm_ops)
    WITH (fastupdate = off);
CREATE INDEX search_text_creator ON search_text USING gin (creator gin_trgm_ops)
    WITH (fastupdate = off);
CREATE INDEX search_text_source ON search_text USING gin (source gin_trgm_ops)
    WITH (fastupdate = off);
CREATE INDEX search_any_folded ON search_any USING gin (folded gin_trgm_ops)
    WITH (fastupdate = off);
ALTER INDEX search_clip_vals SET (fastupdate = off);
ALTER INDEX search_value_parts SET (fastupdate = off);

-- Most clips are younger than most bounds: such searches are counted in the index alone.
DROP INDEX search_clip_by_mtime;
CREATE INDEX search_clip_by_mtime ON search_clip (mtime_low, clip_id) INCLUDE (file_type, year_low);

CREATE OR REPLACE FUNCTION search_clip_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM search_text WHERE clip_id = OLD.clip_id;
    DELETE FROM search_any WHERE clip_id = OLD.clip_id;
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
