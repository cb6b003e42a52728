-- What processes remember of leases and sessions, they forget when they are told here. They listen
-- on the channel `archive_forget`, and believe what they remember only while they hear it.

-- Tell everybody, once this is committed; and whoever does it at once, so that the answer to a call
-- comes after what the call has changed is forgotten. Both get the same text: `lease TOKEN`,
-- `session DIGEST` or `user ID`.
CREATE FUNCTION tell_to_forget(what text) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM pg_notify('archive_forget', what);
    RAISE NOTICE 'archive_forget %', what;
END $$;

CREATE FUNCTION lease_has_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tell_to_forget('lease ' || OLD.token);
    RETURN NULL;
END $$;
CREATE TRIGGER lease_has_ended AFTER DELETE ON lease
    FOR EACH ROW EXECUTE FUNCTION lease_has_ended();
-- Nothing but the last use of a lease ever changes, and that only onward (or each of many uses at
-- once would make all others be forgotten). Who does otherwise by hand is heard, too.
CREATE TRIGGER lease_has_changed AFTER UPDATE ON lease
    FOR EACH ROW WHEN (NEW.last_used_at < OLD.last_used_at
        OR (OLD.token, OLD.kind, OLD.file_name, OLD.content_id, OLD.format)
           IS DISTINCT FROM (NEW.token, NEW.kind, NEW.file_name, NEW.content_id, NEW.format))
    EXECUTE FUNCTION lease_has_ended();

CREATE FUNCTION session_has_ended() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tell_to_forget('session ' || encode(OLD.digest, 'hex'));
    RETURN NULL;
END $$;
CREATE TRIGGER session_has_ended AFTER DELETE ON session
    FOR EACH ROW EXECUTE FUNCTION session_has_ended();
CREATE TRIGGER session_has_changed AFTER UPDATE ON session
    FOR EACH ROW WHEN (NEW.last_used_at < OLD.last_used_at
        OR (OLD.digest, OLD.user_id, OLD.created_at)
           IS DISTINCT FROM (NEW.digest, NEW.user_id, NEW.created_at))
    EXECUTE FUNCTION session_has_ended();

-- Who is removed loses their sessions, of which the trigger above tells. Groups and rules are not
-- remembered: they are asked for in the transaction that they allow something in.
CREATE FUNCTION user_has_changed() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM tell_to_forget('user ' || OLD.user_id);
    RETURN NULL;
END $$;
CREATE TRIGGER user_has_changed AFTER UPDATE OF login, role ON users
    FOR EACH ROW WHEN ((OLD.login, OLD.role) IS DISTINCT FROM (NEW.login, NEW.role))
    EXECUTE FUNCTION user_has_changed();
