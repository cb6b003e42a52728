"""What a PostgreSQL that is not ours must be like."""

from psycopg2.extensions import cursor as Cursor

_OLDEST = 15


class UnsuitableDatabase(Exception):
    """A database that the archive cannot use; the message is for the administrator."""


def require_suitable(cursor: Cursor) -> None:
    """Raise UnsuitableDatabase unless the server is new enough and the database keeps Unicode."""
    major = cursor.connection.server_version // 10_000
    if major < _OLDEST:
        raise UnsuitableDatabase(
            f"[database] dsn: PostgreSQL {major}; {_OLDEST} or newer is needed"
        )
    cursor.execute("SHOW server_encoding")
    (encoding,) = cursor.fetchone() or ("",)
    if encoding != "UTF8":
        raise UnsuitableDatabase(
            f"[database] dsn: the database is in {encoding}; make one with ENCODING 'UTF8'"
        )


def connections_allowed(cursor: Cursor) -> int:
    """How many connections the server allows to others than its administrators."""
    cursor.execute(
        "SELECT sum(CASE WHEN name = 'max_connections' THEN setting::int ELSE -setting::int END) "
        "FROM pg_settings WHERE name IN ('max_connections', 'superuser_reserved_connections', "
        "'reserved_connections')"
    )
    (allowed,) = cursor.fetchone() or (0,)
    return int(allowed)
