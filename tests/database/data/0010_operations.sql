-- Events that tell more, and what the archive has done by itself.

INSERT INTO journal (at, event, gunid, login, file_type, revision, address)
VALUES
    (now(), 'accessed', '0190163d-8694-739b-aea5-966c26f8ad91', 'paul', 'audioclip', 2, '192.0.2.7'),
    (now(), 'updated', '0190163d-8694-739b-aea5-0000000000f1', 'studio', 'playlist', 2, '2001:db8::1');

INSERT INTO chore (name, ended_at) VALUES ('tidying', now() - interval '10 minutes');
