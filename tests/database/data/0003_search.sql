-- What searches look at, of the clips of 0002: in this version their texts are in search_clip.

CREATE TEMPORARY TABLE said (
    clip_id integer, ord integer, category text, digest uuid, instant timestamptz, value text,
    folded text
);
INSERT INTO said
VALUES
    (1, 1, 'dc:title', '785c9ab2-73fa-a510-410f-e1a656820cb5',
     NULL, 'Früher Morgen 🎵', 'früher morgen 🎵'),
    (1, 2, 'dc:title', 'fd76a45a-92e4-3447-e34d-b298029e6da3',
     NULL, 'Early & <late>', 'early & <late>'),
    (1, 3, 'dc:creator', '2ce296a5-8402-c8e6-84a1-7a8e596d833c',
     NULL, 'Ana', 'ana'),
    (1, 4, 'dc:creator', 'cd0e0f16-9eb3-8837-3eb8-5ba9269e0f55',
     NULL, 'ANA', 'ana'),
    (1, 5, 'dc:creator', 'f1e83168-fa44-cf92-0b32-1e9af39e0a88',
     NULL, 'Борис', 'борис'),
    (1, 6, 'dcterms:extent', '83be345f-11c3-c28a-0449-04c562ded664',
     NULL, '00:03:25.500000', '00:03:25.500000'),
    (1, 7, 'ls:year', 'd16b2b73-c087-3f8c-afc5-05403b6b5dc9',
     NULL, '2005', '2005'),
    (1, 8, 'ls:year', 'e69ea453-94b9-f6ec-a782-992621358fd3',
     NULL, '1999', '1999'),
    (1, 9, 'x:name', 'a6d3e7b6-c514-6277-b9e7-713d58809a69',
     NULL, '月', '月'),
    (1, 10, 'ls:mtime', '477d27e3-b092-c244-8496-e87b28871dec',
     '2026-03-29T02:30:00+00:00', '2026-03-29T02:30:00+00:00', '2026-03-29t02:30:00+00:00'),
    (2, 1, 'dc:title', '9854b00f-8cec-a5a2-f6d5-5d4c6037bf95',
     NULL, 'O''Brien \ 100% _x_', 'o''brien \ 100% _x_'),
    (2, 2, 'dc:source', 'ac7203c2-6897-6a87-7e42-ef8ad1807d41',
     NULL, 'LP', 'lp'),
    (2, 3, 'ls:genre', 'e88ba8d3-97e0-e4d0-0b63-9fd393cb548a',
     NULL, 'Jazz', 'jazz'),
    (2, 4, 'dcterms:extent', 'e6b4f544-e1e6-a0b5-8496-0a7923fcb2e6',
     NULL, '11', '11'),
    (2, 5, 'ls:mtime', '45c773ee-feb2-9eec-50b1-4425444fd783',
     '2026-03-29T03:30:00+00:00', '2026-03-29T03:30:00+00:00', '2026-03-29t03:30:00+00:00'),
    (4, 1, 'dc:title', '93c43ba8-d6a9-9af2-e388-cc323aef7aca',
     NULL, 'Ohne Besitzer', 'ohne besitzer'),
    (4, 2, 'ls:lyrics', '3589f18a-18bb-2623-497b-6620dce3517b',
     NULL, repeat('la ', 40000) || 'end', repeat('la ', 40000) || 'end'),
    (4, 3, 'ls:track_num', '0d4e51ee-8e42-ee3f-6ceb-8d1d1722ae30',
     NULL, '07', '07'),
    (4, 4, 'ls:mtime', '46632664-206c-00c1-abdd-db891347f34e',
     '2026-03-29T04:30:00+00:00', '2026-03-29T04:30:00+00:00', '2026-03-29t04:30:00+00:00'),
    (6, 1, 'dc:title', '985314b3-1814-688f-50a5-44e2c0424bc1',
     NULL, 'Noch einmal', 'noch einmal'),
    (6, 2, 'ls:genre', 'e88ba8d3-97e0-e4d0-0b63-9fd393cb548a',
     NULL, 'Jazz', 'jazz'),
    (6, 3, 'ls:genre', 'fca0920b-eb75-7901-5bf0-786b2a18fc2a',
     NULL, 'jazz', 'jazz'),
    (6, 4, 'ls:mtime', '930fa3f5-026e-9357-86d3-445e1593f341',
     '2026-03-29T06:30:00+00:00', '2026-03-29T06:30:00+00:00', '2026-03-29t06:30:00+00:00');

INSERT INTO search_category (name, local_name)
SELECT category, regexp_replace(category, '^.*:', '') FROM said GROUP BY category ORDER BY min(ord)
ON CONFLICT DO NOTHING;

INSERT INTO search_value (category_id, digest, instant, value, folded, n_audioclip)
SELECT category_id, digest, min(instant), min(value), min(folded), count(*)
FROM said JOIN search_category ON name = category GROUP BY category_id, digest ORDER BY min(ord)
ON CONFLICT (category_id, digest) DO UPDATE
SET n_audioclip = search_value.n_audioclip + excluded.n_audioclip;

