-- What searches look at. Everything here is derived from the documents of the clips that are not
-- in the trash. Folded text is compared by code points, hence COLLATE "C".

CREATE EXTENSION IF NOT EXISTS pg_trgm;  -- substrings
CREATE EXTENSION IF NOT EXISTS btree_gin;  -- a category beside them in one index

CREATE TABLE search_category (
    category_id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    name        text COLLATE "C" NOT NULL CONSTRAINT search_category_name_is_unique UNIQUE,
    local_name  text COLLATE "C" NOT NULL  -- without the prefix
);
CREATE INDEX search_category_local_name ON search_category (local_name);

-- The core categories have columns of their own in search_clip. Their ids are known to an index
-- and to the code: 1 to 3.
INSERT INTO search_category (name, local_name)
VALUES ('dc:title', 'title'), ('dc:creator', 'creator'), ('dc:source', 'source');

CREATE TABLE search_value (  -- each value of each category, once; the dictionary
    value_id    integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    category_id integer NOT NULL REFERENCES search_category,
    -- Clips that have the value. No index holds them, so that counting stays cheap (HOT updates).
    n_audioclip integer NOT NULL DEFAULT 0,
    n_playlist  integer NOT NULL DEFAULT 0,
    n_webstream integer NOT NULL DEFAULT 0,
    digest      uuid NOT NULL,  -- of the value, which may be too long for an index
    instant     timestamptz,  -- of categories called mtime: the point in time; NULL: not one
    value       text COLLATE "C" NOT NULL,
    folded      text COLLATE "C" NOT NULL,
    CONSTRAINT search_value_is_unique UNIQUE (category_id, digest),
    CONSTRAINT search_value_counts CHECK (n_audioclip >= 0 AND n_playlist >= 0 AND n_webstream >= 0)
) WITH (fillfactor = 85);
-- The first 64 characters decide comparisons with anything shorter.
CREATE INDEX search_value_start ON search_value (category_id, left(folded, 64));
CREATE INDEX search_value_parts ON search_value USING gin (category_id, folded gin_trgm_ops)
    WHERE category_id > 3;
CREATE INDEX search_value_instant ON search_value (category_id, instant) WHERE instant IS NOT NULL;

CREATE TABLE search_clip (  -- one compact row a clip
    clip_id     integer PRIMARY KEY REFERENCES clip ON DELETE CASCADE,
    file_type   smallint NOT NULL  -- 1 audioclip, 2 playlist, 3 webstream: the order of answers
                CONSTRAINT search_clip_file_type_is_known CHECK (file_type BETWEEN 1 AND 3),
    -- The least and the greatest of the repeated values of a category; they differ hardly ever.
    -- Texts are folded and cut to 64 characters, which decides comparisons with anything shorter.
    mtime_low   timestamptz NOT NULL,
    mtime_high  timestamptz NOT NULL,
    extent_low  text COLLATE "C",
    extent_high text COLLATE "C",
    year_low    text COLLATE "C",
    year_high   text COLLATE "C",
    -- What the first value is sorted by: folded, without white space, cut to 200 characters.
    title_key   text COLLATE "C",
    creator_key text COLLATE "C",
    source_key  text COLLATE "C",
    -- All folded values, each between two U+001F, which no document can contain.
    title       text COLLATE "C",
    creator     text COLLATE "C",
    source      text COLLATE "C",
    vals        integer[] NOT NULL  -- the ids of all values of the clip, in document order
);
ALTER TABLE search_clip ALTER vals SET STATISTICS 1000;

CREATE INDEX search_clip_title ON search_clip USING gin (title gin_trgm_ops);
CREATE INDEX search_clip_creator ON search_clip USING gin (creator gin_trgm_ops);
CREATE INDEX search_clip_source ON search_clip USING gin (source gin_trgm_ops);
CREATE INDEX search_clip_vals ON search_clip USING gin (vals);

CREATE INDEX search_clip_by_default ON search_clip (file_type, title_key, clip_id);
CREATE INDEX search_clip_by_title ON search_clip (title_key, clip_id);
CREATE INDEX search_clip_by_title_down ON search_clip (title_key DESC NULLS LAST, clip_id DESC);
CREATE INDEX search_clip_by_creator ON search_clip (creator_key, clip_id);
CREATE INDEX search_clip_by_mtime ON search_clip (mtime_low, clip_id) INCLUDE (file_type);
CREATE INDEX search_clip_by_extent ON search_clip (extent_low, clip_id) INCLUDE (file_type);
CREATE INDEX search_clip_by_year ON search_clip (year_low, clip_id) INCLUDE (file_type);
-- The clips whose values do differ
CREATE INDEX search_clip_mtimes ON search_clip (mtime_high) WHERE mtime_low <> mtime_high;
CREATE INDEX search_clip_extents ON search_clip (extent_high) WHERE extent_low <> extent_high;
CREATE INDEX search_clip_years ON search_clip (year_high) WHERE year_low <> year_high;

CREATE TABLE search_shown (  -- what answers show of a clip, as the document writes it
    clip_id      integer PRIMARY KEY REFERENCES search_clip ON DELETE CASCADE,
    gunid        uuid NOT NULL,
    title        text NOT NULL,
    creator      text NOT NULL,
    source       text NOT NULL,
    length       text NOT NULL,
    track_number text NOT NULL
);

CREATE TABLE search_link (  -- which clip has which value
    value_id    integer NOT NULL,
    clip_id     integer NOT NULL,
    category_id integer NOT NULL,  -- of the value
    ord         integer NOT NULL,  -- the place of the value in the document
    file_type   smallint NOT NULL,
    -- No foreign keys: the trigger below removes what belongs to a clip, and values are removed
    -- only when no clip has them.
    PRIMARY KEY (value_id, file_type, clip_id)
);
CREATE INDEX search_link_clip ON search_link (category_id, clip_id, ord) INCLUDE (value_id);

CREATE TABLE search_count (  -- how many clips there are to be found
    file_type smallint PRIMARY KEY,
    n         integer NOT NULL CONSTRAINT search_count_counts CHECK (n >= 0)
);
INSERT INTO search_count (file_type, n) VALUES (1, 0), (2, 0), (3, 0);

-- However a clip goes, its links and counts go with it. Rows that count are locked in the order
-- of their ids, values before clips: that keeps concurrent changes from deadlocks.
CREATE FUNCTION search_clip_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
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
CREATE TRIGGER search_clip_gone AFTER DELETE ON search_clip
    FOR EACH ROW EXECUTE FUNCTION search_clip_gone();
