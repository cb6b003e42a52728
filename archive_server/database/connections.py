"""How a connection to PostgreSQL is opened: its settings, and how our values travel on it."""

import select
import time
from typing import Any

import psycopg2
from psycopg2 import extensions, extras
from psycopg2.extensions import connection as Connection
from psycopg2.extensions import cursor as Cursor

from archive_server.model.gunid import Gunid

_BYTEA = 17  # the type's oid in every PostgreSQL
_ANSWER_S = 5


def connect(
    dsn: str, statement_timeout_s: float = 0, factory: type[Connection] = Connection
) -> Connection:
    """Open a connection whose sessions are in UTC. Blocks; raises psycopg2.OperationalError.

    A statement that runs longer than the timeout is cancelled; 0 means no limit.
    """
    connection = psycopg2.connect(
        dsn, connection_factory=factory, **_settings(dsn, statement_timeout_s)
    )
    _register_types(connection)
    return connection


def connect_for_reactor(dsn: str, statement_timeout_s: float = 0) -> Connection:
    """Open a connection that never blocks from then on: it is for who calls `poll`.

    Blocks until it is open. Raises psycopg2.OperationalError, TimeoutError.
    """
    connection: Connection = psycopg2.connect(dsn, async_=1, **_settings(dsn, statement_timeout_s))
    try:
        await_answer(connection)
        _register_types(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def await_answer(connection: Connection) -> None:
    """Wait for what such a connection was asked. Blocks; raises psycopg2.Error, TimeoutError."""
    deadline = time.monotonic() + _ANSWER_S
    while (state := connection.poll()) != extensions.POLL_OK:
        left = deadline - time.monotonic()
        wanted = select.POLLIN if state == extensions.POLL_READ else select.POLLOUT
        socket = select.poll()  # not select(), which knows no descriptor beyond 1023
        socket.register(connection.fileno(), wanted)
        if left <= 0 or not socket.poll(left * 1000):
            raise TimeoutError("PostgreSQL does not answer")


def _settings(dsn: str, statement_timeout_s: float) -> dict[str, Any]:
    """What we want of every connection, but for what the dsn says."""
    given = extensions.parse_dsn(dsn)
    # client_min_messages: `notices` hears what a transaction ended; nobody may turn that off.
    # plan_cache_mode: what is prepared is found by keys, whatever they are; left alone PostgreSQL
    # plans those with lists each time, for 0.2 ms of a store and 0.5 of 2.6 of an update.
    settings = (
        "-c timezone=UTC -c client_min_messages=notice -c plan_cache_mode=force_generic_plan "
        f"-c statement_timeout={round(statement_timeout_s * 1000)}"
    )
    return {
        "options": f"{given.get('options', '')} {settings}".strip(),
        "connect_timeout": given.get("connect_timeout", "10"),
        "application_name": given.get("application_name", "archive-server"),
        # A server that vanished from the network is noticed in half a minute, not in two hours.
        "tcp_user_timeout": given.get("tcp_user_timeout", "30000"),
    }


def _register_types(connection: Connection) -> None:
    """Let UUIDs, gunids and bytes travel as what they are."""
    extras.register_uuid(conn_or_curs=connection)
    extensions.register_adapter(Gunid, _adapt_gunid)
    # psycopg2 hands out memoryviews, which are equal to bytes but are none.
    extensions.register_type(extensions.new_type((_BYTEA,), "BYTES", _to_bytes), connection)


def _adapt_gunid(gunid: Gunid) -> Any:
    return extras.UUID_adapter(gunid.uuid)


def _to_bytes(text: str | bytes | None, cursor: Cursor) -> bytes | None:
    view = psycopg2.BINARY(text, cursor)
    return None if view is None else bytes(view)
