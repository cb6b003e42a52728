"""How our values travel to PostgreSQL and back."""

import contextlib
from datetime import UTC, datetime, timedelta, timezone
from uuid import UUID

import pytest

from archive_server.database.connections import connect
from archive_server.model.gunid import Gunid, IdStyle


def echo(cursor, value, kind):
    cursor.execute(f"SELECT %s::{kind}", (value,))
    return cursor.fetchone()[0]


@pytest.mark.parametrize("style", IdStyle)
def test_a_gunid_travels_as_a_uuid(cursor, style):
    gunid = Gunid.new(style)
    assert echo(cursor, gunid, "uuid") == gunid.uuid


def test_a_uuid_comes_back_as_one(cursor):
    uuid = UUID("01999999-1234-7abc-8def-0123456789ab")
    assert echo(cursor, uuid, "uuid") == uuid
    assert echo(cursor, [uuid], "uuid[]") == [uuid]


def test_bytes_come_back_as_bytes(cursor):
    value = echo(cursor, bytes(range(256)), "bytea")
    assert type(value) is bytes
    assert value == bytes(range(256))
    assert echo(cursor, None, "bytea") is None


def test_times_come_back_in_utc(cursor):
    time = datetime(2026, 11, 21, 20, 1, 2, 345678, timezone(timedelta(hours=1)))
    value = echo(cursor, time, "timestamptz")
    assert value == time
    assert value.utcoffset() == timedelta(0)
    assert value.astimezone(UTC).isoformat() == "2026-11-21T19:01:02.345678+00:00"


def test_a_word_of_ours_travels_as_text(cursor):
    assert echo(cursor, IdStyle.LIVESUPPORT, "text") == "livesupport"


def test_settings_in_the_connection_string_are_kept(dsn):
    given = f"{dsn} options='-c work_mem=7MB' application_name=mine"
    with (
        contextlib.closing(connect(given, statement_timeout_s=1.5)) as connection,
        connection.cursor() as cursor,
    ):
        names = ["work_mem", "application_name", "statement_timeout", "TimeZone"]
        cursor.execute("SELECT current_setting(name) FROM unnest(%s) AS name", (names,))
        assert [value for (value,) in cursor] == ["7MB", "mine", "1500ms", "UTC"]
