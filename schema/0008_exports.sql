-- What archives of exported playlists are made of. Nothing is ever put together on the disk.

CREATE TABLE export_member (  -- a file of the archive that a lease reads; never changes
    token   text NOT NULL REFERENCES lease ON DELETE CASCADE,
    place   integer NOT NULL,  -- in the archive, from 0 on
    name    text NOT NULL,
    size    bigint NOT NULL,  -- bytes
    body    bytea,  -- of a text; NULL: audio
    audio   text REFERENCES lease ON DELETE CASCADE,  -- the lease that keeps it; NULL: a text
    PRIMARY KEY (token, place),
    CONSTRAINT export_member_is_text_or_audio CHECK ((body IS NULL) <> (audio IS NULL)),
    CONSTRAINT export_member_body_has_its_size CHECK (length(body) = size)
);
CREATE INDEX export_member_audio ON export_member (audio) WHERE audio IS NOT NULL;
