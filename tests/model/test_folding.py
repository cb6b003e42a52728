"""Folding of text that is compared and sorted."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.model.folding import fold, sort_key


@pytest.mark.parametrize(
    ("one", "other"),
    [("ABC", "abc"), ("ЖУК", "жук"), ("E\u0301", "é"), ("Straße", "STRASSE"), ("ΣΑΣ", "σας")],
)
def test_case_and_composition_make_no_difference(one, other):
    assert fold(one) == fold(other)


def test_accents_make_a_difference():
    assert fold("é") != fold("e")


def test_sorting_ignores_white_space():
    titles = ["one", "File Title txt", "Fil Title3 txt", "File2 Title txt"]
    assert sorted(titles, key=sort_key) == [
        "File2 Title txt", "File Title txt", "Fil Title3 txt", "one",
    ]  # fmt: skip


@given(st.text())
def test_sort_keys_are_short(text):
    assert len(sort_key(text * 50)) <= 200
