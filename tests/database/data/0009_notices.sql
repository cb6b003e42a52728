-- No tables, but triggers: they are fired while there is something.

UPDATE users SET role = 'maintainer' WHERE login = 'Größe 月';
UPDATE session SET last_used_at = last_used_at + interval '1 second';
UPDATE lease SET last_used_at = last_used_at + interval '1 second';
DELETE FROM session WHERE digest = sha256(repeat('4', 32)::bytea);
