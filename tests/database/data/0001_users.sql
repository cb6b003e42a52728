-- Users of all roles, who is logged in, and who has guessed. The password of all is "open sesame".
-- Session ids are digits: `repeat('1', 32)` is root's.

INSERT INTO users (login, password_hash, role)
SELECT login, '$argon2id$v=19$m=64,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$'
    || 'zl7V9C596JtSXWShZ2Tfc7QVGFpgGIXeJjaZ2scNEC0', role
FROM (VALUES ('root', 'admin'), ('studio', 'maintainer'), ('paul', 'client'),
             ('Größe 月', 'maintainer'), ('guessed', 'client')) AS them (login, role);

INSERT INTO session (digest, user_id, created_at, last_used_at)
VALUES
    (sha256(repeat('1', 32)::bytea), 1, now() - interval '1 hour', now()),
    (sha256(repeat('2', 32)::bytea), 2, now() - interval '6 days', now() - interval '1 day'),
    (sha256(repeat('3', 32)::bytea), 3, now() - interval '1 day', now()),
    (sha256(repeat('4', 32)::bytea), 4, now() - interval '1 year', now());  -- too old

INSERT INTO login_failure (key, failures, last_failed_at, blocked_until)
VALUES ('user guessed', 30, now(), now() + interval '1 hour'),
       ('address 192.0.2.9', 3, now() - interval '1 day', now() - interval '1 day');

INSERT INTO known_address (user_id, address, last_login_at)
VALUES (1, '127.0.0.1', now()), (2, '2001:db8::1', now() - interval '1 day');
