-- Work that takes longer than a call: rendering, backup, restore.

CREATE TABLE job (
    token       text PRIMARY KEY CONSTRAINT job_token_is_hex CHECK (token ~ '^[0-9a-f]{32}$'),
    kind        text NOT NULL,
    user_id     integer REFERENCES users ON DELETE SET NULL,
    parameters  jsonb NOT NULL,  -- what is to be done
    status      text NOT NULL DEFAULT 'working'
                CONSTRAINT job_status_is_known CHECK (status IN ('working', 'success', 'fault')),
    progress    real NOT NULL DEFAULT 0
                CONSTRAINT job_progress_is_a_share CHECK (progress BETWEEN 0 AND 1),
    fault       text NOT NULL DEFAULT '',  -- a sentence for the caller
    result      jsonb NOT NULL DEFAULT '{}',
    created_at  timestamptz NOT NULL,
    -- Who does it, a name made up for each time it is begun, and when they last said so; NULL:
    -- nobody does it. One who is silent for long has died, and whoever comes by begins anew.
    holder      text,
    beat_at     timestamptz,
    -- How often it was begun and not given back: a job that ends every process is given up.
    attempts    smallint NOT NULL DEFAULT 0,
    ended_at    timestamptz,
    CONSTRAINT job_holder_beats CHECK ((holder IS NULL) = (beat_at IS NULL)),
    CONSTRAINT job_ended_has_a_time CHECK ((status = 'working') = (ended_at IS NULL)),
    CONSTRAINT job_fault_is_told CHECK ((status = 'fault') = (fault <> ''))
);
CREATE INDEX job_waiting ON job (created_at) WHERE status = 'working';
CREATE INDEX job_ended ON job (ended_at) WHERE ended_at IS NOT NULL;
