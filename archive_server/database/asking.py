"""Reads without a thread: the reactor itself sends statements, and hears of their rows.

For reads whose rows are few: of one statement it takes 39 µs of a processor. To hand it to a thread
and back, and the interpreter's lock to and fro meanwhile, takes 75, and up to 120 where threads are
many and processors busy. What goes wrong is left to the threads: a read that loses its connection,
or finds none, is begun anew by them, who know how often to try, and what to call it.
"""

import os
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Generic, TypeVar

import psycopg2
from psycopg2.errors import AdminShutdown, CrashShutdown, TransactionRollbackError
from psycopg2.extensions import POLL_OK, POLL_WRITE
from psycopg2.extensions import connection as Connection
from twisted.internet.defer import Deferred, fail
from twisted.python.failure import Failure

from archive_server.database.reading import Reading, Rows, Statement
from archive_server.database.transactions import is_lost, name
from archive_server.errors import Unavailable
from archive_server.threads import Threads

T = TypeVar("T")

# What a server process says before it ends.
_ENDS = (AdminShutdown, CrashShutdown)
# A statement of no more bytes than this is sent at once, whatever the socket.
_SENT_AT_ONCE = 8192


class _Question(Generic[T]):
    """A read, from when it is asked for until it is answered."""

    __slots__ = ("begin", "done", "reading")

    def __init__(self, begin: Callable[[], Reading[T]]) -> None:
        self.begin = begin
        self.reading = begin()
        self.done: Deferred[T] = Deferred()


class Asking:
    """Connections of the reactor, at most so many; what finds none free waits its turn."""

    def __init__(
        self,
        reactor: Any,
        connect: Callable[[], Connection],
        most: int,
        in_thread: Threads,
        otherwise: Callable[[Callable[[], Reading[Any]]], Deferred[Any]],
    ) -> None:
        """`otherwise` reads what cannot be read here, or tells why that cannot be."""
        self._reactor = reactor
        self._connect = connect
        self._most = most
        self._in_thread = in_thread
        self._otherwise = otherwise
        self._connecting = 0
        self._askers: set[_Asker] = set()
        self._idle: list[_Asker] = []
        self._waiting: deque[_Question[Any]] = deque()
        self._has_stopped = False

    def __call__(self, begin: Callable[[], Reading[T]]) -> Deferred[T]:
        """Carry out a read, which may be begun more than once. To cancel means not to wait."""
        if self._has_stopped:
            return fail(Unavailable("the server is stopping"))
        question = _Question(begin)
        if self._idle:
            self._idle.pop().begin(question)
        else:
            self._waiting.append(question)
            if len(self._askers) + self._connecting < self._most:
                self._open()
        return question.done

    @property
    def counts(self) -> tuple[int, int, int]:
        """How many connections are open, how many of them are asked, how many questions wait."""
        return len(self._askers), len(self._askers) - len(self._idle), len(self._waiting)

    def stop(self) -> None:
        """Cut short what is asked, refuse what waits, and close the connections."""
        self._has_stopped = True
        for asker in list(self._askers):
            asker.stop()
        self._refuse_waiting()

    # -- for those who ask ------------------------------------------------------------------------

    def next_for(self, asker: "_Asker") -> _Question[Any] | None:
        """What who has nothing to do is to do now; None: it is idle."""
        if self._waiting:
            return self._waiting.popleft()
        self._idle.append(asker)
        return None

    def lose(self, asker: "_Asker", question: _Question[Any] | None) -> None:
        """Go on without one, and let threads do what it was asked."""
        self._askers.discard(asker)
        if asker in self._idle:
            self._idle.remove(asker)
        if question is not None:
            self.leave(question)
        self._look_after_waiting()

    def leave(self, question: _Question[Any]) -> None:
        """Leave a read to threads: it begins anew."""
        if self._has_stopped:
            question.done.errback(Unavailable("the server is stopping"))
        else:
            self._otherwise(question.begin).chainDeferred(question.done)

    # -- connections ------------------------------------------------------------------------------

    def _open(self) -> None:
        self._connecting += 1
        self._in_thread(self._connect).addCallbacks(self._opened, self._not_opened)

    def _opened(self, connection: Connection) -> None:
        self._connecting -= 1
        if self._has_stopped:
            connection.close()
            return
        try:
            asker = _Asker(self._reactor, connection, self)
        except OSError:  # no descriptor is left
            connection.close()
            self._look_after_waiting()
            return
        self._askers.add(asker)
        asker.begin(self.next_for(asker))

    def _not_opened(self, failure: Failure) -> None:
        self._connecting -= 1
        self._look_after_waiting()

    def _look_after_waiting(self) -> None:
        """Let nobody wait where there is no connection: threads find out why."""
        while self._waiting and not self._askers and not self._connecting:
            self.leave(self._waiting.popleft())

    def _refuse_waiting(self) -> None:
        while self._waiting:
            self.leave(self._waiting.popleft())


