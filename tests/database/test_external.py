import contextlib

import pytest

from archive_server.database.connections import connect
from archive_server.database.external import UnsuitableDatabase, require_suitable


def test_the_embedded_kind_of_database_would_do(cursor):
    require_suitable(cursor)


def test_a_database_that_cannot_keep_every_letter_is_refused(postgres):
    with contextlib.closing(connect(postgres.dsn("postgres"))) as connection:
        connection.autocommit = True
        with connection.cursor() as cursor:
            cursor.execute(
                "CREATE DATABASE latin ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0"
                " LOCALE_PROVIDER libc"
            )
    with (
        contextlib.closing(connect(postgres.dsn("latin"))) as connection,
        connection.cursor() as cursor,
        pytest.raises(UnsuitableDatabase, match="LATIN1"),
    ):
        require_suitable(cursor)
