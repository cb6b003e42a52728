"""Transactions that begin and end in the messages of their statements."""

import contextlib

import psycopg2
import pytest
from psycopg2.errors import UniqueViolation

from archive_server.database.connections import connect
from archive_server.database.joining import connect_joining
from archive_server.database.prepared import Prepared, leave

NAME = Prepared("name_thing", ("text",), "INSERT INTO thing VALUES ($1)")


@pytest.fixture
def other(dsn):
    """What others see."""
    with contextlib.closing(connect(dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("CREATE TABLE thing (name text PRIMARY KEY)")
        yield cursor


@pytest.fixture
def connection(dsn, other):
    with contextlib.closing(connect_joining(dsn)) as connection:
        yield connection


@pytest.fixture
def cursor(connection):
    with connection.cursor() as cursor:
        yield cursor


def names(cursor):
    cursor.execute("SELECT name FROM thing ORDER BY name")
    return [name for (name,) in cursor.fetchall()]


def test_what_is_done_is_seen_by_others_after_the_commit_only(connection, cursor, other):
    cursor.execute("INSERT INTO thing VALUES (%s)", ("a",))
    cursor.execute("INSERT INTO thing VALUES ('100%')")
    assert names(other) == []
    connection.commit()
    assert names(other) == ["100%", "a"]


def test_all_of_it_is_one_transaction(connection, cursor, other):
    cursor.execute("INSERT INTO thing VALUES ('a')")
    leave(cursor, NAME.call(cursor, "b"))
    cursor.execute("INSERT INTO thing VALUES ('c')")
    leave(cursor, NAME.call(cursor, "d"))
    connection.rollback()
    connection.commit()
    assert names(other) == []


def test_what_is_left_is_done_before_the_next_statement(cursor):
    leave(cursor, NAME.call(cursor, "100%"), NAME.call(cursor, "a"))
    assert names(cursor) == ["100%", "a"]
    leave(cursor, NAME.call(cursor, "b"))
    cursor.execute("SELECT count(*) FROM thing WHERE name <> %s", ("a",))
    assert cursor.fetchall() == [(2,)]


def test_what_is_left_at_the_end_is_done_by_the_commit(connection, cursor, other):
    leave(cursor, NAME.call(cursor, "a"), NAME.call(cursor, "b"))
    assert names(other) == []
    connection.commit()
    assert names(other) == ["a", "b"]


def test_a_mistake_in_what_is_left_fails_the_commit_and_leaves_nothing(connection, cursor, other):
    cursor.execute("INSERT INTO thing VALUES ('a')")
    leave(cursor, NAME.call(cursor, "a"))
    with pytest.raises(UniqueViolation):
        connection.commit()
    connection.rollback()
    assert names(other) == []
    cursor.execute("INSERT INTO thing VALUES ('again')")
    connection.commit()
    assert names(other) == ["again"]


def test_no_message_is_for_the_beginning_or_the_end_of_a_transaction(connection, cursor, other):
    def last_message():
        pid = connection.info.backend_pid
        other.execute("SELECT query FROM pg_stat_activity WHERE pid = %s", (pid,))
        return other.fetchone()[0]

    cursor.execute("SELECT %s", (1,))
    assert last_message() == "BEGIN; SELECT 1"
    leave(cursor, b"SELECT 2", b"SELECT 3")
    assert last_message() == "BEGIN; SELECT 1"
    connection.commit()
    assert last_message() == "SELECT 2; SELECT 3; COMMIT"


def test_transactions_follow_each_other(connection, cursor, other):
    for name in ("a", "b"):
        cursor.execute("INSERT INTO thing VALUES (%s)", (name,))
        connection.commit()
    cursor.execute("INSERT INTO thing VALUES ('c')")
    connection.rollback()
    assert names(other) == ["a", "b"]


def test_reads_are_no_transaction_and_see_what_others_commit_meanwhile(connection, cursor, other):
    connection.is_transactional = False
    cursor.execute("SELECT now()")
    before = cursor.fetchall()
    other.execute("INSERT INTO thing VALUES ('a')")
    cursor.execute("SELECT now(), (SELECT count(*) FROM thing)")
    ((now, count),) = cursor.fetchall()
    assert ((now,) != before[0], count) == (True, 1)
    assert connection.get_transaction_status() == psycopg2.extensions.TRANSACTION_STATUS_IDLE


def test_rows_that_are_streamed_belong_to_the_transaction(connection, cursor, other):
    leave(cursor, NAME.call(cursor, "a"))
    with connection.cursor(name="streaming", withhold=True) as streaming:
        streaming.execute("SELECT name FROM thing")
        assert list(streaming) == [("a",)]
    connection.rollback()
    assert names(other) == []


def test_what_is_copied_belongs_to_the_transaction(connection, cursor, other, tmp_path):
    (tmp_path / "names").write_text("b\n")
    leave(cursor, NAME.call(cursor, "a"))
    with (tmp_path / "names").open() as file:
        cursor.copy_expert("COPY thing FROM STDIN", file)
    assert names(cursor) == ["a", "b"]
    connection.rollback()
    assert names(other) == []
