-- What the sidecars in the store (docs/store-format.md) have yet to say. Items are followed by the
-- journal, which costs their writers nothing; what it does not tell is noted here by triggers.

CREATE TABLE sidecar_progress (  -- one row
    only_one boolean PRIMARY KEY DEFAULT true CONSTRAINT sidecar_progress_is_one CHECK (only_one),
    journal  bigint NOT NULL,  -- the last event whose item has been written
    -- How far the pass over all items has come, by clip_id; NULL: it has been everywhere. 0: it is
    -- about to begin, as in an archive that has no sidecars yet.
    passed   integer
);
INSERT INTO sidecar_progress (journal, passed) VALUES (journal_horizon(), 0);

CREATE TABLE sidecar_due (  -- something was changed; rows are only added, so that nobody waits
    due_id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    at     timestamptz NOT NULL DEFAULT now(),
    gunid  uuid  -- of an item; NULL: what the archive has beside them, users and groups say
);

-- An item's rights, and those about something else. Of a clip that goes the journal tells.
CREATE FUNCTION sidecar_of_rights_is_due() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    changed record;
BEGIN
    FOR changed IN
        SELECT OLD.clip_id WHERE TG_OP <> 'INSERT' UNION SELECT NEW.clip_id WHERE TG_OP <> 'DELETE'
    LOOP
        IF changed.clip_id IS NULL THEN
            INSERT INTO sidecar_due (gunid) VALUES (NULL);
        ELSE
            INSERT INTO sidecar_due (gunid) SELECT gunid FROM clip WHERE clip_id = changed.clip_id;
        END IF;
    END LOOP;
    RETURN NULL;
END $$;
CREATE TRIGGER sidecar_is_due AFTER INSERT OR UPDATE OR DELETE ON rule
    FOR EACH ROW EXECUTE FUNCTION sidecar_of_rights_is_due();
CREATE TRIGGER sidecar_is_due AFTER INSERT OR UPDATE OR DELETE ON class_member
    FOR EACH ROW EXECUTE FUNCTION sidecar_of_rights_is_due();

-- Who is removed leaves items that nobody owns.
CREATE FUNCTION sidecar_of_owned_is_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sidecar_due (gunid) VALUES (NEW.gunid);
    RETURN NULL;
END $$;
CREATE TRIGGER sidecar_is_due AFTER UPDATE OF owner_id ON clip
    FOR EACH ROW WHEN (OLD.owner_id IS DISTINCT FROM NEW.owner_id)
    EXECUTE FUNCTION sidecar_of_owned_is_due();

-- Versions that were replaced long ago go without an event.
CREATE FUNCTION sidecar_of_versions_is_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sidecar_due (gunid) SELECT DISTINCT gunid FROM gone JOIN clip USING (clip_id);
    RETURN NULL;
END $$;
CREATE TRIGGER sidecar_is_due AFTER DELETE ON revision REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION sidecar_of_versions_is_due();
CREATE TRIGGER sidecar_is_due AFTER DELETE ON playlist_revision REFERENCING OLD TABLE AS gone
    FOR EACH STATEMENT EXECUTE FUNCTION sidecar_of_versions_is_due();

CREATE FUNCTION sidecar_of_archive_is_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    INSERT INTO sidecar_due (gunid) VALUES (NULL);
    RETURN NULL;
END $$;
CREATE TRIGGER sidecar_is_due AFTER INSERT OR UPDATE OR DELETE ON users
    FOR EACH STATEMENT EXECUTE FUNCTION sidecar_of_archive_is_due();
CREATE TRIGGER sidecar_is_due AFTER INSERT OR UPDATE OR DELETE ON user_group
    FOR EACH STATEMENT EXECUTE FUNCTION sidecar_of_archive_is_due();
CREATE TRIGGER sidecar_is_due AFTER INSERT OR UPDATE OR DELETE ON membership
    FOR EACH STATEMENT EXECUTE FUNCTION sidecar_of_archive_is_due();
CREATE TRIGGER sidecar_is_due AFTER INSERT OR UPDATE OR DELETE ON object_class
    FOR EACH STATEMENT EXECUTE FUNCTION sidecar_of_archive_is_due();
CREATE TRIGGER sidecar_is_due AFTER INSERT OR UPDATE OR DELETE ON user_preference
    FOR EACH STATEMENT EXECUTE FUNCTION sidecar_of_archive_is_due();
CREATE TRIGGER sidecar_is_due AFTER INSERT OR UPDATE OR DELETE ON group_preference
    FOR EACH STATEMENT EXECUTE FUNCTION sidecar_of_archive_is_due();

CREATE TRIGGER sidecar_is_due AFTER INSERT OR DELETE OR UPDATE OF user_id, name, scope, expires_at
    ON api_token FOR EACH STATEMENT EXECUTE FUNCTION sidecar_of_archive_is_due();

-- Sidecars name users, groups and classes: who gives one another name, changes any of them.
CREATE FUNCTION sidecars_are_due() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE sidecar_progress SET passed = 0;
    RETURN NULL;
END $$;
CREATE TRIGGER sidecars_are_due AFTER UPDATE OF login ON users
    FOR EACH ROW WHEN (OLD.login <> NEW.login) EXECUTE FUNCTION sidecars_are_due();
CREATE TRIGGER sidecars_are_due AFTER UPDATE OF name ON user_group
    FOR EACH ROW WHEN (OLD.name <> NEW.name) EXECUTE FUNCTION sidecars_are_due();
CREATE TRIGGER sidecars_are_due AFTER UPDATE OF name ON object_class
    FOR EACH ROW WHEN (OLD.name <> NEW.name) EXECUTE FUNCTION sidecars_are_due();

-- Bytes that `rebuild` has found in the store and no sidecar names. They stay, since it may be the
-- sidecar that is lost, until somebody makes a clip of them, or removes the file.
CREATE TABLE unclaimed_content (
    content_id bytea PRIMARY KEY CONSTRAINT unclaimed_content_is_sha256 CHECK (length(content_id) = 32)
);
