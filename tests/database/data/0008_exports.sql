-- An archive of an exported playlist: a text, and the audio that a lease keeps.

INSERT INTO lease (token, parent, kind, user_id, gunid, file_name, content_id, format, created_at,
                   last_used_at)
VALUES
    (repeat('9', 32), NULL, 'export', 2, '0190163d-8694-739b-aea5-0000000000f2', 'jingles.tar', NULL, NULL, now(), now()),
    (repeat('0', 31) || '9', repeat('9', 32), 'audio', 2, '00000000-0000-0000-0000-000000000abc',
     'b.ogg', sha256('audio 3'), 'ogg', now(), now());

INSERT INTO export_member (token, place, name, size, body, audio)
VALUES
    (repeat('9', 32), 0, 'playlist/0190163d-8694-739b-aea5-0000000000f2.lspl', 12, '<playlist />', NULL),
    (repeat('9', 32), 1, 'audioClip/0000000000000abc.ogg', 7, NULL, repeat('0', 31) || '9');
