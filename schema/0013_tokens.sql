-- API tokens: the right of a program to act for a user, in part and for a time.

CREATE TABLE api_token (
    digest       bytea PRIMARY KEY  -- SHA-256 of the token; the token itself is not kept
                 CONSTRAINT api_token_digest_is_sha256 CHECK (length(digest) = 32),
    user_id      integer NOT NULL REFERENCES users ON DELETE CASCADE,
    name         text NOT NULL  -- what it is for
                 CONSTRAINT api_token_name_has_a_length CHECK (length(name) BETWEEN 1 AND 255),
    scope        text NOT NULL
                 CONSTRAINT api_token_scope_is_known CHECK (scope IN ('read', 'write', 'admin')),
    created_at   timestamptz NOT NULL,
    expires_at   timestamptz,  -- NULL: it does not
    last_used_at timestamptz,  -- NULL: it never was
    CONSTRAINT api_token_name_is_unique UNIQUE (user_id, name)
);

-- Processes remember callers by the digest of what they have shown, session id or token, and are
-- told by the same notice that it has ended.
CREATE TRIGGER api_token_has_ended AFTER DELETE ON api_token
    FOR EACH ROW EXECUTE FUNCTION session_has_ended();
CREATE TRIGGER api_token_has_changed AFTER UPDATE ON api_token
    FOR EACH ROW WHEN ((OLD.digest, OLD.user_id, OLD.scope, OLD.expires_at)
                       IS DISTINCT FROM (NEW.digest, NEW.user_id, NEW.scope, NEW.expires_at))
    EXECUTE FUNCTION session_has_ended();
