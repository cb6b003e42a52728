"""What the search tables say of a document."""

import operator

import pytest
from hypothesis import given
from hypothesis import strategies as st
from naive_search import MTIME, document_of

from archive_server.database.search_rows import (
    START,
    Value,
    clip_columns,
    code_of,
    file_type_of,
    shown_columns,
    values_of,
)
from archive_server.model.clips import FileType

_long_texts = st.text("ab", max_size=5).map(lambda text: text * 20) | st.text("ab", max_size=70)


@given(_long_texts, st.text("ab", max_size=START - 1))
@pytest.mark.parametrize("compare", [operator.lt, operator.le, operator.gt, operator.ge])
def test_the_beginning_of_a_text_decides_comparisons_with_shorter_ones(compare, text, value):
    assert compare(text[:START], value) == compare(text, value)


def test_columns_hold_folded_values_between_separators():
    columns = clip_columns(document_of([("dc:title", "A b"), ("dc:title", "C")]).stamped(MTIME))
    assert columns["title"] == "\x1fa b\x1fc\x1f"
    assert columns["title_key"] == "ab"
    assert columns["creator"] is None


def test_ranges_hold_the_least_and_the_greatest_value():
    columns = clip_columns(document_of([("ls:year", "2001"), ("ls:year", "1999")]).stamped(MTIME))
    assert (columns["year_low"], columns["year_high"]) == ("1999", "2001")
    assert columns["mtime_low"] == columns["mtime_high"] == MTIME.replace(microsecond=0)
    assert columns["extent_low"] is None


def test_each_value_is_listed_once_where_it_first_occurs():
    document = document_of([("b", "1"), ("a", "1"), ("b", "1"), ("b", "2"), ("c", "")])
    assert values_of(document) == [Value("b", "1"), Value("a", "1"), Value("b", "2")]


def test_only_times_of_change_are_instants():
    assert Value("x:mtime", "2026-11-21T20:00:00Z").instant is not None
    assert Value("x:mtime", "soon").instant is None
    assert Value("dc:date", "2026-11-21").instant is None


def test_what_is_shown_is_the_first_value():
    shown = shown_columns(document_of([("dc:title", "A"), ("dc:title", "B")]))
    assert shown["title"] == "A"
    assert shown["length"] == ""


@pytest.mark.parametrize("file_type", FileType)
def test_numbers_of_file_types_lead_back(file_type):
    assert file_type_of(code_of(file_type)) is file_type
