"""An archive from before there were rules: its users may go on as they did."""

import contextlib

import pytest

from archive_server.database import permissions
from archive_server.database.connections import connect
from archive_server.database.migrations import migrate, migration_files


@pytest.fixture
def before(postgres, tmp_path):
    """A connection to a database that has the schema of the time before, and its files."""
    for name, sql in migration_files().items():
        if name < "0004":
            (tmp_path / name).write_bytes(sql)
    with contextlib.closing(connect(postgres.dsn("postgres"))) as admin:
        admin.autocommit = True
        with admin.cursor() as cursor:
            cursor.execute("CREATE DATABASE before_rules")
            try:
                with contextlib.closing(connect(postgres.dsn("before_rules"))) as opened:
                    migrate(opened, tmp_path)
                    yield opened
            finally:
                cursor.execute("DROP DATABASE before_rules WITH (FORCE)")


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
