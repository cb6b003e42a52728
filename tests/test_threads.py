"""Threads and the pooled database, as a reactor sees them."""

import queue
import threading

import pytest

from archive_server.database.pool import PooledDatabase
from archive_server.errors import NotFound, Unavailable
from archive_server.threads import Threads


class QueueReactor:
    """The part of a reactor that threads use; it runs while somebody waits for a result."""

    def __init__(self):
        self.calls = queue.Queue()

    def callFromThread(self, call, *args):  # noqa: N802 - a reactor's name
        self.calls.put((call, args))

    def wait_for(self, deferred):
        outcomes = []
        deferred.addBoth(outcomes.append)
        while not outcomes:
            call, args = self.calls.get(timeout=30)
            call(*args)
        if hasattr(outcomes[0], "raiseException"):
            outcomes[0].raiseException()
        return outcomes[0]


@pytest.fixture
def reactor():
    return QueueReactor()


@pytest.fixture
def threads(reactor):
    pool = Threads(reactor, 2, "test")
    pool.start()
    yield pool
    pool.stop()


@pytest.fixture
def pooled(reactor, dsn):
    database = PooledDatabase(reactor, dsn, connections=2)
    database.start()
    yield database
    database.stop()


def test_work_is_done_in_another_thread(reactor, threads):
    ident = reactor.wait_for(threads(lambda *, call: call(), call=threading.get_ident))
    assert ident != threading.get_ident()


def test_what_work_raises_arrives(reactor, threads):
    with pytest.raises(ZeroDivisionError):
        reactor.wait_for(threads(lambda: 1 // 0))


def test_no_more_threads_work_than_allowed(reactor, threads):
    two_are_in = threading.Barrier(2)
    waiting = [threads(two_are_in.wait, 30) for _ in range(6)]
    for deferred in waiting:
        reactor.wait_for(deferred)
    assert len(threads._pool.threads) == 2


@pytest.mark.parametrize("there_are", [0, 1])
def test_a_thread_that_cannot_be_started_is_started_later(reactor, threads, monkeypatch, there_are):
    for _ in range(there_are):
        reactor.wait_for(threads(list))
    release = threading.Event()
    held = [threads(release.wait, 30) for _ in range(there_are)]
    with monkeypatch.context() as patch:
        patch.setattr(threading.Thread, "start", refused)
        waiting = threads(list)
        if not there_are:
            with pytest.raises(Unavailable):
                reactor.wait_for(waiting)
    assert reactor.wait_for(threads(list)) == []
    release.set()
    for deferred in held:
        reactor.wait_for(deferred)


def refused(thread):
    raise RuntimeError("can't start new thread")


def test_after_the_stop_work_is_refused_rather_than_forgotten(reactor, threads):
    threads.stop()
    with pytest.raises(Unavailable):
        reactor.wait_for(threads(list))


def test_a_coroutine_can_wait_for_transactions(reactor, pooled):
    from twisted.internet.defer import Deferred

    async def journey():
        await pooled.run(lambda cursor: cursor.execute("CREATE TABLE thing (n integer)"))
        await pooled.run(lambda cursor, n: cursor.execute("INSERT INTO thing VALUES (%s)", (n,)), 3)
        return await pooled.run(count)

    assert reactor.wait_for(Deferred.fromCoroutine(journey())) == 1


def test_what_a_transaction_raises_arrives(reactor, pooled):
    def fail(cursor):
        raise NotFound("no such clip")

    with pytest.raises(NotFound, match="no such clip"):
        reactor.wait_for(pooled.run(fail))


def test_connections_are_as_many_as_configured(reactor, pooled):
    barrier = threading.Barrier(2)

    def meet(cursor):
        barrier.wait(30)
        cursor.execute("SELECT pg_backend_pid()")
        return cursor.fetchone()

    pids = {reactor.wait_for(each) for each in [pooled.run(meet) for _ in range(8)]}
    assert len(pids) == 2


def test_a_stopped_database_refuses_work(reactor, pooled):
    pooled.stop()
    with pytest.raises(Unavailable):
        reactor.wait_for(pooled.run(count))


def count(cursor):
    cursor.execute("SELECT n FROM thing")
    return cursor.rowcount
