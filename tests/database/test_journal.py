"""Reading the journal while others write it."""

import contextlib
import random
import threading
import time
from datetime import UTC, datetime, timedelta

import psycopg2
import pytest

from archive_server.database import clips, documents, journal
from archive_server.database.connections import connect
from archive_server.model.clips import FileType
from archive_server.model.gunid import Gunid, IdStyle
from archive_server.model.journal import EventKind

NOW = datetime.now(UTC)
WRITERS = 8


@pytest.fixture
def clip_id(connection, dsn):
    """A clip that things happen to."""
    with connection, connection.cursor() as cursor:
        cursor.execute("INSERT INTO users (login, password_hash, role) VALUES ('u', 'x', 'admin')")
        cursor.execute("SELECT max(user_id) FROM users")
        return clips.add(
            cursor,
            Gunid.new(IdStyle.UUID7),
            FileType.PLAYLIST,
            owner_id=cursor.fetchone()[0],
            file_name="list",
            document_id=documents.add(cursor, "<playlist/>"),
            at=NOW,
        )


@pytest.fixture
def writer(dsn):
    """Makes connections of other people."""
    with contextlib.ExitStack() as stack:
        yield lambda: stack.enter_context(contextlib.closing(connect(dsn)))


def happen(connection, clip_id, at=NOW):
    """Append an event, and leave the transaction open; return its number."""
    with connection.cursor() as cursor:
        journal.add(cursor, EventKind.UPDATED, clip_id, by=None, at=at)
        cursor.execute("SELECT currval('journal_number')")
        return cursor.fetchone()[0]


def seen(connection, after=0):
    """The numbers that a reader who goes on from there is shown now."""
    with connection, connection.cursor() as cursor:
        through = journal.horizon(cursor)
        return [e.number for e in journal.list_between(cursor, after, through, (), 10**6)]


def test_a_later_number_is_not_shown_before_an_earlier_one_that_is_not_committed(
    connection, writer, clip_id
):
    slow, quick = writer(), writer()
    first, second = happen(slow, clip_id), happen(quick, clip_id)
    assert first < second
    quick.commit()
    assert seen(connection) == []
    slow.commit()
    assert seen(connection) == [first, second]


def test_what_was_committed_before_is_shown_meanwhile(connection, writer, clip_id):
    slow, quick = writer(), writer()
    first = happen(quick, clip_id)
    quick.commit()
    happen(slow, clip_id)
    happen(quick, clip_id)
    quick.commit()
    assert seen(connection) == [first]


def test_a_transaction_that_is_rolled_back_holds_up_nobody(connection, writer, clip_id):
    slow, quick = writer(), writer()
    happen(slow, clip_id)
    second = happen(quick, clip_id)
    quick.commit()
    slow.rollback()
    assert seen(connection) == [second]


def test_a_connection_that_is_lost_holds_up_nobody(connection, writer, clip_id):
    slow, quick = writer(), writer()
    happen(slow, clip_id)
    second = happen(quick, clip_id)
    quick.commit()
    slow.close()
    deadline = time.monotonic() + 10
    while seen(connection) != [second]:
        assert time.monotonic() < deadline
        time.sleep(0.01)


def test_after_a_savepoint_was_rolled_back_the_rest_of_the_transaction_is_waited_for(
    connection, writer, clip_id
):
    slow, quick = writer(), writer()
    with slow.cursor() as cursor:
        cursor.execute("SAVEPOINT try")
        happen(slow, clip_id)
        cursor.execute("ROLLBACK TO SAVEPOINT try")
    first, second = happen(slow, clip_id), happen(quick, clip_id)
    quick.commit()
    assert seen(connection) == []
    slow.commit()
    assert seen(connection) == [first, second]


def test_other_long_transactions_hold_up_nobody(connection, writer, clip_id):
    other, quick = writer(), writer()
    with other.cursor() as cursor:
        cursor.execute("CREATE TABLE elsewhere ()")
    first = happen(quick, clip_id)
    quick.commit()
    assert seen(connection) == [first]


def test_a_transaction_takes_one_lock_however_much_happens_in_it(writer, clip_id):
    busy = writer()
    for _ in range(50):
        happen(busy, clip_id)
    with busy.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND pid = pg_backend_pid()"
        )
        assert cursor.fetchone() == (1,)


def test_writers_do_not_wait_for_each_other(writer, clip_id):
    slow, quick = writer(), writer()
    with quick.cursor() as cursor:
        cursor.execute("SET lock_timeout = 50")
    happen(slow, clip_id)
    happen(quick, clip_id)
    quick.commit()


