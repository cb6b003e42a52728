-- What is known of the bytes of a content: when they were last read again, and whether they are
-- damaged; and the brake, which keeps maintenance from removing or condemning very much at once.

ALTER TABLE content
    ADD looked_at   timestamptz,  -- when it was last tried to read all of it; NULL: never
    ADD verified_at timestamptz,  -- when it was last read to its end and found whole; NULL: never
    ADD damage      text,  -- a sentence; NULL: no damage is known. What is damaged is not handed out
    ADD damaged_at  timestamptz,
    ADD CONSTRAINT content_is_damaged_since CHECK ((damage IS NULL) = (damaged_at IS NULL));
-- What was not looked at since it was stored was read then, as it came.
CREATE INDEX content_looked_at ON content (coalesce(looked_at, created_at));
CREATE INDEX content_damaged ON content (damaged_at) WHERE damage IS NOT NULL;

-- The file of a lease of damaged audio is taken away; once the audio is whole again, it is put back.
ALTER TABLE lease ADD awaits_file boolean NOT NULL DEFAULT false;
CREATE INDEX lease_awaits_file ON lease (content_id) WHERE awaits_file;

-- Who remembers a lease of bytes that are found damaged, or whole again, has to ask anew.
CREATE FUNCTION damage_has_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tell_to_forget('lease ' || token) FROM lease WHERE content_id = NEW.content_id;
    RETURN NULL;
END $$;
CREATE TRIGGER damage_has_changed AFTER UPDATE OF damage ON content
    FOR EACH ROW WHEN (OLD.damage IS DISTINCT FROM NEW.damage)
    EXECUTE FUNCTION damage_has_changed();

ALTER TABLE journal
    DROP CONSTRAINT journal_event_is_known,
    ADD CONSTRAINT journal_event_is_known
        CHECK (CASE WHEN gunid IS NOT NULL
               THEN event IN ('created', 'replaced', 'updated', 'trashed', 'restored', 'deleted',
                              'accessed', 'damaged', 'mended')
               ELSE event IN ('logged-in', 'login-refused', 'logged-out', 'token-added',
                              'token-removed', 'user-added', 'user-removed', 'password-changed',
                              'role-changed', 'group-added', 'group-removed', 'group-joined',
                              'group-left', 'permission-set', 'permission-revoked', 'class-added',
                              'class-removed', 'class-joined', 'class-left')
               END);

CREATE TABLE verification (  -- one row
    only_one       boolean PRIMARY KEY DEFAULT true CONSTRAINT verification_is_one CHECK (only_one),
    since          timestamptz NOT NULL,  -- the archive reads its contents again
    check_began_at timestamptz  -- of the last `archive-server check` that has not ended; NULL: all have
);
INSERT INTO verification (since) VALUES (now());

CREATE TABLE brake (  -- maintenance that would have done too much at once, or was told that it may
    job         text PRIMARY KEY
                CONSTRAINT brake_job_is_known
                CHECK (job IN ('trash', 'revisions', 'contents', 'orphans', 'damage')),
    held        bigint NOT NULL DEFAULT 0,  -- how much it would have done; 0: nothing is held back
    total       bigint NOT NULL DEFAULT 0,  -- of how many there were
    held_since  timestamptz,
    allowed     bigint NOT NULL DEFAULT 0,  -- how much more than usual it may do ...
    released_at timestamptz,  -- ... for a day from then
    CONSTRAINT brake_is_held_since CHECK ((held > 0) = (held_since IS NOT NULL))
);
