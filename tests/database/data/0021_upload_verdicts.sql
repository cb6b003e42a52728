-- An upload that has been examined, and only has to be closed. (Its bytes have their name already.)

INSERT INTO upload (token, user_id, purpose, gunid, file_name, announced_md5, document, total_size,
                    digested_size, sha256, md5, verdict, created_at, last_used_at)
VALUES
    (repeat('d', 32), 2, 'clip', '0190163d-8694-739b-aea5-0000000000dd', 'examined.wav', NULL, NULL,
     7, 7, sha256('audio 2'), decode(md5('audio 2'), 'hex'),
     '{"accept": [], "refusals": [], "warnings": [{"code": "tag-ignored", "text": "..."}], '
     '"facts": {"format": "wav", "codec": "pcm_s16le", "encoder": "", "frames": 22050, '
     '"sample_rate": 44100, "channels": 2, "duration_us": 500000, "bit_rate": 1411200}, '
     '"tags": {"title": ["Untersucht"]}}',
     now(), now());
