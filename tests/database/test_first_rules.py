"""An archive from before there were rules: its users may go on as they did."""

import contextlib

import pytest
from database import past
from fixtures.fix_database import empty_database

from archive_server.database import permissions
from archive_server.database.connections import connect
from archive_server.database.migrations import migrate


@pytest.fixture
def before(postgres):
    """A connection to a database that has the schema of the time before."""
    with empty_database(postgres) as dsn, contextlib.closing(connect(dsn)) as opened:
        past.make(opened, "0003_search.sql", is_used=False)
        yield opened


def test_who_could_store_has_a_home(before):
    with before, before.cursor() as cursor:
        cursor.execute("""
            INSERT INTO users (login, password_hash, role)
            VALUES ('client', '', 'client'), ('studio', '', 'maintainer'), ('root', '', 'admin')
            """)
    migrate(before)
    with before, before.cursor() as cursor:
        assert [str(each) for each in permissions.list_permissions(cursor)] == [
            "group:Admins may _all archive",
            "group:All may read archive",
            "group:Maintainers may write archive",
            "user:root may _all home:root",
            "user:studio may _all home:studio",
        ]
