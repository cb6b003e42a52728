"""Points in time as text."""

from datetime import UTC, datetime

from hypothesis import given
from hypothesis import strategies as st

from archive_server.model.instants import find_instant, instant_text


def test_without_an_offset_local_time_is_meant():
    assert find_instant("20261121T20:01:02") == datetime(2026, 11, 21, 20, 1, 2).astimezone(UTC)


def test_what_is_no_point_in_time_is_none():
    assert find_instant("soon") is None
    assert find_instant("9999-12-31T23:59:59-23:00") is None


@given(st.integers(10**5, 4 * 10**9).map(lambda seconds: datetime.fromtimestamp(seconds, UTC)))
def test_what_is_written_is_read_back(moment):
    assert find_instant(instant_text(moment)) == moment
