"""Functions of a cursor, run as transactions: what is tried again, and what it means to fail.

| what happens                                   | what follows                                   |
|------------------------------------------------|------------------------------------------------|
| no connection can be made                      | Unavailable                                    |
| the connection is lost before COMMIT           | once more on a new one, then Unavailable       |
| the connection is lost by COMMIT               | Unavailable: it may have been committed or not |
| deadlock, serialization failure                | again, a few times, then Unavailable           |
| timeout, full disk, shutdown, read-only server | Unavailable                                    |
| a row refers to one that is gone               | Conflict: somebody has just removed it         |
| any other error, of PostgreSQL's or ours       | raised as it is                                |
"""

import contextlib
import random
import threading
import time
from collections.abc import Callable
from typing import Any, Concatenate, ParamSpec, TypeVar

import psycopg2
from psycopg2.errors import (
    DeadlockDetected,
    ForeignKeyViolation,
    ReadOnlySqlTransaction,
    SerializationFailure,
)
from psycopg2.extensions import connection as Connection

from archive_server.database.joining import JoiningConnection, connect_joining
from archive_server.errors import ArchiveError, Conflict, Unavailable

P = ParamSpec("P")
T = TypeVar("T")

_ATTEMPTS = 5

_AWAY = "the database is away; try again soon"
_TROUBLE = "the database cannot do this now; try again soon"


class _LostBeforeCommit(Exception):
    """The transaction is gone for certain."""


class Transactions:
    """Runs transactions on as many connections as there are threads that ask. Blocks."""

    def __init__(
        self,
        dsn: str,
        statement_timeout_s: float = 0,
        on_notices: Callable[[Connection], object] | None = None,
    ) -> None:
        """`on_notices` is given a connection that has notices, when a transaction has ended."""
        self._dsn = dsn
        self._on_notices = on_notices
        self._statement_timeout_s = statement_timeout_s
        self._lock = threading.Lock()
        self._idle: list[JoiningConnection] = []
        self._busy: set[JoiningConnection] = set()
        self._is_closed = False

    def perform(
        self, work: Callable[Concatenate[Any, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a function of a cursor as one transaction and return what it returns.

        The function may run more than once, each time in a new transaction.
        """
        return self._perform(False, work, *args, **kwargs)

    def perform_reading(
        self, work: Callable[Concatenate[Any, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """Run a function that only reads and return what it returns: no BEGIN, no COMMIT."""
        return self._perform(True, work, *args, **kwargs)

    def _perform(
        self,
        only_reads: bool,
        work: Callable[Concatenate[Any, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        has_lost_connection = False
        for attempt in range(1, _ATTEMPTS + 1):
            try:
                return self._attempt(only_reads, work, *args, **kwargs)
            except _LostBeforeCommit as error:
                # The server was restarted, and so all the connections we kept are as bad.
                self._drop_idle()
                if has_lost_connection or attempt == _ATTEMPTS:
                    raise Unavailable(_AWAY) from error
                has_lost_connection = True
            except (DeadlockDetected, SerializationFailure) as error:
                if attempt == _ATTEMPTS:
                    raise Unavailable(_TROUBLE) from error
                # Of two that stand in each other's way, one shall come first.
                time.sleep(random.uniform(0, 0.02 * 2**attempt))  # noqa: S311 - not a secret
            except psycopg2.Error as error:
                if (named := name(error)) is not None:
                    raise named from error
                raise
        raise AssertionError("the last attempt returns or raises")

    def counts(self) -> tuple[int, int]:
        """How many connections are open, and in how many of them a transaction runs."""
        with self._lock:
            return len(self._idle) + len(self._busy), len(self._busy)

    def close(self) -> None:
        """Close the connections, and cancel the statements that still run on some."""
        with self._lock:
            self._is_closed = True
            busy = list(self._busy)
        self._drop_idle()
        for connection in busy:
            with contextlib.suppress(psycopg2.Error):
                connection.cancel()

    def _attempt(
        self,
        only_reads: bool,
        work: Callable[Concatenate[Any, P], T],
        /,
        *args: P.args,
        **kwargs: P.kwargs,
    ) -> T:
        connection = self._take()
        connection.is_transactional = not only_reads
        is_reusable = False
        try:
            try:
                with connection.cursor() as cursor:
                    result = work(cursor, *args, **kwargs)
            except psycopg2.Error as error:
                if is_lost(connection, error):
                    raise _LostBeforeCommit from error
                raise
            connection.commit()
            is_reusable = True
            if connection.notices and self._on_notices is not None:
                self._on_notices(connection)
        except ArchiveError:
            is_reusable = _rolled_back(connection)
            raise
        else:
            return result
        finally:
            # After any other error the session may be left in an odd state, holding a lock, say.
            self._give_back(connection, is_reusable)

    def _take(self) -> JoiningConnection:
        """An idle connection, or a new one. Raises Unavailable."""
        with self._lock:
            if self._is_closed:
                raise Unavailable("the server is stopping")
            connection = self._idle.pop() if self._idle else None
        if connection is None:
            try:
                connection = connect_joining(self._dsn, self._statement_timeout_s)
            except psycopg2.OperationalError as error:
                raise Unavailable(_AWAY) from error
        with self._lock:
            self._busy.add(connection)
        return connection

    def _give_back(self, connection: JoiningConnection, is_reusable: bool) -> None:
        with self._lock:
            self._busy.discard(connection)
            if is_reusable and not self._is_closed:
                self._idle.append(connection)
                return
        connection.close()

    def _drop_idle(self) -> None:
        with self._lock:
            dropped, self._idle = self._idle, []
        for connection in dropped:
            connection.close()


def is_lost(connection: Connection, error: psycopg2.Error) -> bool:
    """Whether a statement got no answer, or the last one: the server process ends, or has ended."""
    return connection.closed != 0 or _has_no_answer(error)


def name(error: psycopg2.Error) -> ArchiveError | None:
    """What an error of PostgreSQL's is to whoever calls us, if they can do something about it."""
    if isinstance(error, ForeignKeyViolation):
        # A user, say, who was removed while their last call was carried out.
        return Conflict("something that this needs has just been removed")
    is_trouble = isinstance(error, psycopg2.OperationalError | ReadOnlySqlTransaction)
    return Unavailable(_TROUBLE) if is_trouble or _has_no_answer(error) else None


def _has_no_answer(error: psycopg2.Error) -> bool:
    """Whether a statement got no answer, and the connection is lost.

    Where a server process is killed psycopg2 does not see that: it raises the most general of its
    errors, without a code, takes the connection for open, and even rolls back.
    """
    return type(error) is psycopg2.DatabaseError and error.pgcode is None


def _rolled_back(connection: Connection) -> bool:
    """Roll back; say whether the connection survived."""
    try:
        connection.rollback()
    except psycopg2.Error:
        return False
    return True
