-- Who came in, and what was changed about whom.

INSERT INTO journal (at, event, subject, detail, login, address)
VALUES
    (now(), 'logged-in', 'user:studio', NULL, 'studio', '127.0.0.1'),
    (now(), 'login-refused', 'user:guessed', 'wrong password', NULL, '192.0.2.9'),
    (now(), 'group-joined', 'user:Größe 月', 'group:Größe', 'root', NULL);
