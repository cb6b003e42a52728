"""Durations as text."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.errors import BadDocument
from archive_server.model.extents import extent_text, extent_us, is_extent


@pytest.mark.parametrize(
    ("text", "microseconds"),
    [
        ("00:00:11.000000", 11_000_000),
        ("1:02:03.5", 3_723_500_000),
        ("2:03", 123_000_000),
        ("7", 7_000_000),
        ("100000.000001", 100_000_000_001),
    ],
)
def test_extents_of_clips_may_be_short(text, microseconds):
    assert is_extent(text)
    assert extent_us(text) == microseconds


@pytest.mark.parametrize(
    "text", ["", "x", "1:2:3:4", "001:00:00", "1.1234567", "1.", "-1", "1\n", "1:", "٣", "1" * 21]
)
def test_what_is_no_extent_is_refused(text):
    assert not is_extent(text)
    with pytest.raises(BadDocument):
        extent_us(text)


def test_playlists_and_webstreams_have_the_strict_form():
    assert is_extent("00:00:11.000000", strict=True)
    assert not is_extent("00:11.000000", strict=True)


def test_long_durations_have_more_digits():
    assert extent_text(360_000_000_000) == "100:00:00.000000"


@given(st.integers(0, 100 * 3_600_000_000 - 1))
def test_what_is_written_is_read_back(microseconds):
    assert is_extent(extent_text(microseconds), strict=True)
    assert extent_us(extent_text(microseconds)) == microseconds
