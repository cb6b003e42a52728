-- Clips in all states, what is being received and read, and what has happened. The bytes of content
-- N are the text `audio N`; those of the upload are `hello`.

INSERT INTO content (content_id, md5, size)
SELECT sha256(bytes), decode(md5(bytes), 'hex'), length(bytes)
FROM (SELECT convert_to('audio ' || n, 'UTF8') AS bytes FROM generate_series(1, 6) AS n) AS stored;

-- 1 is A's, 2 what A said before, 3 B's, and so on.
INSERT INTO document (xml)
VALUES
    ('<?xml version="1.0" encoding="UTF-8"?>
<audioClip><metadata xmlns="http://mdlf.org/campcaster/elements/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:ls="http://mdlf.org/campcaster/elements/1.0/" xmlns:xml="http://www.w3.org/XML/1998/namespace"><dc:title xml:lang="de">Früher Morgen 🎵</dc:title> <dc:title xml:lang="en">Early &amp; &lt;late&gt;</dc:title> <dc:creator>Ana</dc:creator> <dc:creator>ANA</dc:creator> <dc:creator>Борис</dc:creator> <dcterms:extent>00:03:25.500000</dcterms:extent> <ls:year>2005</ls:year> <ls:year>1999</ls:year> <x:part><x:name>月</x:name> <x:empty /></x:part> <ls:mtime>2026-03-29T02:30:00+00:00</ls:mtime></metadata></audioClip>'),
    ('<?xml version="1.0" encoding="UTF-8"?>
<audioClip><metadata xmlns="http://mdlf.org/campcaster/elements/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:ls="http://mdlf.org/campcaster/elements/1.0/" xmlns:xml="http://www.w3.org/XML/1998/namespace"><dc:title>Wie A einmal hieß</dc:title> <ls:mtime>2026-03-29T01:30:00+00:00</ls:mtime></metadata></audioClip>'),
    ('<?xml version="1.0" encoding="UTF-8"?>
<audioClip><metadata xmlns="http://mdlf.org/campcaster/elements/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:ls="http://mdlf.org/campcaster/elements/1.0/" xmlns:xml="http://www.w3.org/XML/1998/namespace"><dc:title>O''Brien \ 100% _x_</dc:title> <dc:source>LP</dc:source> <ls:genre>Jazz</ls:genre> <dcterms:extent>11</dcterms:extent> <ls:mtime>2026-03-29T03:30:00+00:00</ls:mtime></metadata></audioClip>'),
    ('<?xml version="1.0" encoding="UTF-8"?>
<audioClip><metadata xmlns="http://mdlf.org/campcaster/elements/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:ls="http://mdlf.org/campcaster/elements/1.0/" xmlns:xml="http://www.w3.org/XML/1998/namespace"><dc:title>Im Papierkorb</dc:title> <ls:mtime>2026-03-29T03:30:00+00:00</ls:mtime></metadata></audioClip>'),
    ('<?xml version="1.0" encoding="UTF-8"?>
<audioClip><metadata xmlns="http://mdlf.org/campcaster/elements/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:ls="http://mdlf.org/campcaster/elements/1.0/" xmlns:xml="http://www.w3.org/XML/1998/namespace"><dc:title>Ohne Besitzer</dc:title> <ls:lyrics>' || repeat('la ', 40000) || 'end' || '</ls:lyrics> <ls:track_num>07</ls:track_num> <ls:mtime>2026-03-29T04:30:00+00:00</ls:mtime></metadata></audioClip>'),
    ('<?xml version="1.0" encoding="UTF-8"?>
<audioClip><metadata xmlns="http://mdlf.org/campcaster/elements/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:ls="http://mdlf.org/campcaster/elements/1.0/" xmlns:xml="http://www.w3.org/XML/1998/namespace"><dc:title>Live</dc:title> <ls:url>http://stream.example.org:8000/live</ls:url> <dcterms:extent>00:00:00.000000</dcterms:extent> <ls:mtime>2026-03-29T05:30:00+00:00</ls:mtime></metadata></audioClip>'),
    ('<?xml version="1.0" encoding="UTF-8"?>
<audioClip><metadata xmlns="http://mdlf.org/campcaster/elements/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:ls="http://mdlf.org/campcaster/elements/1.0/" xmlns:xml="http://www.w3.org/XML/1998/namespace"><dc:title>Noch einmal</dc:title> <ls:genre>Jazz</ls:genre> <ls:genre>jazz</ls:genre> <ls:mtime>2026-03-29T06:30:00+00:00</ls:mtime></metadata></audioClip>');

INSERT INTO clip (gunid, file_type, state, owner_id, file_name, document_id, revision, mtime,
                  trashed_at)
VALUES
    -- A was replaced; B has an old id; C is in the trash; D's owner is gone; E is a webstream; F has
    -- the same audio as B.
    ('0190163d-8694-739b-aea5-966c26f8ad91', 'audioclip', 'ready', 2, 'Früher Morgen.wav', 1, 2, '2026-03-29 02:30:00+00:00', NULL),
    ('00000000-0000-0000-0000-000000000abc', 'audioclip', 'ready', 2, 'b.ogg', 3, 1, '2026-03-29 03:30:00+00:00', NULL),
    ('0190163d-8694-739b-aea5-00000000000c', 'audioclip', 'trashed', 2, 'c.mp3', 4, 1, '2026-03-29 03:30:00+00:00', now()),
    ('0190163d-8694-739b-aea5-00000000000d', 'audioclip', 'ready', NULL, '', 5, 1, '2026-03-29 04:30:00+00:00', NULL),
    ('0190163d-8694-739b-aea5-00000000000e', 'webstream', 'ready', 4, 'live', 6, NULL, '2026-03-29 05:30:00+00:00', NULL),
    ('0190163d-8694-739b-aea5-00000000000f', 'audioclip', 'ready', 4, 'f "x".ogg', 7, 1, '2026-03-29 06:30:00+00:00', NULL);

INSERT INTO revision (clip_id, number, content_id, format, duration_us, sample_rate, channels,
                      bit_rate, warnings, created_at, superseded_at)
SELECT clip_id, number, sha256(convert_to('audio ' || n, 'UTF8')), format, 205500000, 44100, 2,
       192000, warnings::text[], '2026-03-29 02:30:00+00:00', superseded_at
FROM (VALUES
    (1, 1, 1, 'wav', '{}', now()),
    (1, 2, 2, 'wav', '{very-short,name-differs}', NULL::timestamptz),
    (2, 1, 3, 'ogg', '{}', NULL),
    (3, 1, 4, 'mp3', '{}', NULL),
    (4, 1, 5, 'mp3', '{}', NULL),
    (6, 1, 3, 'ogg', '{}', NULL)
) AS made (clip_id, number, n, format, warnings, superseded_at);

INSERT INTO upload (token, user_id, purpose, gunid, file_name, announced_md5, document, total_size,
                    digested_size, sha256, md5, created_at, last_used_at)
VALUES
    (repeat('a', 32), 2, 'clip', '0190163d-8694-739b-aea5-0000000000aa', 'ä.wav',
     decode(md5('hello world'), 'hex'), '<audioClip><metadata/></audioClip>', 11, 5,
     sha256('hello'), decode(md5('hello'), 'hex'), now(), now()),
    (repeat('b', 32), 4, 'put', NULL, 'x', NULL, NULL, NULL, NULL, NULL, NULL, now(), now()),
    (repeat('c', 32), 2, 'import', NULL, 'import.tar', NULL, NULL, NULL, NULL, NULL, NULL,
     now() - interval '1 year', now() - interval '1 year');

INSERT INTO lease (token, kind, user_id, gunid, file_name, content_id, format, document_id,
                   created_at, last_used_at)
VALUES
    -- what A was before it was replaced, by HTTP; what B is, as a file
    (repeat('1', 32), 'audio', 3, '0190163d-8694-739b-aea5-966c26f8ad91', 'Früher Morgen.wav',
     sha256('audio 1'), 'wav', NULL, now(), now()),
    (repeat('2', 32), 'file', 3, '00000000-0000-0000-0000-000000000abc', 'b.ogg',
     sha256('audio 3'), 'ogg', NULL, now() - interval '40 days', now() - interval '40 days'),
    -- what A said before; a clip that is gone, for a user who is
    (repeat('3', 32), 'document', 2, '0190163d-8694-739b-aea5-966c26f8ad91', 'Früher Morgen.wav',
     NULL, NULL, 2, now(), now()),
    (repeat('4', 32), 'audio', NULL, '0190163d-8694-739b-aea5-00000000dead', 'gone.mp3',
     sha256('audio 6'), 'mp3', NULL, now(), now());

INSERT INTO released_content VALUES (sha256('audio 6'));

INSERT INTO journal (at, event, gunid, login)
VALUES
    (now() - interval '3 days', 'created', '0190163d-8694-739b-aea5-966c26f8ad91', 'studio'),
    (now() - interval '3 days', 'created', '00000000-0000-0000-0000-000000000abc', 'studio'),
    (now() - interval '2 days', 'replaced', '0190163d-8694-739b-aea5-966c26f8ad91', 'studio'),
    (now() - interval '2 days', 'updated', '0190163d-8694-739b-aea5-966c26f8ad91', 'Größe 月'),
    (now() - interval '2 days', 'trashed', '0190163d-8694-739b-aea5-00000000000c', 'studio'),
    (now() - interval '1 day', 'restored', '0190163d-8694-739b-aea5-00000000000f', NULL),
    (now() - interval '1 day', 'deleted', '0190163d-8694-739b-aea5-00000000dead', 'gone');

INSERT INTO store (store_id) VALUES ('0190163d-8694-739b-aea5-00000000570e');