def test_a_reader_who_follows_sees_every_event_of_many_writers_once_and_in_order(
    connection, writer, clip_id
):
    """Whatever the order of their commits, with some that fail."""
    done = threading.Event()
    committed = [set() for _ in range(WRITERS)]

    def write(connection, numbers, chance):
        while not done.is_set():
            found = {happen(connection, clip_id) for _ in range(chance.randint(1, 3))}
            time.sleep(chance.choice((0, 0, 0.001, 0.01)))
            if chance.random() < 0.2:
                connection.rollback()
            else:
                connection.commit()
                numbers |= found

    threads = [
        threading.Thread(target=write, args=(writer(), numbers, random.Random(place)))
        for place, numbers in enumerate(committed)
    ]
    for thread in threads:
        thread.start()
    followed: list[int] = []
    was_held_up = False
    deadline = time.monotonic() + 2
    try:
        while time.monotonic() < deadline:
            followed += seen(connection, followed[-1] if followed else 0)
            with connection, connection.cursor() as cursor:
                _, newest = journal.bounds(cursor)
            was_held_up |= bool(followed) and newest > followed[-1]
    finally:
        done.set()
        for thread in threads:
            thread.join()
    followed += seen(connection, followed[-1])
    assert followed == sorted(set().union(*committed))
    assert was_held_up, "else nothing was tried out"


def test_the_same_without_the_horizon_would_miss_some(connection, writer, clip_id):
    """What the tests above are for."""
    slow, quick = writer(), writer()
    first, second = happen(slow, clip_id), happen(quick, clip_id)
    quick.commit()
    with connection, connection.cursor() as cursor:
        shown = journal.list_between(cursor, 0, second, (), 10)
    slow.commit()
    assert first not in [event.number for event in shown]


def test_numbers_grow_beyond_31_bits(connection, writer, clip_id):
    with connection, connection.cursor() as cursor:
        cursor.execute("SELECT setval('journal_number', %s)", (2**31 - 2,))
    slow, quick = writer(), writer()
    happen(quick, clip_id)
    quick.commit()
    for _ in range(3):
        first = happen(slow, clip_id)
        second = happen(quick, clip_id)
        quick.commit()
        assert seen(connection, first - 1) == []
        slow.commit()
        assert seen(connection, first - 1) == [first, second]
    assert second > 2**31


def test_events_of_an_item_that_is_not_there_are_a_mistake_of_ours(cursor):
    with pytest.raises(AssertionError, match="is there"):
        journal.add(cursor, EventKind.CREATED, -1, by=None, at=NOW)


def test_only_the_oldest_events_are_pruned(connection, clip_id):
    old, new = NOW - timedelta(days=9), NOW
    with connection, connection.cursor() as cursor:
        for at in (old, old, new, old, new):  # clocks are set back
            journal.add(cursor, EventKind.UPDATED, clip_id, by=None, at=at)
    with connection, connection.cursor() as cursor:
        assert journal.prune(cursor, NOW - timedelta(days=1), 100) == 2
        assert journal.bounds(cursor) == (2, 5)
    assert seen(connection) == [3, 4, 5]
    with connection, connection.cursor() as cursor:
        assert journal.prune(cursor, NOW - timedelta(days=1), 100) == 0
        assert journal.prune(cursor, NOW + timedelta(days=1), 2) == 2
        assert journal.prune(cursor, NOW + timedelta(days=1), 2) == 1
        assert journal.prune(cursor, NOW + timedelta(days=1), 2) == 0
        assert journal.bounds(cursor) == (5, 5)


def test_events_from_before_the_numbers_changed_hands_keep_theirs(postgres, dsn):
    """A database that stood at 0008, with two events."""
    from archive_server.database.migrations import migration_files

    with contextlib.closing(connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
        files = migration_files()
        for name, sql in files.items():
            if name == "0010_operations.sql":
                cursor.execute(
                    "INSERT INTO journal (at, event, gunid) VALUES (now(), 'created', %(id)s),"
                    " (now(), 'deleted', %(id)s)",
                    {"id": Gunid.new(IdStyle.UUID7)},
                )
            cursor.execute(sql)
        assert journal.horizon(cursor) == 2
        assert [event.number for event in journal.list_between(cursor, 0, 2, (), 9)] == [1, 2]
        cursor.execute("SELECT next_journal_number()")
        assert cursor.fetchone() == (3,)
        with pytest.raises(psycopg2.errors.CheckViolation):
            cursor.execute(
                "INSERT INTO journal (at, event, gunid) VALUES (now(), 'eaten', %s)",
                (Gunid.new(IdStyle.UUID7),),
            )
