"""Transactions: what is kept, what is tried again, and what a lost server means."""

import contextlib
import os
import signal
import threading
import time

import psycopg2
import pytest
from psycopg2.errors import UndefinedTable

from archive_server.database.connections import connect
from archive_server.database.embedded import EmbeddedPostgres
from archive_server.database.transactions import Transactions
from archive_server.errors import Conflict, NotFound, Unavailable


@pytest.fixture
def transactions(dsn):
    made = Transactions(dsn)
    made.perform(execute, "CREATE TABLE thing (name text PRIMARY KEY, n integer DEFAULT 0)")
    yield made
    made.close()


def execute(cursor, statement, *parameters):
    cursor.execute(statement, parameters)
    return cursor.fetchall() if cursor.description else []


def names(transactions):
    return [name for (name,) in transactions.perform(execute, "SELECT name FROM thing")]


def backend(cursor):
    return execute(cursor, "SELECT pg_backend_pid()")[0][0]


def test_what_the_function_returns_is_returned_and_what_it_did_is_kept(transactions, dsn):
    assert transactions.perform(lambda cursor, *, answer: answer, answer=42) == 42
    transactions.perform(execute, "INSERT INTO thing VALUES ('kept')")
    assert names(Transactions(dsn)) == ["kept"]


def test_a_function_that_raises_leaves_nothing(transactions):
    def insert_and_fail(cursor):
        execute(cursor, "INSERT INTO thing VALUES ('gone')")
        raise NotFound("no such clip")

    with pytest.raises(NotFound):
        transactions.perform(insert_and_fail)
    assert names(transactions) == []


def test_connections_are_used_again_also_after_an_error_of_the_caller(transactions):
    def fail(cursor):
        pids.append(backend(cursor))
        raise NotFound("no such clip")

    pids = [transactions.perform(backend)]
    with pytest.raises(NotFound):
        transactions.perform(fail)
    assert pids == [transactions.perform(backend)] * 2


def test_a_session_that_failed_unexpectedly_is_not_used_again(transactions):
    def lock_and_fail(cursor):
        execute(cursor, "SELECT pg_advisory_lock(7)")
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        transactions.perform(lock_and_fail)
    deadline = time.monotonic() + 10  # the server notices a moment later
    its_lock = "SELECT FROM pg_locks WHERE locktype = 'advisory' AND (classid, objid) = (0, 7)"
    while transactions.perform(execute, its_lock):
        assert time.monotonic() < deadline


def test_a_mistake_in_sql_is_raised_as_it_is(transactions):
    with pytest.raises(UndefinedTable):
        transactions.perform(execute, "SELECT * FROM nothing")


def test_what_refers_to_something_that_has_just_gone_is_a_conflict(transactions):
    transactions.perform(execute, "CREATE TABLE part (of text REFERENCES thing)")
    with pytest.raises(Conflict, match="just been removed"):
        transactions.perform(execute, "INSERT INTO part VALUES ('gone')")


def test_a_deferred_constraint_that_fails_at_commit_is_raised_as_it_is(transactions):
    transactions.perform(execute, "ALTER TABLE thing ADD UNIQUE (n) DEFERRABLE INITIALLY DEFERRED")
    with pytest.raises(psycopg2.errors.UniqueViolation):
        transactions.perform(execute, "INSERT INTO thing VALUES ('a', 1), ('b', 1)")
    assert names(transactions) == []


def test_of_two_that_deadlock_both_succeed(transactions):
    transactions.perform(execute, "INSERT INTO thing VALUES ('a'), ('b')")
    both_hold_one = threading.Barrier(2)
    attempts = []

    def count_up(cursor, first, second):
        attempts.append(first)
        execute(cursor, "UPDATE thing SET n = n + 1 WHERE name = %s", first)
        with contextlib.suppress(threading.BrokenBarrierError):
            both_hold_one.wait(1)  # only the first attempts meet
        execute(cursor, "UPDATE thing SET n = n + 1 WHERE name = %s", second)

    other = threading.Thread(target=transactions.perform, args=(count_up, "b", "a"))
    other.start()
    transactions.perform(count_up, "a", "b")
    other.join()
    assert len(attempts) > 2
    assert transactions.perform(execute, "SELECT name, n FROM thing ORDER BY name") == [
        ("a", 2),
        ("b", 2),
    ]


def test_what_never_gets_through_is_given_up(transactions):
    attempts = []

    def conflict(cursor):
        attempts.append(cursor)
        execute(cursor, "DO $$ BEGIN RAISE serialization_failure; END $$")

    with pytest.raises(Unavailable):
        transactions.perform(conflict)
    assert len(attempts) == 5


def test_a_statement_that_takes_too_long_is_given_up(dsn):
    transactions = Transactions(dsn, statement_timeout_s=0.05)
    with pytest.raises(Unavailable):
        transactions.perform(execute, "SELECT pg_sleep(20)")
    assert transactions.perform(execute, "SELECT 1") == [(1,)]
    transactions.close()


