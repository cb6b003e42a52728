-- What was read again: some is whole, one was found damaged (its file is whole by now), and a file
-- that was taken away for it. And a brake that holds.

UPDATE content SET looked_at = now(), verified_at = now() WHERE content_id <> sha256('audio 6');
UPDATE content
SET looked_at = now(), damage = 'has 5 bytes instead of 7', damaged_at = now() - interval '1 day'
WHERE content_id = sha256('audio 6');

INSERT INTO lease (token, kind, user_id, gunid, file_name, content_id, format, created_at,
                   last_used_at, awaits_file)
VALUES (repeat('0', 31) || 'a', 'file', 2, '0190163d-8694-739b-aea5-00000000dead', 'gone.mp3',
        sha256('audio 6'), 'mp3', now(), now(), true);

INSERT INTO journal (at, event, gunid, file_type, revision)
VALUES (now(), 'damaged', '0190163d-8694-739b-aea5-00000000dead', 'audioclip', 1);

UPDATE verification SET check_began_at = now() - interval '1 hour';

INSERT INTO brake (job, held, total, held_since, allowed, released_at)
VALUES ('contents', 500, 600, now(), 0, NULL), ('trash', 0, 0, NULL, 100, now());
