-- What others follow the archive by: the journal, readable by a cursor that misses nothing, and
-- when the archive last looked after itself.

ALTER TABLE journal
    DROP CONSTRAINT journal_event_is_known,
    ADD CONSTRAINT journal_event_is_known
        CHECK (event IN ('created', 'replaced', 'updated', 'trashed', 'restored', 'deleted',
                         'accessed')),
    ADD file_type text  -- NULL: the row is older than the column, and its clip was gone
        CONSTRAINT journal_file_type_is_known
        CHECK (file_type IN ('audioclip', 'playlist', 'webstream')),
    ADD revision integer,  -- of audio or playlist, as the event left it; NULL: there are none
    ADD address text,  -- where the call came from; NULL: from nowhere, or it is not known
    ALTER number DROP IDENTITY;

UPDATE journal SET file_type = clip.file_type FROM clip WHERE clip.gunid = journal.gunid;

-- Numbers are taken before they are committed, and not in that order: 8 can be seen while 7 cannot
-- yet. Who had read 8 and went on from there would never see 7. So each transaction, before it
-- takes its first number, takes a shared lock that says after which number its own will be; it
-- lasts until its rows can be seen. A reader reads up to the lowest of these (`journal_horizon`).
--
-- No writer waits for another: 8 of them committed 2,700 rows a second this way, 3,700 without any
-- lock, 750 where an exclusive lock is held from the number to the commit (fsync on, two cores).
-- The rows' transaction ids and pg_snapshot_xmin would do it as fast, but a dump takes those ids
-- into a cluster that counts anew, and any long transaction of the cluster would hold up readers.
CREATE SEQUENCE journal_number MINVALUE 0 OWNED BY journal.number;
SELECT setval('journal_number', (SELECT coalesce(max(number), 0) FROM journal));

CREATE FUNCTION next_journal_number() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    floor bigint;
BEGIN
    -- Once a transaction: an import has thousands of rows, and the table of locks has an end.
    IF coalesce(current_setting('archive.has_journal_floor', true), '') = '' THEN
        SELECT last_value INTO floor FROM journal_number;
        PERFORM pg_advisory_xact_lock_shared(
            (1241513984 + (floor >> 31))::integer, (floor & 2147483647)::integer);
        PERFORM set_config('archive.has_journal_floor', 'yes', true);
    END IF;
    RETURN nextval('journal_number');
END $$;

ALTER TABLE journal ALTER number SET DEFAULT next_journal_number();

-- Up to which number every row there will ever be can be seen by the NEXT statement. First the
-- last number, then the locks, then (READ COMMITTED) the rows: whoever has a number up to it either
-- still holds the lock when locks are read, or can be seen when rows are.
CREATE FUNCTION journal_horizon() RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    newest  bigint;
    pending bigint;
BEGIN
    SELECT last_value INTO newest FROM journal_number;
    SELECT min(((classid::bigint - 1241513984) << 31) + objid::bigint) INTO pending
    FROM pg_locks
    WHERE locktype = 'advisory' AND objsubid = 2
      AND classid::bigint BETWEEN 1241513984 AND 1241513984 + 16777215
      AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
      AND pid <> pg_backend_pid();  -- its own rows a transaction sees
    RETURN least(newest, pending);
END $$;

CREATE TABLE journal_pruned (  -- how far the journal is no longer kept; one row
    only_one boolean PRIMARY KEY DEFAULT true CONSTRAINT journal_pruned_is_one CHECK (only_one),
    through  bigint NOT NULL  -- the last number that was removed; 0: none
);
INSERT INTO journal_pruned (through) VALUES (0);

CREATE TABLE chore (  -- what the archive does by itself, every now and then
    name     text PRIMARY KEY,
    ended_at timestamptz NOT NULL  -- when it was last done to its end
);
