-- What clients keep.

INSERT INTO user_preference (user_id, key, value)
VALUES (2, 'scratchPadContents', E'<x y="é">\n🎵</x>'), (3, repeat('k', 255), '');

INSERT INTO group_preference (group_id, key, value) VALUES (5, 'ä', repeat('long ', 10000));
UPDATE group_preference SET value = 'Radio Größe' WHERE key = 'stationName';
