"""What tests drive coroutines, transactions and tools with."""

import fcntl
import shutil
import socket
import termios
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any, Concatenate, ParamSpec, TypeVar

import pytest
from psycopg2.extensions import connection as Connection
from twisted.internet.defer import Deferred, maybeDeferred
from twisted.python.failure import Failure

from archive_server.database.reading import Reading, blocking

P = ParamSpec("P")
T = TypeVar("T")


def result_of(work: Awaitable[T]) -> T:
    """What a coroutine returns, or the exception it raises. It must not have to wait.

    (`successResultOf` of trial wraps exceptions, which `pytest.raises` would not see.)
    """

    async def awaited() -> T:
        return await work

    outcomes: list[T | Failure] = []
    Deferred.fromCoroutine(awaited()).addBoth(outcomes.append)
    assert outcomes, "the coroutine waits for something that a test without a reactor never gets"
    (outcome,) = outcomes
    if isinstance(outcome, Failure):
        outcome.raiseException()
    return outcome


def in_flight(sender: socket.socket) -> int:
    """Bytes that the kernel has not brought to the other side yet; 0 when it is closed.

    Also over loopback that may take a moment, on a busy machine.
    """
    if sender.fileno() == -1:
        return 0
    return int.from_bytes(fcntl.ioctl(sender.fileno(), termios.TIOCOUTQ, bytes(4)), "little")


def immediately(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
    """An `InThread` that does the work at once, in the thread of the test."""
    return maybeDeferred(work, *args, **kwargs)


class DirectDatabase:
    """A `Database` over one connection, which does everything at once.

    A transaction is a savepoint; or a real one where the connection `commits`, that is where the
    test has a database of its own.
    """

    def __init__(self, connection: Connection, *, commits: bool = False) -> None:
        self.connection = connection
        self.commits = commits

    def run(
        self, work: Callable[Concatenate[Any, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        return maybeDeferred(self._run, work, *args, **kwargs)

    def read(
        self, work: Callable[Concatenate[Any, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """As `run`; what would write fails."""
        return maybeDeferred(self._read, work, *args, **kwargs)

    def ask(
        self, reading: Callable[P, Reading[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """As `read`."""
        return self.read(blocking(reading, *args, **kwargs))

    def note(
        self, writing: Callable[P, Reading[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        return self.run(blocking(writing, *args, **kwargs))

    def _read(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        with self.connection.cursor() as cursor:
            cursor.execute("SAVEPOINT read; SET LOCAL transaction_read_only = on")
            try:
                return work(cursor, *args, **kwargs)
            finally:
                cursor.execute("ROLLBACK TO SAVEPOINT read; RELEASE SAVEPOINT read")

    def _run(self, work: Callable[..., T], *args: Any, **kwargs: Any) -> T:
        transaction = self._transaction if self.commits else self._savepoint
        with transaction(), self.connection.cursor() as cursor:
            return work(cursor, *args, **kwargs)

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self.connection.commit()  # what the test did so far is not for us to roll back
        with self.connection:
            yield

    @contextmanager
    def _savepoint(self) -> Iterator[None]:
        with self.connection.cursor() as cursor:
            cursor.execute("SAVEPOINT run")
            try:
                yield
                # What is checked at the end of a transaction is checked here.
                cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
            except BaseException:
                cursor.execute("ROLLBACK TO SAVEPOINT run")
                raise
            cursor.execute("RELEASE SAVEPOINT run")


def needs_tool(*names: str) -> pytest.MarkDecorator:
    """Skip a test where a program is not installed: `@needs_tool("ffmpeg")`."""
    missing = [name for name in names if shutil.which(name) is None]
    return pytest.mark.skipif(bool(missing), reason=f"not installed: {', '.join(missing)}")