def test_a_read_only_server_is_unavailable_not_an_error(dsn):
    transactions = Transactions(f"{dsn} options='-c default_transaction_read_only=on'")
    with pytest.raises(Unavailable):
        transactions.perform(execute, "CREATE TABLE thing ()")


def test_connections_that_were_cut_are_replaced_unseen(transactions, dsn):
    def cut_off(cursor):
        own = "pid <> pg_backend_pid() AND datname = current_database()"
        execute(cursor, f"SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity WHERE {own}")

    several = threading.Barrier(3)
    threads = [
        threading.Thread(target=transactions.perform, args=(lambda cursor: several.wait(),))
        for _ in range(3)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    with contextlib.closing(connect(dsn)) as connection, connection.cursor() as cursor:
        cut_off(cursor)
    assert transactions.perform(execute, "SELECT 1") == [(1,)]


def test_a_connection_cut_by_every_attempt_is_given_up(transactions):
    attempts = []

    def suicide(cursor):
        attempts.append(cursor)
        execute(cursor, "SELECT pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(Unavailable):
        transactions.perform(suicide)
    assert len(attempts) == 2


@pytest.mark.parametrize("statement", ["SELECT pg_sleep(60)", "COMMIT"])
def test_a_server_process_that_is_killed_is_unavailable(archive_directory, statement):
    """psycopg2 raises DatabaseError then, and takes the connection for open."""
    server = EmbeddedPostgres.start(archive_directory, extra_settings={"fsync": "off"})
    transactions = Transactions(server.dsn())
    transactions.perform(execute, SLOW_COMMIT)

    def die(cursor):
        execute(cursor, "INSERT INTO thing VALUES ('maybe')")
        killing = threading.Timer(0.2, os.kill, (backend(cursor), signal.SIGKILL))
        killing.start()
        if statement != "COMMIT":
            execute(cursor, statement)

    try:
        with pytest.raises(Unavailable):
            transactions.perform(die)
        assert eventually(lambda: names(transactions)) == []
    finally:
        transactions.close()
        server.stop()


SLOW_COMMIT = """
    CREATE TABLE thing (name text PRIMARY KEY);
    CREATE FUNCTION wait() RETURNS trigger LANGUAGE plpgsql
    AS $$ BEGIN PERFORM pg_sleep(60); RETURN NULL; END $$;
    CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON thing DEFERRABLE INITIALLY DEFERRED
    FOR EACH ROW EXECUTE FUNCTION wait()
"""


def test_what_was_cut_off_while_committing_is_not_done_twice(transactions):
    transactions.perform(
        execute,
        """
        CREATE FUNCTION cut() RETURNS trigger LANGUAGE plpgsql
        AS $$ BEGIN PERFORM pg_terminate_backend(pg_backend_pid()); RETURN NULL; END $$;
        CREATE CONSTRAINT TRIGGER at_commit AFTER INSERT ON thing DEFERRABLE INITIALLY DEFERRED
        FOR EACH ROW EXECUTE FUNCTION cut()
        """,
    )
    attempts = []

    def insert(cursor):
        attempts.append(cursor)
        execute(cursor, "INSERT INTO thing VALUES ('maybe')")

    with pytest.raises(Unavailable):
        transactions.perform(insert)
    assert len(attempts) == 1


def test_a_server_that_cannot_be_reached_is_unavailable(tmp_path):
    with pytest.raises(Unavailable):
        Transactions(f"host={tmp_path} dbname=archive").perform(execute, "SELECT 1")


def test_a_restarted_server_is_found_again(archive_directory):
    server = EmbeddedPostgres.start(archive_directory, extra_settings={"fsync": "off"})
    transactions = Transactions(server.dsn())
    try:
        assert transactions.perform(execute, "SELECT 1") == [(1,)]

        os.kill(server.pid, signal.SIGINT)
        os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
        with pytest.raises(Unavailable):
            transactions.perform(execute, "SELECT 1")

        assert server.restart_if_ended()
        assert eventually(lambda: transactions.perform(execute, "SELECT 1")) == [(1,)]
    finally:
        transactions.close()
        server.stop()


def test_closing_cancels_what_runs_and_refuses_what_comes(transactions):
    outcomes = []

    def sleep():
        try:
            transactions.perform(execute, "SELECT pg_sleep(60)")
        except Unavailable as error:
            outcomes.append(error)

    sleeper = threading.Thread(target=sleep)
    sleeper.start()
    eventually(lambda: transactions._busy or retry())
    while sleeper.is_alive():  # the statement may not have begun at the first attempt
        transactions.close()
        sleeper.join(0.05)
    assert len(outcomes) == 1
    with pytest.raises(Unavailable):
        transactions.perform(execute, "SELECT 1")


def eventually(attempt, deadline_s=30):
    deadline = time.monotonic() + deadline_s
    while True:
        try:
            return attempt()
        except Unavailable:
            assert time.monotonic() < deadline
            time.sleep(0.02)


def retry():
    raise Unavailable("not yet")
