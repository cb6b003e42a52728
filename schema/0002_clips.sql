-- Clips, their audio and documents, what is being received and read, and what happened.

CREATE TABLE content (  -- bytes that are in the store; equal bytes are one row
    content_id bytea PRIMARY KEY CONSTRAINT content_id_is_sha256 CHECK (length(content_id) = 32),
    md5        bytea NOT NULL CONSTRAINT content_md5_is_md5 CHECK (length(md5) = 16),
    size       bigint NOT NULL CONSTRAINT content_is_not_empty CHECK (size > 0),  -- bytes
    created_at timestamptz NOT NULL DEFAULT now()
);
CREATE INDEX content_md5 ON content (md5);

CREATE TABLE document (  -- a metadata document in its canonical form; never changes
    document_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    xml         text NOT NULL,
    created_at  timestamptz NOT NULL DEFAULT now()
);

CREATE TABLE clip (
    clip_id     integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    gunid       uuid NOT NULL CONSTRAINT clip_gunid_is_unique UNIQUE,
    file_type   text NOT NULL
                CONSTRAINT clip_file_type_is_known
                CHECK (file_type IN ('audioclip', 'playlist', 'webstream')),
    state       text NOT NULL DEFAULT 'ready'
                CONSTRAINT clip_state_is_known CHECK (state IN ('ready', 'trashed')),
    owner_id    integer REFERENCES users ON DELETE SET NULL,  -- NULL: the owner is gone
    file_name   text NOT NULL,
    document_id bigint NOT NULL REFERENCES document,
    revision    integer,  -- the current one; NULL for what has no audio
    mtime       timestamptz NOT NULL,  -- the last change of audio or document
    created_at  timestamptz NOT NULL DEFAULT now(),
    trashed_at  timestamptz,
    CONSTRAINT clip_audio_has_a_revision CHECK (file_type <> 'audioclip' OR revision IS NOT NULL),
    CONSTRAINT clip_trashed_since CHECK ((state = 'trashed') = (trashed_at IS NOT NULL))
);
CREATE INDEX clip_document ON clip (document_id);
CREATE INDEX clip_trashed ON clip (trashed_at) WHERE state = 'trashed';

CREATE TABLE revision (  -- one version of a clip's audio; never changes
    clip_id       integer NOT NULL REFERENCES clip ON DELETE CASCADE,
    number        integer NOT NULL,
    content_id    bytea NOT NULL REFERENCES content,
    format        text NOT NULL
                  CONSTRAINT revision_format_is_known CHECK (format IN ('ogg', 'mp3', 'wav')),
    duration_us   bigint NOT NULL,
    sample_rate   integer NOT NULL,  -- Hz
    channels      smallint NOT NULL,
    bit_rate      integer NOT NULL,  -- bits a second
    warnings      text[] NOT NULL,  -- codes of what was odd, but whole
    created_at    timestamptz NOT NULL,
    superseded_at timestamptz,  -- NULL: the current one
    PRIMARY KEY (clip_id, number)
);
CREATE INDEX revision_content ON revision (content_id);
CREATE INDEX revision_superseded ON revision (superseded_at) WHERE superseded_at IS NOT NULL;

ALTER TABLE clip ADD CONSTRAINT clip_current_revision
    FOREIGN KEY (clip_id, revision) REFERENCES revision (clip_id, number)
    DEFERRABLE INITIALLY DEFERRED;

