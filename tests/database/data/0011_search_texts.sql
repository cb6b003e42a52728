-- A clip that was stored when texts had tables of their own.

INSERT INTO content (content_id, md5, size) VALUES (sha256('audio 7'), decode(md5('audio 7'), 'hex'), 7);
INSERT INTO document (xml)  -- 11
VALUES ('<?xml version="1.0" encoding="UTF-8"?>
<audioClip><metadata xmlns="http://mdlf.org/campcaster/elements/1.0/" xmlns:dc="http://purl.org/dc/elements/1.1/" xmlns:dcterms="http://purl.org/dc/terms/" xmlns:ls="http://mdlf.org/campcaster/elements/1.0/" xmlns:xml="http://www.w3.org/XML/1998/namespace"><dc:title>Seit 0011</dc:title> <dc:creator>Ana</dc:creator> <ls:genre>Klassik</ls:genre> <ls:mood>ᴲ</ls:mood> <ls:mtime>2026-03-29T10:30:00+00:00</ls:mtime></metadata></audioClip>');
INSERT INTO clip (gunid, file_type, owner_id, file_name, document_id, revision, mtime)  -- 9
VALUES ('0190163d-8694-739b-aea5-000000000011', 'audioclip', 4, 'g.mp3', 11, 1, '2026-03-29 10:30:00+00:00');
INSERT INTO revision (clip_id, number, content_id, format, duration_us, sample_rate, channels,
                      bit_rate, warnings, created_at)
VALUES (9, 1, sha256('audio 7'), 'mp3', 1000000, 48000, 1, 64000, '{}', '2026-03-29 10:30:00+00:00');

CREATE TEMPORARY TABLE said (
    clip_id integer, ord integer, category text, digest uuid, instant timestamptz, value text,
    folded text
);
INSERT INTO said
VALUES
    (9, 1, 'dc:title', '8fa6a55a-e1ff-e171-6137-a3c206f2312f',
     NULL, 'Seit 0011', 'seit 0011'),
    (9, 2, 'dc:creator', '2ce296a5-8402-c8e6-84a1-7a8e596d833c',
     NULL, 'Ana', 'ana'),
    (9, 3, 'ls:genre', '193812a9-f6b3-703b-bebc-0ba5facfa145',
     NULL, 'Klassik', 'klassik'),
    (9, 4, 'ls:mood', 'ba039896-5203-4055-5bf9-6830f5f02cf6',
     NULL, 'ᴲ', 'ᴲ'),
    (9, 5, 'ls:mtime', '03980850-f7bf-01d9-85df-8b3c0ddd13d9',
     '2026-03-29T10:30:00+00:00', '2026-03-29T10:30:00+00:00', '2026-03-29t10:30:00+00:00');

INSERT INTO search_category (name, local_name)
SELECT category, regexp_replace(category, '^.*:', '') FROM said GROUP BY category ORDER BY min(ord)
ON CONFLICT DO NOTHING;

INSERT INTO search_value (category_id, digest, instant, value, folded, n_audioclip)
SELECT category_id, digest, min(instant), min(value), min(folded), count(*)
FROM said JOIN search_category ON name = category GROUP BY category_id, digest ORDER BY min(ord)
ON CONFLICT (category_id, digest) DO UPDATE
SET n_audioclip = search_value.n_audioclip + excluded.n_audioclip;

INSERT INTO search_clip (clip_id, file_type, title_key, creator_key, source_key, mtime_low, mtime_high, extent_low, extent_high, year_low, year_high, vals)
VALUES
    (9, 1, 'seit0011', 'ana', NULL, '2026-03-29T10:30:00+00:00', '2026-03-29T10:30:00+00:00', NULL, NULL, NULL, NULL, '{}');

INSERT INTO search_shown (clip_id, gunid, title, creator, source, length, track_number)
VALUES
    (9, '0190163d-8694-739b-aea5-000000000011', 'Seit 0011', 'Ana', '', '', '');

INSERT INTO search_text (clip_id, file_type, title_key, title, creator, source)
VALUES (9, 1, 'seit0011', E'\x1fseit 0011\x1f', E'\x1fana\x1f', NULL);
INSERT INTO search_any (clip_id, file_type, title_key, folded)
VALUES (9, 1, 'seit0011',
    E'\x1fseit 0011\x1fana\x1fklassik\x1fᴲ\x1f2026-03-29t10:30:00+00:00\x1f');

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