class _Asker:
    """A connection that is asked one statement at a time, as the reactor sees it."""

    def __init__(self, reactor: Any, connection: Connection, pool: Asking) -> None:
        self._reactor = reactor
        self._connection = connection
        self._cursor = connection.cursor()
        self._pool = pool
        self._question: _Question[Any] | None = None
        self._is_beginning = False
        self._known: set[str] = set()  # the names of prepared statements
        self._preparing: Statement | None = None  # that is asked next
        self._is_writing = False
        # Its socket once more: libpq closes its own when the connection is lost, without a word
        # to the reactor, which would then watch whatever is opened next.
        self._socket = os.dup(connection.fileno())
        reactor.addReader(self)

    def begin(self, question: _Question[Any] | None) -> None:
        """Begin a read; and where it ends before it has asked anything, the next one.

        Here and not from its end: of those that wait, each may end so, and they may be thousands.
        """
        self._is_beginning = True
        while question is not None:
            self._question = question
            self._go_on(question, None)
            question = self._pool.next_for(self) if self._is_free else None
        self._is_beginning = False

    def stop(self) -> None:
        """Cancel what is asked, and close the connection. Blocks briefly."""
        if self._question is not None:
            with suppress(psycopg2.Error):  # it has gone
                self._connection.cancel()
        self._lose()

    # -- for the reactor --------------------------------------------------------------------------

    def fileno(self) -> int:
        """What to watch."""
        return self._socket

    def logPrefix(self) -> str:  # noqa: N802 - Twisted's name
        """What the reactor calls us in its log."""
        return "asking"

    def connectionLost(self, reason: Failure) -> None:  # noqa: N802 - Twisted's name
        """Hear from the reactor that the socket is of no use."""
        self._lose()

    def doRead(self) -> None:  # noqa: N802 - Twisted's name
        """Take in what has come, or send what is left."""
        try:
            state = self._connection.poll()
            if self._is_writing and state != POLL_WRITE:
                self._is_writing = False
                self._reactor.removeWriter(self)
            if state != POLL_OK or self._question is None:
                return
            rows = [] if self._preparing else self._cursor.fetchall()
        except psycopg2.Error as error:
            self._fail(error)
            return
        statement, self._preparing = self._preparing, None
        if statement is None or statement.prepared is None:
            self._go_on(self._question, rows)
        else:
            self._known.add(statement.prepared.name)
            self._ask(self._question, statement)

    doWrite = doRead  # noqa: N815 - Twisted's name

    # -- asking -----------------------------------------------------------------------------------

    @property
    def _is_free(self) -> bool:
        return self._question is None and self._socket >= 0

    def _go_on(self, question: _Question[Any], rows: Rows | None) -> None:
        """Give rows to a read, and ask what it asks next."""
        try:
            # None begins it.
            statement = question.reading.send(rows)  # type: ignore[arg-type]
        except StopIteration as end:
            self._end(question, end.value)
        except BaseException:  # noqa: BLE001 - it is for whoever asked
            self._end(question, Failure())
        else:
            self._ask(question, statement)

    def _ask(self, question: _Question[Any], statement: Statement) -> None:
        cursor, prepared = self._cursor, statement.prepared
        try:
            if prepared is None or prepared.name in self._known:
                cursor.execute(statement.text, statement.parameters)
            else:
                cursor.execute(prepared.preparation)
                self._preparing = statement
        except psycopg2.Error as error:
            self._fail(error)
        except Exception:  # noqa: BLE001 - of a value that cannot be sent, for whoever gave it
            self._end(question, Failure())
        else:
            if len(cursor.query or b"") > _SENT_AT_ONCE:
                self._is_writing = True
                self._reactor.addWriter(self)

    def _end(self, question: _Question[Any], result: object) -> None:
        """Give the result, once PostgreSQL has more to do."""
        self._free()
        if isinstance(result, Failure):
            question.done.errback(result)
        else:
            question.done.callback(result)

    def _fail(self, error: psycopg2.Error) -> None:
        question = self._question
        if question is None or is_lost(self._connection, error) or isinstance(error, _ENDS):
            self._lose()
            return
        self._preparing = None
        if isinstance(error, TransactionRollbackError):  # threads know how often to try again
            self._free()
            self._pool.leave(question)
        else:
            self._end(question, Failure(name(error) or error))

    def _free(self) -> None:
        """Be done with a read, and begin the next one, unless that is being done."""
        self._question = None
        if not self._is_beginning:
            self.begin(self._pool.next_for(self))

    def _lose(self) -> None:
        """Let the connection go."""
        if self._socket < 0:
            return
        self._reactor.removeReader(self)
        self._reactor.removeWriter(self)
        os.close(self._socket)
        self._socket = -1
        self._connection.close()
        question, self._question = self._question, None
        self._pool.lose(self, question)
