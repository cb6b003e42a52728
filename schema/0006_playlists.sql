-- The versions of playlists that were saved, and which playlist holds which.

CREATE TABLE playlist_revision (  -- the current one is the clip's document
    clip_id       integer NOT NULL REFERENCES clip ON DELETE CASCADE,
    number        integer NOT NULL,
    document_id   bigint NOT NULL REFERENCES document,
    created_at    timestamptz NOT NULL,
    superseded_at timestamptz,  -- NULL: the current one
    PRIMARY KEY (clip_id, number)
);
CREATE INDEX playlist_revision_document ON playlist_revision (document_id);
CREATE INDEX playlist_revision_superseded ON playlist_revision (superseded_at)
    WHERE superseded_at IS NOT NULL;

-- Derived from the documents; what is held may not exist (any more). The rows never make a circle.
CREATE TABLE playlist_link (
    clip_id integer NOT NULL REFERENCES clip ON DELETE CASCADE,
    held    uuid NOT NULL,  -- the gunid of a playlist that this one holds
    PRIMARY KEY (clip_id, held)
);
CREATE INDEX playlist_link_held ON playlist_link (held);