CREATE TABLE upload (  -- the right to send the bytes of one file
    token         text PRIMARY KEY
                  CONSTRAINT upload_token_is_hex CHECK (token ~ '^[0-9a-f]{32}$'),
    user_id       integer NOT NULL REFERENCES users ON DELETE CASCADE,
    purpose       text NOT NULL DEFAULT 'clip'
                  -- clip: audio; import: an exported playlist; restore: a backup; restoring: a
                  -- backup that a job reads; put: bytes that shall only arrive
                  CONSTRAINT upload_purpose_is_known
                  CHECK (purpose IN ('clip', 'import', 'restore', 'restoring', 'put')),
    gunid         uuid  -- of a clip that may not exist yet
                  CONSTRAINT upload_of_a_clip_has_its_id
                  CHECK ((purpose = 'clip') = (gunid IS NOT NULL)),
    file_name     text NOT NULL,
    announced_md5 bytea,  -- NULL: nothing to compare with
    document      text,  -- as the client sent it; NULL: none
    total_size    bigint,  -- bytes, once a request has told it
    -- The digests of the first `digested_size` bytes, kept when a request ends. They spare `Close`
    -- from reading the file again when they cover all of it.
    digested_size bigint,
    sha256        bytea,
    md5           bytea,
    created_at    timestamptz NOT NULL,
    last_used_at  timestamptz NOT NULL
);
CREATE INDEX upload_last_used ON upload (last_used_at);

CREATE TABLE lease (  -- the right to read one revision or one document
    token        text PRIMARY KEY
                 CONSTRAINT lease_token_is_hex CHECK (token ~ '^[0-9a-f]{32}$'),
    parent       text REFERENCES lease ON DELETE CASCADE,  -- closed together with this one
    kind         text NOT NULL
                 -- audio: over HTTP; file: a link on the server's disk; document: metadata;
                 -- playlist: a playlist, perhaps with leases of all it holds; edit: the right to
                 -- change a playlist; export: a tar archive of what its children read; rss: a feed
                 CONSTRAINT lease_kind_is_known
                 CHECK (kind IN ('audio', 'file', 'document', 'playlist', 'edit', 'export', 'rss')),
    user_id      integer REFERENCES users ON DELETE SET NULL,
    gunid        uuid NOT NULL,  -- no foreign key: the lease outlives its clip
    file_name    text NOT NULL,
    content_id   bytea REFERENCES content,
    format       text,
    document_id  bigint REFERENCES document,
    created_at   timestamptz NOT NULL,
    last_used_at timestamptz NOT NULL,
    CONSTRAINT lease_pins_one_thing
        CHECK (CASE WHEN kind IN ('audio', 'file')
                    THEN content_id IS NOT NULL AND format IS NOT NULL AND document_id IS NULL
                    WHEN kind = 'export' THEN content_id IS NULL AND document_id IS NULL
                    ELSE document_id IS NOT NULL AND content_id IS NULL END)
);
CREATE INDEX lease_parent ON lease (parent) WHERE parent IS NOT NULL;
CREATE UNIQUE INDEX lease_one_editor ON lease (gunid) WHERE kind = 'edit';
CREATE INDEX lease_content ON lease (content_id);
CREATE INDEX lease_document ON lease (document_id);
CREATE INDEX lease_last_used ON lease (last_used_at);

CREATE TABLE journal (  -- what happened to the library, in one row a change
    number  bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at      timestamptz NOT NULL,
    event   text NOT NULL
            CONSTRAINT journal_event_is_known
            CHECK (event IN ('created', 'replaced', 'updated', 'trashed', 'restored', 'deleted')),
    gunid   uuid NOT NULL,
    login   text  -- NULL: the archive itself
);

-- Contents something has stopped referring to. The janitor looks at each once; the triggers see to
-- it that no way of removing a reference is forgotten.
CREATE TABLE released_content (
    content_id bytea PRIMARY KEY
);

CREATE FUNCTION note_released_content() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.content_id IS NOT NULL THEN
        INSERT INTO released_content VALUES (OLD.content_id) ON CONFLICT DO NOTHING;
    END IF;
    RETURN NULL;
END $$;

CREATE TRIGGER revision_releases_content AFTER DELETE ON revision
    FOR EACH ROW EXECUTE FUNCTION note_released_content();
CREATE TRIGGER lease_releases_content AFTER DELETE ON lease
    FOR EACH ROW EXECUTE FUNCTION note_released_content();

CREATE TABLE store (  -- which store holds the content; one row, once there has been a start
    only_one boolean PRIMARY KEY DEFAULT true CONSTRAINT store_is_one CHECK (only_one),
    store_id uuid NOT NULL  -- as in its store.json: another one, or none, is not ours
);
