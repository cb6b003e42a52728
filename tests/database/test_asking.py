"""Reads that the reactor asks itself: answered as those of threads are, whatever happens."""

import contextlib
import os
import signal
import sys
import time

import pytest
from psycopg2.errors import UndefinedTable
from twisted.internet.defer import CancelledError
from twisted.internet.selectreactor import SelectReactor
from twisted.python.failure import Failure

from archive_server.database.connections import connect
from archive_server.database.embedded import EmbeddedPostgres
from archive_server.database.pool import PooledDatabase
from archive_server.database.prepared import Prepared
from archive_server.database.reading import Statement
from archive_server.errors import NotFound, Unavailable

BACKEND = "SELECT pg_backend_pid()"
DOUBLE = Prepared("double", ("integer",), "SELECT 2 * $1")


@pytest.fixture
def reactor():
    reactor = SelectReactor()
    yield reactor
    reactor.removeAll()
    for reader in reactor._internalReaders:
        reader.connectionLost(None)


@pytest.fixture
def database(reactor, dsn):
    with started(reactor, dsn) as database:
        yield database


@contextlib.contextmanager
def started(reactor, dsn, connections=2, **more):
    database = PooledDatabase(reactor, dsn, connections, **more)
    database.start()
    yield database
    database.stop()
    reactor.runUntilCurrent()


def asked(statement, *parameters):
    """A read of one value."""
    ((value,),) = yield Statement(statement, parameters)
    return value


def doubled(number, times):
    for _ in range(times):
        ((number,),) = yield Statement.of(DOUBLE, number)
    return number


def outcome_of(reactor, deferred, most_s=20):
    """What comes of it, while the reactor runs."""
    outcomes = []
    deferred.addBoth(outcomes.append)
    await_true(reactor, lambda: outcomes, most_s)
    if isinstance(outcomes[0], Failure):
        outcomes[0].raiseException()
    return outcomes[0]


def await_true(reactor, is_true, most_s=20):
    deadline = time.monotonic() + most_s
    while not is_true():
        assert time.monotonic() < deadline
        reactor.iterate(0.01)


def connections(database):
    return database.usage()["database_connections"]


