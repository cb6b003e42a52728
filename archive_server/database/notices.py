"""What the database says of its own accord: which leases and sessions nobody may remember longer.

`schema/0009_notices.sql` says it in two ways. Who has changed something is told by the notices of
the connection (`own`), before the transaction ends. Everybody else is told by NOTIFY, for which a
process has a connection of its own (`Listener`).

That connection is asked something twice a second. PostgreSQL hands a listener the notifications of
what was committed before an answer to what is asked after. (It signals the listener before the
committing client learns of the commit, and looks at the signal before it becomes ready again.) So
each answer proves that nothing was missed until it was asked for.
"""

import os
import re
import time
from typing import Any, Protocol

import psycopg2
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from archive_server.database.connections import await_answer, connect_for_reactor
from archive_server.threads import Threads

log = Logger()

_CHANNEL = "archive_forget"
_OWN = re.compile(rf"\b{_CHANNEL} (\w+) (\w+)\n")
_MOST_KEPT = 50  # notices that psycopg2 keeps; of more it has dropped some

_BEAT_S = 0.4
_ANSWER_S = 5  # without an answer for so long, the connection is given up


class Forgetful(Protocol):
    """Who remembers something, and has to be told. Told in the reactor's thread only."""

    def heard(self, asked_at: float, /) -> None:
        """Everything that was committed before this moment (time.monotonic) has been told."""

    def forget(self, what: str, key: str, /) -> None:
        """Something has ended or changed: a `lease`, `session` or `user`."""

    def forget_all(self) -> None:
        """Something has, and nobody knows what."""

    def lost(self) -> None:
        """Nothing will be told until `heard` is called again."""


def own(connection: Connection) -> list[tuple[str, str]] | None:
    """What the last transactions on a connection have ended or changed; None: too much to say.

    Says it once.
    """
    notices = list(connection.notices)
    connection.notices.clear()
    if len(notices) >= _MOST_KEPT:
        return None
    return _OWN.findall("".join(notices))


class Listener:
    """Listens for as long as the process runs, on one connection after the other."""

    def __init__(self, reactor: Any, dsn: str, forgetful: Forgetful) -> None:
        self._reactor = reactor
        self._dsn = dsn
        self._forgetful = forgetful
        # Names of hosts are looked up when connecting, which may take its time.
        self._threads = Threads(reactor, 1, "notices")
        self._is_connecting = False
        self._connection: Connection | None = None
        # Its socket once more: libpq closes its own when the connection is lost, without a word
        # to the reactor, which would then watch whatever is opened next.
        self._socket = -1
        self._asked_at: float | None = None  # None: nothing is asked
        self._cursor: Cursor | None = None  # that asks: psycopg2 wants it until it is answered
        self._loop = LoopingCall(self._beat)
        self._loop.clock = reactor

    def start(self) -> None:
        """Connect, and listen."""
        self._threads.start()
        self._loop.start(_BEAT_S)

    def stop(self) -> None:
        """Listen no more. Blocks while a connection is being made."""
        if self._loop.running:
            self._loop.stop()
        self._threads.stop()
        self._drop()

    # -- for the reactor ----------------------------------------------------------------------

    def fileno(self) -> int:
        """What to watch."""
        return self._socket

    def doRead(self) -> None:
        """Take in what has come."""
        connection = self._connection
        if connection is None:
            return
        try:
            connection.poll()
            is_answered = not connection.isexecuting()
        except psycopg2.Error:
            self._drop()
            return
        for notify in connection.notifies:
            what, _, key = notify.payload.partition(" ")
            self._forgetful.forget(what, key)
        connection.notifies.clear()
        if is_answered and self._asked_at is not None:
            asked_at, self._asked_at = self._asked_at, None
            self._forgetful.heard(asked_at)

    def connectionLost(self, reason: Failure) -> None:
        """Hear from the reactor that the socket is of no use."""
        self._drop()

    def logPrefix(self) -> str:
        """What the reactor calls us in its log."""
        return "notices"

    # -- asking -------------------------------------------------------------------------------

    def _beat(self) -> None:
        """Ask, so as to be certain; and connect where there is no connection."""
        if self._connection is None:
            self._connect()
        elif self._asked_at is None:
            self._ask(self._connection)
        elif time.monotonic() > self._asked_at + _ANSWER_S:
            log.warn("PostgreSQL does not answer the connection that listens for changes")
            self._drop()

    def _ask(self, connection: Connection) -> None:
        self._asked_at = time.monotonic()
        try:
            self._cursor = connection.cursor()
            self._cursor.execute("SELECT")
        except psycopg2.Error:
            self._drop()

    def _connect(self) -> None:
        if not self._is_connecting:
            self._is_connecting = True
            self._threads(_listening, self._dsn).addCallbacks(self._connected, self._not_connected)

    def _connected(self, connection: Connection) -> None:
        self._is_connecting = False
        if not self._loop.running:
            connection.close()
            return
        try:
            self._socket = os.dup(connection.fileno())
        except OSError:  # no descriptor is left; the next beat tries again
            connection.close()
            return
        self._connection = connection
        self._reactor.addReader(self)
        self._ask(connection)

    def _not_connected(self, failure: Failure) -> None:
        self._is_connecting = False  # the next beat tries again
        if not failure.check(psycopg2.Error, OSError) and self._loop.running:
            log.failure("cannot listen for changes", failure)

    def _drop(self) -> None:
        """Let the connection go, and with it what is remembered."""
        self._forgetful.lost()
        self._asked_at = None
        if self._connection is not None:
            self._reactor.removeReader(self)
            os.close(self._socket)
            self._socket = -1
            self._connection.close()
            self._connection = self._cursor = None


def _listening(dsn: str) -> Connection:
    """A connection that listens. Blocks; raises psycopg2.Error, TimeoutError."""
    connection = connect_for_reactor(dsn)
    cursor = connection.cursor()  # has to stay until the answer is there
    cursor.execute(f"LISTEN {_CHANNEL}")
    await_answer(connection)
    return connection
