-- A playlist that holds another and one that is gone, with versions; one that is being changed, and
-- leases of all that is in it.

-- 8 is Q's, 9 what P was, 10 P's.
INSERT INTO document (xml)
VALUES
    ('<?xml version="1.0" encoding="UTF-8"?>
<playlist id="0190163d-8694-739b-aea5-0000000000f2" playlength="00:00:21.000000" title="Jingles"><playlistElement id="0000000000000001" relativeOffset="00:00:00.000000"><audioClip id="0000000000000abc" playlength="00:00:11.000000" title="O''Brien" /></playlistElement> <metadata xmlns="http://mdlf.org/campcaster/elements/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:ls="http://mdlf.org/campcaster/elements/1.0/" xmlns:xml="http://www.w3.org/XML/1998/namespace"><dc:title>Jingles</dc:title> <dc:creator>Ana</dc:creator> <ls:mtime>2026-03-29T07:30:00+00:00</ls:mtime></metadata></playlist>'),
    ('<?xml version="1.0" encoding="UTF-8"?>
<playlist id="0190163d-8694-739b-aea5-0000000000f1" playlength="00:00:21.000000" title="Morgensendung (alt)"><playlistElement id="0000000000000001" relativeOffset="00:00:00.000000"><audioClip id="0190163d-8694-739b-aea5-966c26f8ad91" playlength="00:03:25.500000" title="x" /></playlistElement> <metadata xmlns="http://mdlf.org/campcaster/elements/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:ls="http://mdlf.org/campcaster/elements/1.0/" xmlns:xml="http://www.w3.org/XML/1998/namespace"><dc:title>Morgensendung (alt)</dc:title> <dc:creator>Ana</dc:creator> <ls:mtime>2026-03-29T07:30:00+00:00</ls:mtime></metadata></playlist>'),
    ('<?xml version="1.0" encoding="UTF-8"?>
<playlist id="0190163d-8694-739b-aea5-0000000000f1" playlength="00:00:21.000000" title="Morgensendung ☀"><playlistElement id="0000000000000001" relativeOffset="00:00:00.000000"><audioClip id="0190163d-8694-739b-aea5-966c26f8ad91" playlength="00:03:25.500000" title="Früher &amp; früh" /> <fadeInfo fadeIn="00:00:00.500000" fadeOut="00:00:01.000000" id="0000000000000009" /></playlistElement> <playlistElement id="0000000000000002" relativeOffset="00:00:10.000000"><playlist id="0190163d-8694-739b-aea5-0000000000f2" playlength="00:00:11.000000" title="Jingles" /></playlistElement> <playlistElement id="0000000000000003" relativeOffset="00:00:20.000000"><playlist id="00000000deadbeef" title="gone" /></playlistElement> <metadata xmlns="http://mdlf.org/campcaster/elements/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:ls="http://mdlf.org/campcaster/elements/1.0/" xmlns:xml="http://www.w3.org/XML/1998/namespace"><dc:title>Morgensendung ☀</dc:title> <dc:creator>Ana</dc:creator> <ls:mtime>2026-03-29T08:30:00+00:00</ls:mtime></metadata></playlist>');

INSERT INTO clip (gunid, file_type, owner_id, file_name, document_id, mtime)  -- 7 and 8
VALUES
    ('0190163d-8694-739b-aea5-0000000000f2', 'playlist', 2, 'jingles', 8, '2026-03-29 07:30:00+00:00'),
    ('0190163d-8694-739b-aea5-0000000000f1', 'playlist', 2, 'Morgen ☀', 10, '2026-03-29 08:30:00+00:00');

INSERT INTO playlist_revision (clip_id, number, document_id, created_at, superseded_at)
VALUES (7, 1, 8, '2026-03-29 07:30:00+00:00', NULL), (8, 1, 9, '2026-03-29 07:30:00+00:00', now()), (8, 2, 10, '2026-03-29 08:30:00+00:00', NULL);

INSERT INTO playlist_link (clip_id, held)
VALUES (8, '0190163d-8694-739b-aea5-0000000000f2'), (8, '00000000-0000-0000-0000-0000deadbeef');

INSERT INTO lease (token, parent, kind, user_id, gunid, file_name, content_id, format, document_id,
                   created_at, last_used_at)
VALUES
    (repeat('5', 32), NULL, 'edit', 2, '0190163d-8694-739b-aea5-0000000000f2', 'jingles',
     NULL, NULL, 8, now() - interval '3 days', now() - interval '3 days'),
    (repeat('6', 32), NULL, 'playlist', 3, '0190163d-8694-739b-aea5-0000000000f1', 'Morgen ☀',
     NULL, NULL, 10, now(), now()),
    (repeat('7', 32), repeat('6', 32), 'playlist', 3, '0190163d-8694-739b-aea5-0000000000f2', 'jingles',
     NULL, NULL, 8, now(), now()),
    (repeat('8', 32), repeat('6', 32), 'audio', 3, '0190163d-8694-739b-aea5-966c26f8ad91', 'Früher Morgen.wav',
     sha256('audio 2'), 'wav', NULL, now(), now());

INSERT INTO journal (at, event, gunid, login)
VALUES (now(), 'created', '0190163d-8694-739b-aea5-0000000000f2', 'studio'), (now(), 'updated', '0190163d-8694-739b-aea5-0000000000f1', 'studio');

CREATE TEMPORARY TABLE said (
    clip_id integer, ord integer, category text, digest uuid, instant timestamptz, value text,
    folded text
);
INSERT INTO said
VALUES
    (7, 1, 'dc:title', 'a4b4bd40-65fa-4e21-99c2-7a038a0e198e',
     NULL, 'Jingles', 'jingles'),
    (7, 2, 'dc:creator', '2ce296a5-8402-c8e6-84a1-7a8e596d833c',
     NULL, 'Ana', 'ana'),
    (7, 3, 'ls:mtime', '8c8a61ea-ff18-568e-c2a9-4132ba97c1dc',
     '2026-03-29T07:30:00+00:00', '2026-03-29T07:30:00+00:00', '2026-03-29t07:30:00+00:00'),
    (7, 4, 'dcterms:extent', '76e845f4-6b1b-b8c2-7f41-2d821d820b15',
     NULL, '00:00:21.000000', '00:00:21.000000'),
    (8, 1, 'dc:title', '19693a04-1fb3-1cef-715f-9b2412248596',
     NULL, 'Morgensendung ☀', 'morgensendung ☀'),
    (8, 2, 'dc:creator', '2ce296a5-8402-c8e6-84a1-7a8e596d833c',
     NULL, 'Ana', 'ana'),
    (8, 3, 'ls:mtime', 'cd2901c7-df49-c09b-0df5-008e0f4d30d1',
     '2026-03-29T08:30:00+00:00', '2026-03-29T08:30:00+00:00', '2026-03-29t08:30:00+00:00'),
    (8, 4, 'dcterms:extent', '76e845f4-6b1b-b8c2-7f41-2d821d820b15',
     NULL, '00:00:21.000000', '00:00:21.000000');

INSERT INTO search_category (name, local_name)
SELECT category, regexp_replace(category, '^.*:', '') FROM said GROUP BY category ORDER BY min(ord)
ON CONFLICT DO NOTHING;

INSERT INTO search_value (category_id, digest, instant, value, folded, n_playlist)
SELECT category_id, digest, min(instant), min(value), min(folded), count(*)
FROM said JOIN search_category ON name = category GROUP BY category_id, digest ORDER BY min(ord)
ON CONFLICT (category_id, digest) DO UPDATE
SET n_playlist = search_value.n_playlist + excluded.n_playlist;

INSERT INTO search_clip (clip_id, file_type, title_key, title, creator_key, creator, source_key, source, mtime_low, mtime_high, extent_low, extent_high, year_low, year_high, vals)
VALUES
    (7, 2, 'jingles', E'\x1fjingles\x1f', 'ana', E'\x1fana\x1f', NULL, NULL, '2026-03-29T07:30:00+00:00', '2026-03-29T07:30:00+00:00', '00:00:21.000000', '00:00:21.000000', NULL, NULL, '{}'),
    (8, 2, 'morgensendung☀', E'\x1fmorgensendung ☀\x1f', 'ana', E'\x1fana\x1f', NULL, NULL, '2026-03-29T08:30:00+00:00', '2026-03-29T08:30:00+00:00', '00:00:21.000000', '00:00:21.000000', NULL, NULL, '{}');

INSERT INTO search_shown (clip_id, gunid, title, creator, source, length, track_number)
VALUES
    (7, '0190163d-8694-739b-aea5-0000000000f2', 'Jingles', 'Ana', '', '00:00:21.000000', ''),
    (8, '0190163d-8694-739b-aea5-0000000000f1', 'Morgensendung ☀', 'Ana', '', '00:00:21.000000', '');

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
WHERE file_type = 2;
DROP TABLE said;
