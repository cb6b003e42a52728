import contextlib

import pytest
from fixtures.fix_database import empty_database

from archive_server.database.connections import connect
from archive_server.database.external import UnsuitableDatabase, require_suitable


def test_the_embedded_kind_of_database_would_do(cursor):
    require_suitable(cursor)


def test_a_database_that_cannot_keep_every_letter_is_refused(postgres):
    latin = "ENCODING 'LATIN1' LOCALE 'C' TEMPLATE template0 LOCALE_PROVIDER libc"
    with (
        empty_database(postgres, latin) as dsn,
        contextlib.closing(connect(dsn)) as connection,
        connection.cursor() as cursor,
        pytest.raises(UnsuitableDatabase, match="LATIN1"),
    ):
        require_suitable(cursor)