def in_other_session(dsn, statement, *parameters):
    with contextlib.closing(connect(dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute(statement, parameters)


def test_a_read_is_told_the_rows_of_each_statement_and_its_result_is_given(reactor, database):
    assert outcome_of(reactor, database.ask(doubled, 3, times=4)) == 48
    assert outcome_of(reactor, database.ask(asked, "SELECT %s::uuid", None)) is None


def test_a_connection_is_told_once_what_it_has_to_know(reactor, database):
    for _ in range(3):
        outcome_of(reactor, database.ask(doubled, 1, times=2))
    known = "SELECT sum(generic_plans + custom_plans) FROM pg_prepared_statements"
    assert outcome_of(reactor, database.ask(asked, known)) == 6
    assert connections(database) == 1


def test_what_a_read_raises_arrives_and_harms_nobody(reactor, database):
    def refused(before):
        if not before:
            yield Statement(BACKEND)
        raise NotFound("no such clip")

    pid = outcome_of(reactor, database.ask(asked, BACKEND))
    for before in (False, True):
        with pytest.raises(NotFound):
            outcome_of(reactor, database.ask(refused, before))
    assert outcome_of(reactor, database.ask(asked, BACKEND)) == pid


@pytest.mark.parametrize(
    ("error", "statement", "parameters"),
    [
        (UndefinedTable, "SELECT * FROM nothing", ()),
        (ValueError, "SELECT %s", ("\0",)),
    ],
)
def test_a_mistake_is_raised_as_it_is(reactor, database, error, statement, parameters):
    pid = outcome_of(reactor, database.ask(asked, BACKEND))
    with pytest.raises(error):
        outcome_of(reactor, database.ask(asked, statement, *parameters))
    assert outcome_of(reactor, database.ask(asked, BACKEND)) == pid


def test_a_read_changes_nothing_of_those_that_come_after_it(reactor, database):
    """What it leaves in the session, that is: it has no transaction."""
    state = "SELECT count(*) FROM pg_locks WHERE pid = pg_backend_pid() AND locktype = 'relation'"
    assert outcome_of(reactor, database.ask(asked, "SELECT count(*) FROM clip")) == 0
    assert outcome_of(reactor, database.ask(asked, state)) == 1


def test_those_who_find_no_connection_free_have_their_turn(reactor, dsn):
    with started(reactor, dsn, connections=1) as database:
        answers = []
        for number in range(20):
            database.ask(asked, "SELECT %s", number).addCallback(answers.append)
        await_true(reactor, lambda: len(answers) == 20)
        assert answers == list(range(20))
        assert connections(database) == 1


@pytest.mark.parametrize("error", [NotFound, ValueError])
def test_any_number_that_waits_may_fail_before_anything_is_asked(reactor, dsn, error):
    """One after the other, that is, and not one within the other."""

    def refused():
        if error is NotFound:
            raise NotFound("no such clip")
        yield Statement("SELECT %s", ("\0",))

    with started(reactor, dsn, connections=1) as database:
        outcomes = []
        for _ in range(2 * sys.getrecursionlimit()):
            database.ask(refused).addErrback(lambda failure: outcomes.append(failure.type))
        assert outcome_of(reactor, database.ask(asked, "SELECT 7")) == 7
        assert outcomes == [error] * len(outcomes)
        assert len(outcomes) == 2 * sys.getrecursionlimit()


def test_connections_are_as_many_as_configured(reactor, dsn):
    with started(reactor, dsn, connections=3) as database:
        asking = [database.ask(asked, f"{BACKEND} FROM pg_sleep(0.05)") for _ in range(9)]
        assert len({outcome_of(reactor, each) for each in asking}) == 3
        assert connections(database) == 3


def test_nobody_waits_in_the_reactor(reactor, database):
    outcome_of(reactor, database.ask(asked, BACKEND))
    sleeping = database.ask(asked, "SELECT 1 FROM pg_sleep(0.3)")
    ticks = []
    while not sleeping.called:
        reactor.iterate(0.01)
        ticks.append(time.monotonic())
    assert len(ticks) > 10


@pytest.mark.parametrize("size", [100, 10_000, 5_000_000])
def test_a_statement_may_be_of_any_size(reactor, database, size):
    assert outcome_of(reactor, database.ask(asked, "SELECT length(%s)", "x" * size)) == size
    assert outcome_of(reactor, database.ask(asked, "SELECT repeat('x', %s)", size)) == "x" * size


def test_who_waits_no_longer_is_in_nobodys_way(reactor, dsn):
    with started(reactor, dsn, connections=1) as database:
        left = [database.ask(asked, "SELECT 1 FROM pg_sleep(0.1)") for _ in range(2)]
        for each in left:
            each.addErrback(lambda failure: failure.trap(CancelledError))
            each.cancel()
        assert outcome_of(reactor, database.ask(asked, "SELECT 7")) == 7


def test_a_statement_that_takes_too_long_is_given_up_and_not_begun_again(reactor, dsn):
    with started(reactor, dsn, statement_timeout_s=0.2) as database:
        outcome_of(reactor, database.ask(asked, "SELECT 1"))
        began = time.monotonic()
        with pytest.raises(Unavailable, match="cannot do this now"):
            outcome_of(reactor, database.ask(asked, "SELECT pg_sleep(20)"))
        assert time.monotonic() - began < 5
        assert connections(database) == 1  # no thread's
        assert outcome_of(reactor, database.ask(asked, "SELECT 1")) == 1


def test_connections_that_were_cut_are_replaced_unseen(reactor, database, dsn):
    outcome_of(reactor, database.ask(asked, BACKEND))
    in_other_session(
        dsn,
        "SELECT pg_terminate_backend(pid, 5000) FROM pg_stat_activity "
        "WHERE pid <> pg_backend_pid() AND datname = current_database()",
    )
    assert outcome_of(reactor, database.ask(asked, "SELECT 1")) == 1
    assert outcome_of(reactor, database.ask(doubled, 1, times=1)) == 2


def test_a_read_that_is_cut_off_begins_anew(reactor, database, dsn):
    attempts = []

    def reading():
        attempts.append(True)
        ((pid,),) = yield Statement(BACKEND)
        if len(attempts) == 1:
            in_other_session(dsn, "SELECT pg_terminate_backend(%s, 5000)", pid)
        ((value,),) = yield Statement("SELECT 5")
        return value

    assert outcome_of(reactor, database.ask(reading)) == 5
    assert len(attempts) == 2


@pytest.fixture
def notes(dsn):
    in_other_session(dsn, "CREATE TABLE note (name text PRIMARY KEY)")


NOTE = "INSERT INTO note VALUES (%s) ON CONFLICT (name) DO UPDATE SET name = excluded.name"


@pytest.mark.usefixtures("notes")
def test_what_is_noted_is_kept_though_something_after_it_fails(reactor, database, dsn):
    def noting():
        yield Statement(f"{NOTE} RETURNING name", ("kept",))
        raise NotFound("no such clip")

    with pytest.raises(NotFound):
        outcome_of(reactor, database.note(noting))
    with contextlib.closing(connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute("SELECT name FROM note")
        assert cursor.fetchall() == [("kept",)]


@pytest.mark.usefixtures("notes")
def test_a_setting_that_travels_with_what_is_noted_is_of_that_alone(reactor, database):
    def noting():
        text = f"SET LOCAL lock_timeout TO '7s'; {NOTE}"
        ((setting,),) = yield Statement(f"{text} RETURNING current_setting('lock_timeout')", ("a",))
        return setting

    assert outcome_of(reactor, database.note(noting)) == "7s"
    assert outcome_of(reactor, database.ask(asked, "SHOW lock_timeout")) == "0"


@pytest.mark.usefixtures("notes")
def test_what_is_cut_off_while_it_is_noted_is_noted_again(reactor, database, dsn):
    attempts = []

    def noting():
        attempts.append(True)
        ((pid,),) = yield Statement(f"{NOTE} RETURNING pg_backend_pid()", ("one",))
        if len(attempts) == 1:
            in_other_session(dsn, "SELECT pg_terminate_backend(%s, 5000)", pid)
        ((count,),) = yield Statement(f"{NOTE} RETURNING (SELECT count(*) FROM note)", ("two",))
        return count

    assert outcome_of(reactor, database.note(noting)) == 1
    assert len(attempts) == 2


def test_a_server_process_that_is_killed_is_unavailable_and_then_found_again(
    reactor, archive_directory
):
    server = EmbeddedPostgres.start(archive_directory, extra_settings={"fsync": "off"})
    with started(reactor, server.dsn()) as database:
        try:
            pid = outcome_of(reactor, database.ask(asked, BACKEND))
            sleeping = database.ask(asked, "SELECT 1 FROM pg_sleep(3)")
            reactor.callLater(0.2, os.kill, pid, signal.SIGKILL)
            with contextlib.suppress(Unavailable):  # unless the server was there again in time
                assert outcome_of(reactor, sleeping) == 1
            assert eventually(reactor, database) == 1
        finally:
            database.stop()
            server.stop()


def test_a_stopped_server_is_unavailable_and_found_again_when_it_is_back(
    reactor, archive_directory
):
    server = EmbeddedPostgres.start(archive_directory, extra_settings={"fsync": "off"})
    with started(reactor, server.dsn()) as database:
        try:
            outcome_of(reactor, database.ask(asked, BACKEND))
            os.kill(server.pid, signal.SIGINT)
            os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
            for _ in range(3):
                with pytest.raises(Unavailable, match="away"):
                    outcome_of(reactor, database.ask(asked, "SELECT 1"))

            assert server.restart_if_ended()
            assert eventually(reactor, database) == 1
        finally:
            database.stop()
            server.stop()


def test_a_server_that_cannot_be_reached_is_unavailable(reactor, tmp_path):
    with started(reactor, f"host={tmp_path} dbname=archive") as database:
        asking = [database.ask(asked, "SELECT 1") for _ in range(10)]
        for each in asking:
            with pytest.raises(Unavailable):
                outcome_of(reactor, each)


def test_stopping_cuts_short_what_is_asked_and_refuses_what_waits_and_comes(reactor, dsn):
    with started(reactor, dsn, connections=1) as database:
        outcome_of(reactor, database.ask(asked, BACKEND))
        began = time.monotonic()
        asking = [database.ask(asked, "SELECT pg_sleep(60)") for _ in range(2)]
        database.stop()
        for each in (*asking, database.ask(asked, "SELECT 1")):
            with pytest.raises(Unavailable, match="stopping"):
                outcome_of(reactor, each)
        assert time.monotonic() - began < 10
        assert connections(database) == 0


def eventually(reactor, database, most_s=30):
    deadline = time.monotonic() + most_s
    while True:
        try:
            return outcome_of(reactor, database.ask(asked, "SELECT 1"))
        except Unavailable:
            assert time.monotonic() < deadline
            time.sleep(0.05)
