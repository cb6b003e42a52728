-- Jobs that wait, whose process has died, and that have ended.

INSERT INTO job (token, kind, user_id, parameters, status, progress, fault, result, created_at,
                 holder, beat_at, attempts, ended_at)
VALUES
    (repeat('1', 31) || 'a', 'backup', 2, '{"file_type": "all", "operator": "and",
     "conditions": [["dc:title", "partial", "früh"]], "limit": 0, "offset": 0, "order_by": []}',
     'working', 0, '', '{}', now() - interval '2 hours', NULL, NULL, 0, NULL),
    (repeat('2', 31) || 'a', 'render', 2, '{}', 'working', 0.5, '', '{}',
     now() - interval '1 hour', 'a process', now() - interval '1 hour', 1, NULL),
    (repeat('3', 31) || 'a', 'backup', 2, '{}', 'success', 1, '', '{"size": 10240}',
     now() - interval '1 hour', NULL, NULL, 0, now()),
    (repeat('4', 31) || 'a', 'restore', NULL, '{}', 'fault', 0.25, 'Größe: es fehlt etwas', '{}',
     now() - interval '1 hour', NULL, NULL, 3, now());
