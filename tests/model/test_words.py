"""What counts as a word."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.model.folding import fold
from archive_server.model.words import LONGEST, Sought, are_all_read, plain, words, words_inside


def _words(*texts: str) -> list[str]:
    return words(map(fold, texts))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Rock me, Amadeus!", ["rock", "me", "amadeus"]),
        ("AC/DC - T.N.T.", ["ac", "dc", "t", "n"]),
        ("L'amour toujours", ["l", "amour", "toujours"]),
        ("don\u2019t stop", ["don", "t", "stop"]),
        ("99 Luftballons, 1983", ["99", "luftballons", "1983"]),
        ("la la la", ["la"]),
        ("a_b\\c'd\"e&f|g:h(i)*", list("abcdefghi")),
        ("- / -", []),
        ("", []),
    ],
)
def test_words_are_what_is_between_signs_and_spaces(text, found):
    assert _words(text) == found


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Déjà-vu", ["deja", "vu"]),
        ("De\u0301ja\u0300", ["deja"]),
        ("Ólafur Ångström", ["olafur", "angstrom"]),
        ("Straße", ["strasse"]),
        ("Ёлка й", ["елка", "и"]),
        ("\ufb01le \uff21\uff22", ["file", "ab"]),
        ("x² \U0001d54f", ["x2", "x"]),
        ("שָׁלוֹם", ["שלום"]),
        ("مُحَمَّد", ["محمد"]),
        ("\u2764\ufe0f \U0001f3b5", ["\U0001f3b5"]),
    ],
)
def test_words_have_neither_case_nor_accents_nor_compatibility_forms(text, found):
    assert _words(text) == found


def test_what_is_written_without_spaces_has_a_word_in_each_character():
    assert _words("東京の夜 Tokyo夜") == ["東", "京", "の", "夜", "tokyo"]
    assert _words("ガ") == _words("\u30ab\u3099") == ["ガ"]
    assert _words("사랑 노래") == ["사랑", "노래"]


def test_words_of_several_texts_are_one_list():
    assert _words("a b", "b c") == ["a", "b", "c"]


def test_long_words_are_cut():
    assert _words("x" * 1_000) == ["x" * LONGEST]


def test_of_a_whole_book_the_beginning_is_looked_at():
    book = " ".join(map(str, range(100_000)))
    found = _words(book)
    assert found[0] == "0"
    assert 10_000 < len(found) < 20_000


@given(st.text())
def test_no_word_has_a_character_that_means_something_to_the_database(text):
    for word in _words(text):
        assert word
        assert not set(word) & set(" \t\n'\"\\:&|!*()<>")
        assert word == word.strip()
        assert _words(word) == [word]


@pytest.mark.parametrize(
    ("text", "whole", "beginning"),
    [
        ("love me ten", ("love", "me"), "ten"),
        ("love me ten ", ("love", "me", "ten"), None),
        ('"love me"', ("love", "me"), None),
        ("Lóv", (), "lov"),
        ("plan b", ("plan", "b"), None),
        ("夜", ("夜",), None),
        (" ! ", (), None),
    ],
)
def test_the_last_word_is_a_beginning_while_nothing_follows_it(text, whole, beginning):
    assert Sought.read(text) == Sought(whole, beginning)
    assert len(Sought.read(text)) == len(whole) + (beginning is not None)


@pytest.mark.parametrize(
    ("part", "inside"),
    [
        ("st of paradi", ["of"]),
        (" of paradise-", ["of", "paradise"]),
        ("paradise", []),
        ("the end", []),
        ("a a a a", ["a"]),
        ("東京の夜", ["京", "の"]),
        ("\u0301 one two", ["two"]),
        ("\u2460 one \u2461", ["one"]),
        ("", []),
    ],
)
def test_the_words_inside_of_a_part_are_those_that_cannot_go_on(part, inside):
    found = words_inside(fold(part))
    assert found == inside or set(found) < set(inside)


_SIGNS = ["a", "ab", "é", "E\u0301", "ß", "ﬁ", "½", "①", "≠", "=", "\u0338", "か\u3099", "ガ", "月",
          "사", "\u0345", "שָׁ", "\ufdfa", "㌀", "¯", " ", "-", "\x1f", "x" * 70]  # fmt: skip


@given(st.lists(st.sampled_from(_SIGNS) | st.characters(), max_size=12).map("".join), st.data())
def test_all_texts_with_a_part_have_the_words_inside_of_it(text, data):
    folded = fold(text)
    start = data.draw(st.integers(0, len(folded)))
    end = data.draw(st.integers(start, len(folded)))
    assert set(words_inside(folded[start:end])) <= set(words([folded]))


@pytest.mark.slow
def test_no_character_makes_a_text_longer_than_expected():
    for number in range(0x80, 0x110000):
        if not 0xD800 <= number < 0xE000:
            character = chr(number)
            assert len(plain(character)) <= 6 * len(character.encode()), hex(number)


def test_of_long_texts_not_all_is_read():
    assert are_all_read(["a " * 20_000, "b " * 10_000])
    assert not are_all_read(["a " * 20_000, "b " * 20_000])
    assert are_all_read(["é" * 6_000])
    assert not are_all_read(["é" * 7_000])
