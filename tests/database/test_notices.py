"""What is heard of the database: soon, in order, and not at all only when that is known."""

import contextlib
import os
import resource
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from twisted.internet.epollreactor import EPollReactor
from twisted.internet.selectreactor import SelectReactor

from archive_server.database import leases, sessions, users
from archive_server.database.connections import connect
from archive_server.database.notices import Listener, own
from archive_server.database.transactions import Transactions
from archive_server.model.users import Role

DIGEST = bytes(range(32))


class Heard:
    def __init__(self):
        self.told = []
        self.proven = None
        self.losses = 0

    def heard(self, asked_at):
        self.proven = asked_at

    def forget(self, what, key):
        self.told.append((what, key))

    def forget_all(self):
        self.told.append("everything")

    def lost(self):
        self.proven = None
        self.losses += 1


@pytest.fixture
def reactor():
    reactor = SelectReactor()
    yield reactor
    end(reactor)


def end(reactor):
    reactor.removeAll()
    for reader in reactor._internalReaders:
        reader.connectionLost(None)


@pytest.fixture
def heard():
    return Heard()


@pytest.fixture
def listener(reactor, dsn, heard):
    with listening(reactor, dsn, heard) as listener:
        yield listener


@contextlib.contextmanager
def listening(reactor, dsn, heard):
    listener = Listener(reactor, dsn, heard)
    listener.start()
    await_true(reactor, lambda: heard.proven)
    yield listener
    listener.stop()
    reactor.runUntilCurrent()


def await_true(reactor, is_true, most_s=10):
    deadline = time.monotonic() + most_s
    while not is_true():
        assert time.monotonic() < deadline
        reactor.iterate(0.01)


@pytest.fixture
def writer(dsn):
    with contextlib.closing(connect(dsn)) as connection:
        yield connection


def begin_session(connection):
    with connection, connection.cursor() as cursor:
        user = users.add(cursor, "anna", "hash", Role.CLIENT)
        cursor.execute("SELECT now()")
        sessions.add(cursor, DIGEST, user.user_id, cursor.fetchone()[0])


@pytest.mark.usefixtures("listener")
def test_the_end_of_a_session_is_told(reactor, heard, writer):
    begin_session(writer)
    with writer, writer.cursor() as cursor:
        sessions.remove(cursor, DIGEST)
    await_true(reactor, lambda: heard.told)
    assert heard.told == [("session", DIGEST.hex())]


@pytest.mark.usefixtures("listener")
def test_an_answer_proves_that_everything_before_was_told(reactor, heard, writer):
    begin_session(writer)
    with writer, writer.cursor() as cursor:
        sessions.remove(cursor, DIGEST)
    committed_at = time.monotonic()
    await_true(reactor, lambda: heard.proven > committed_at)
    assert heard.told


@pytest.mark.usefixtures("listener")
def test_what_is_rolled_back_is_not_told(reactor, heard, writer):
    begin_session(writer)
    with writer.cursor() as cursor:
        sessions.remove(cursor, DIGEST)
    writer.rollback()
    ended_at = time.monotonic()
    await_true(reactor, lambda: heard.proven > ended_at)
    assert heard.told == []


def terminate_listeners(connection):
    with connection, connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
            "WHERE datname = current_database() AND pid <> pg_backend_pid() "
            "AND backend_type = 'client backend'"
        )
        assert cursor.rowcount == 1


@pytest.mark.usefixtures("listener")
def test_a_lost_connection_is_noticed_and_made_again(reactor, heard, writer):
    begin_session(writer)
    terminate_listeners(writer)
    await_true(reactor, lambda: heard.losses, most_s=1)
    assert heard.proven is None
    await_true(reactor, lambda: heard.proven)
    with writer, writer.cursor() as cursor:
        sessions.remove(cursor, DIGEST)
    await_true(reactor, lambda: heard.told)


def test_a_server_that_is_away_is_tried_again_and_again(reactor, heard, tmp_path):
    listener = Listener(reactor, f"host={tmp_path} dbname=nowhere", heard)
    listener.start()
    began = time.monotonic()
    await_true(reactor, lambda: time.monotonic() > began + 1)
    assert heard.proven is None
    listener.stop()
    reactor.runUntilCurrent()


def test_it_listens_again_where_a_thousand_files_are_open(dsn, heard, writer):
    """They are downloads, say; select(2) knows no descriptor beyond 1023."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, 1200), hard))
    reactor = EPollReactor()
    try:
        with contextlib.ExitStack() as files, listening(reactor, dsn, heard):
            terminate_listeners(writer)
            await_true(reactor, lambda: heard.losses)
            for _ in range(1100):
                files.enter_context(Path(os.devnull).open())
            await_true(reactor, lambda: heard.proven, most_s=5)
    finally:
        end(reactor)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_it_listens_again_once_there_are_descriptors(reactor, heard, listener, writer):
    """None is left just when the connection is made: that is one to be tried again."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    terminate_listeners(writer)
    await_true(reactor, lambda: heard.losses)
    connected = listener._connected

    def connected_without(connection):
        resource.setrlimit(resource.RLIMIT_NOFILE, (connection.fileno() + 1, hard))
        try:
            connected(connection)
        finally:
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
            listener._connected = connected

    listener._connected = connected_without
    await_true(reactor, lambda: heard.proven)
    with writer, writer.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'LISTEN%'")
        assert cursor.fetchone() == (0,)  # and the connection that was of no use is closed


def test_who_changes_something_is_told_before_the_transaction_has_ended(dsn, writer):
    begin_session(writer)
    told = []
    transactions = Transactions(dsn, on_notices=lambda connection: told.extend(own(connection)))
    transactions.perform(sessions.remove, DIGEST)
    assert told == [("session", DIGEST.hex())]
    transactions.perform(users.change_role, "anna", Role.ADMIN)
    transactions.perform(users.change_role, "anna", Role.ADMIN)  # changes nothing
    assert [what for what, _ in told] == ["session", "user"]
    transactions.close()


def test_of_too_much_to_say_only_that_is_known(dsn, writer):
    begin_session(writer)
    with writer, writer.cursor() as cursor:
        cursor.execute(
            "INSERT INTO session SELECT sha256(n::text::bytea), user_id, now(), now() "
            "FROM users, generate_series(1, 100) n"
        )
        cursor.execute("DELETE FROM session")
    assert own(writer) is None
    assert own(writer) == []


@pytest.mark.parametrize("minutes", [[1, 2], [2, 1], [1, 1]])
def test_uses_that_come_late_are_no_change(dsn, writer, minutes):
    begin_session(writer)
    with writer, writer.cursor() as cursor:
        cursor.execute("INSERT INTO document (xml) VALUES ('') RETURNING document_id")
        cursor.execute(
            "INSERT INTO lease (token, kind, gunid, file_name, document_id, created_at, "
            "last_used_at) VALUES (%s, 'rss', gen_random_uuid(), '', %s, now(), now())",
            ("a" * 32, cursor.fetchone()[0]),
        )
        for late in minutes:
            leases.touch(cursor, ["a" * 32], datetime.now(UTC) + timedelta(minutes=late))
    assert own(writer) == []
    with writer, writer.cursor() as cursor:
        cursor.execute("UPDATE lease SET last_used_at = last_used_at - interval '1 day'")
        cursor.execute("UPDATE session SET last_used_at = last_used_at - interval '1 day'")
    assert own(writer) == [("lease", "a" * 32), ("session", DIGEST.hex())]