INSERT INTO search_clip (clip_id, file_type, title_key, title, creator_key, creator, source_key, source, mtime_low, mtime_high, extent_low, extent_high, year_low, year_high, vals)
VALUES
    (1, 1, 'frühermorgen🎵', E'\x1ffrüher morgen 🎵\x1fearly & <late>\x1f', 'ana', E'\x1fana\x1fana\x1fборис\x1f', NULL, NULL, '2026-03-29T02:30:00+00:00', '2026-03-29T02:30:00+00:00', '00:03:25.500000', '00:03:25.500000', '1999', '2005', '{}'),
    (2, 1, 'o''brien\100%_x_', E'\x1fo''brien \\ 100% _x_\x1f', NULL, NULL, 'lp', E'\x1flp\x1f', '2026-03-29T03:30:00+00:00', '2026-03-29T03:30:00+00:00', '11', '11', NULL, NULL, '{}'),
    (4, 1, 'ohnebesitzer', E'\x1fohne besitzer\x1f', NULL, NULL, NULL, NULL, '2026-03-29T04:30:00+00:00', '2026-03-29T04:30:00+00:00', NULL, NULL, NULL, NULL, '{}'),
    (6, 1, 'nocheinmal', E'\x1fnoch einmal\x1f', NULL, NULL, NULL, NULL, '2026-03-29T06:30:00+00:00', '2026-03-29T06:30:00+00:00', NULL, NULL, NULL, NULL, '{}');

INSERT INTO search_shown (clip_id, gunid, title, creator, source, length, track_number)
VALUES
    (1, '0190163d-8694-739b-aea5-966c26f8ad91', 'Früher Morgen 🎵', 'Ana', '', '00:03:25.500000', ''),
    (2, '00000000-0000-0000-0000-000000000abc', 'O''Brien \ 100% _x_', '', 'LP', '11', ''),
    (4, '0190163d-8694-739b-aea5-00000000000d', 'Ohne Besitzer', '', '', '', '07'),
    (6, '0190163d-8694-739b-aea5-00000000000f', 'Noch einmal', '', '', '', '');

UPDATE search_clip SET vals = (
    SELECT array_agg(value_id ORDER BY ord)
    FROM said JOIN search_category ON name = category JOIN search_value USING (category_id, digest)
    WHERE said.clip_id = search_clip.clip_id
) WHERE clip_id IN (SELECT clip_id FROM said);

INSERT INTO search_link (value_id, clip_id, category_id, ord, file_type)
SELECT value_id, clip_id, category_id, ord, file_type
FROM said JOIN search_clip USING (clip_id) JOIN search_category ON name = category
JOIN search_value USING (category_id, digest);

UPDATE search_count SET n = n + (SELECT count(DISTINCT clip_id) FROM said)
WHERE file_type = 1;
DROP TABLE said;

CREATE TEMPORARY TABLE said (
    clip_id integer, ord integer, category text, digest uuid, instant timestamptz, value text,
    folded text
);
INSERT INTO said
VALUES
    (5, 1, 'dc:title', 'ef6c2544-821a-3a12-4b11-44a13b10d61c',
     NULL, 'Live', 'live'),
    (5, 2, 'ls:url', '03ac0937-6fac-a884-c4db-f14f6b043f53',
     NULL, 'http://stream.example.org:8000/live', 'http://stream.example.org:8000/live'),
    (5, 3, 'dcterms:extent', '371acc82-29c9-bdc3-0b68-0bfb69622b32',
     NULL, '00:00:00.000000', '00:00:00.000000'),
    (5, 4, 'ls:mtime', 'cb22b0af-431e-5669-52d0-1955dd60b937',
     '2026-03-29T05:30:00+00:00', '2026-03-29T05:30:00+00:00', '2026-03-29t05:30:00+00:00');

INSERT INTO search_category (name, local_name)
SELECT category, regexp_replace(category, '^.*:', '') FROM said GROUP BY category ORDER BY min(ord)
ON CONFLICT DO NOTHING;

INSERT INTO search_value (category_id, digest, instant, value, folded, n_webstream)
SELECT category_id, digest, min(instant), min(value), min(folded), count(*)
FROM said JOIN search_category ON name = category GROUP BY category_id, digest ORDER BY min(ord)
ON CONFLICT (category_id, digest) DO UPDATE
SET n_webstream = search_value.n_webstream + excluded.n_webstream;

INSERT INTO search_clip (clip_id, file_type, title_key, title, creator_key, creator, source_key, source, mtime_low, mtime_high, extent_low, extent_high, year_low, year_high, vals)
VALUES
    (5, 3, 'live', E'\x1flive\x1f', NULL, NULL, NULL, NULL, '2026-03-29T05:30:00+00:00', '2026-03-29T05:30:00+00:00', '00:00:00.000000', '00:00:00.000000', NULL, NULL, '{}');

INSERT INTO search_shown (clip_id, gunid, title, creator, source, length, track_number)
VALUES
    (5, '0190163d-8694-739b-aea5-00000000000e', 'Live', '', '', '00:00:00.000000', '');

UPDATE search_clip SET vals = (
    SELECT array_agg(value_id ORDER BY ord)
    FROM said JOIN search_category ON name = category JOIN search_value USING (category_id, digest)
    WHERE said.clip_id = search_clip.clip_id
) WHERE clip_id IN (SELECT clip_id FROM said);

INSERT INTO search_link (value_id, clip_id, category_id, ord, file_type)
SELECT value_id, clip_id, category_id, ord, file_type
FROM said JOIN search_clip USING (clip_id) JOIN search_category ON name = category
JOIN search_value USING (category_id, digest);

UPDATE search_count SET n = n + (SELECT count(DISTINCT clip_id) FROM said)
WHERE file_type = 3;
DROP TABLE said;
