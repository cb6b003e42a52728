-- The versions of playlists that were saved; the current one is the clip's document.

CREATE TABLE playlist_revision (
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
