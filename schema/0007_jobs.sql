-- Work that takes longer than a call: rendering, backup, restore.

CREATE TABLE job (
    token       text PRIMARY KEY CONSTRAINT job_token_is_hex CHECK (token ~ '^[0-9a-f]{32}$'),
    kind        text NOT NULL,
    user_id     integer REFERENCES users ON DELETE SET NULL,
    parameters  jsonb NOT NULL,  -- what is to be done
    status      text NOT NULL DEFAULT 'working'
                CONSTRAINT job_status_is_known CHECK (status IN ('working', 'success', 'fault')),
    progress    real NOT NULL DEFAULT 0,  -- 0 to 1
    fault       text NOT NULL DEFAULT '',  -- a sentence for the caller
    result      jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL,
    beat_at     timestamptz,  -- when the process that does it last said so; NULL: nobody does it
    ended_at    timestamptz
);
CREATE INDEX job_waiting ON job (created_at) WHERE status = 'working';
