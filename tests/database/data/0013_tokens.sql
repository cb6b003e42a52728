-- API tokens: one that is good, one that was never used, one that has expired.

INSERT INTO api_token (digest, user_id, name, scope, created_at, expires_at, last_used_at)
VALUES
    (sha256(convert_to('archive_' || repeat('0', 48), 'UTF8')), 2, 'Sendeplan 月', 'read', now(), now() + interval '1 year', now()),
    (sha256('unused'), 3, 'unused', 'write', now(), NULL, NULL),
    (sha256('expired'), 2, 'old', 'admin', now() - interval '1 year', now() - interval '1 day', NULL);
