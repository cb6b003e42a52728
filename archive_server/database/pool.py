"""The real `Database`: transactions in threads, as many at a time as there are connections.

Why not `twisted.enterprise.adbapi`: its pool notices a restarted server only by a call that fails,
once for each connection; it cannot tell what may be tried again; and it logs what we raise.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

from psycopg2.extensions import connection as Connection
from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IReactorFromThreads

from archive_server.database.asking import Asking
from archive_server.database.connections import connect_for_reactor
from archive_server.database.notices import Forgetful, own
from archive_server.database.reading import Reading, blocking
from archive_server.database.transactions import Transactions
from archive_server.threads import Threads

P = ParamSpec("P")
T = TypeVar("T")


class PooledDatabase:
    """A `Database` of so many connections, each opened when it is first needed."""

    def __init__(
        self,
        reactor: IReactorFromThreads,
        dsn: str,
        connections: int,
        statement_timeout_s: float = 0,
        forgetful: Forgetful | None = None,
    ) -> None:
        """`forgetful` learns what a transaction ended before its result is given."""
        self._reactor = reactor
        self._forgetful = forgetful
        self._threads = Threads(reactor, connections, "database")
        self._transactions = Transactions(dsn, statement_timeout_s, self._tell)
        self._asking = Asking(
            reactor,
            partial(connect_for_reactor, dsn, statement_timeout_s),
            connections,
            self._threads,
            lambda begin: self.read(blocking(begin)),
        )

    def start(self) -> None:
        """Begin with what was and will be asked for. Does not connect."""
        self._threads.start()

    def stop(self) -> None:
        """Cut short what runs, refuse what waits, and close the connections. Blocks briefly."""
        self._asking.stop()
        self._transactions.close()
        self._threads.stop()

    def usage(self) -> Mapping[str, float]:
        """How busy it is, for those who watch."""
        connections, busy = self._transactions.counts()
        asking, asked, waiting = self._asking.counts
        return {
            "database_connections": connections + asking,
            "database_connections_busy": busy + asked,
            "database_waiting": self._threads.waiting + waiting,
        }

    def run(
        self, work: Callable[Concatenate[Any, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """Run a function of a cursor as one transaction, and give what it returns.

        Fails with Unavailable while the server is away; see `transactions` for more.
        """
        return self._threads(self._transactions.perform, work, *args, **kwargs)

    def read(
        self, work: Callable[Concatenate[Any, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """As `run`, for what only reads; see `blocking.Database`."""
        return self._threads(self._transactions.perform_reading, work, *args, **kwargs)

    def ask(
        self, reading: Callable[P, Reading[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """As `read`, for what is asked without a thread; see `blocking.Database`."""
        return self._asking(partial(reading, *args, **kwargs))

    def note(
        self, writing: Callable[P, Reading[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Deferred[T]:
        """As `ask`, for what also writes; see `blocking.Database`."""
        return self._asking(partial(writing, *args, **kwargs))

    def _tell(self, connection: Connection) -> None:
        """Hand on, from a thread, what was said; the reactor takes it in before the result."""
        said = own(connection)
        if self._forgetful is not None and said is None:
            self._reactor.callFromThread(self._forgetful.forget_all)
        elif self._forgetful is not None:
            for what, key in said or ():
                self._reactor.callFromThread(self._forgetful.forget, what, key)
