"""Searching and browsing against a naive filter over the same documents."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_search import MTIME, browsed, document_of, matching, page_of, stored

from archive_server.database import search
from archive_server.errors import BadCriteria
from archive_server.model.clips import FileType
from archive_server.model.search import ANY, RELEVANCE, Condition, Criteria, Operator, Order

_CATEGORIES = [
    "dc:title", "dc:creator", "dc:source", "dcterms:extent", "ls:year", "ls:genre", "x:title",
    "ls:mtime", "x:mtime", "title",
]  # fmt: skip
_ASKED = [*_CATEGORIES, "creator", "mtime", "year", "ls:mood", "extent"]
_PIECES = ["a", "A", "%", "_", "\\", " ", "Ж", "ж", "é", "E\u0301", "ß", "ss", "İ", "Σ", "ς", "月",
           "'", '"', "ab", "1", "00:0", "\U0001f3b5", "x" * 63, "%a%", "\t"]  # fmt: skip
_WORDS = ["a", "A", "ss", "ж", "é", "E\u0301", "e", "月", "ab", "1", "x" * 63]
_INSTANTS = ["2026-11-21T20:01:02+01:00", "2026-11-21T19:01:02Z", "2020-01-01T00:00:00Z"]

_texts = st.lists(st.sampled_from(_PIECES), min_size=1, max_size=3).map("".join).filter(str.strip)
_sought = st.lists(st.sampled_from([*_WORDS, " ", "-"]), max_size=4).map("".join)
_elements = st.one_of(
    st.tuples(st.sampled_from(_CATEGORIES), _texts),
    st.tuples(st.sampled_from(["x:mtime", "ls:mtime"]), st.sampled_from(_INSTANTS)),
    st.tuples(st.sampled_from(_CATEGORIES), st.just("")),
)
_clips = st.tuples(
    st.sampled_from(FileType),
    st.lists(_elements, max_size=6),
    st.integers(0, 2).map(lambda hours: MTIME + timedelta(hours=hours)),
)


@st.composite
def _conditions(draw: st.DrawFn) -> Condition:
    category = draw(st.sampled_from([*_ASKED, ANY]))
    if category == ANY and draw(st.booleans()):
        return Condition(ANY, Operator.WORDS, draw(st.sampled_from(_WORDS)) + draw(_sought))
    operators = [each for each in Operator if each is not Operator.WORDS]
    operator = draw(st.sampled_from(operators[:3] if category == ANY else operators))
    is_instant = category.endswith("mtime") and not operator.is_textual
    return Condition(category, operator, draw(st.sampled_from(_INSTANTS) if is_instant else _texts))


_orders = st.one_of(
    st.builds(Order, st.sampled_from(_ASKED), st.booleans()),
    st.builds(Order, st.just(RELEVANCE), st.booleans()),
)
_criteria = st.builds(
    Criteria,
    file_type=st.sampled_from([None, *FileType]),
    conditions=st.lists(_conditions(), max_size=3).map(tuple),
    match_any=st.booleans(),
    limit=st.integers(0, 3),
    offset=st.integers(0, 3),
    order_by=st.lists(_orders, max_size=2).map(tuple),
)


@pytest.fixture(
    params=[(500, 8), (500, 0), (0, 0)],
    ids=["values compared", "values listed", "values joined"],
    autouse=True,
)
def most_ids(request, monkeypatch):
    most, few = request.param
    monkeypatch.setattr("archive_server.database.search_lookup._MOST_IDS", most)
    monkeypatch.setattr("archive_server.database.search_lookup._FEW_IDS", few)


@pytest.fixture(
    params=[(20_000, 20_000), (20_000, 0), (0, 0)],
    ids=["at once", "gathered", "walked"],
    autouse=True,
)
def few(request, monkeypatch):
    few, at_once = request.param
    monkeypatch.setattr("archive_server.database.search_roads._FEW", few)
    monkeypatch.setattr("archive_server.database.search_roads._AT_ONCE", at_once)


# What fails in one of the nine variants is tried again in those that run after it. Later runs try
# it only if the variant that ran first is the same, which is why it is printed.
_settings = settings(
    max_examples=20,
)


@_settings
@given(
    clips=st.lists(_clips, max_size=8),
    criteria=st.lists(_criteria, min_size=6, max_size=6),
    category=st.sampled_from(_ASKED),
)
def test_searches_find_what_a_filter_finds(cursor, clips, criteria, category):
    with _undone(cursor):
        _make_known(cursor, "x:title", "x:mtime", "title")
        items = [stored(cursor, elements, kind, mtime) for kind, elements, mtime in clips]
        for each in criteria:
            _check_find(cursor, items, each)
            _check_browse(cursor, items, category, each)
        assert list(search.differences(cursor)) == []


def _make_known(cursor, *categories: str) -> None:
    """Let these be categories some clip once had."""
    clip = stored(cursor, [(category, "once") for category in categories])
    search.unindex(cursor, clip.clip_id)
    cursor.execute("DELETE FROM clip WHERE clip_id = %s", (clip.clip_id,))


def _check_find(cursor, items, criteria: Criteria) -> None:
    found = matching(items, criteria)
    page = search.find(cursor, criteria)
    assert [hit.gunid for hit in page.hits] == [item.gunid for item in page_of(found, criteria)]
    assert page.total == len(found)
    assert page.totals == {t: sum(item.file_type is t for item in found) for t in FileType}


def _check_browse(cursor, items, category: str, criteria: Criteria) -> None:
    values = browsed(items, category, criteria)
    result = search.browse(cursor, category, criteria)
    assert list(result.values) == page_of(values, criteria)
    assert result.total == len(values)


@contextmanager
def _undone(cursor) -> Iterator[None]:
    cursor.execute("SAVEPOINT example")
    try:
        yield
    finally:
        cursor.execute("ROLLBACK TO SAVEPOINT example")


def _titles(cursor, criteria: Criteria) -> list[str]:
    return [hit.title for hit in search.find(cursor, criteria).hits]


def _condition(category: str, operator: str, value: str) -> Criteria:
    return Criteria.build(conditions=[(category, operator, value)])


@pytest.mark.parametrize(
    ("operator", "value", "found"),
    [
        ("full", "ONE", ["one"]),
        ("=", "on", []),
        ("partial", "N", ["one", "Nine"]),
        ("partial", "%", ["100%"]),
        ("partial", "_", []),
        ("prefix", "o", ["one"]),
        ("prefix", "ne", []),
        ("<", "nine", ["100%"]),
        ("<=", "nine", ["100%", "Nine"]),
        (">", "NINE", ["one"]),
        (">=", "nine", ["Nine", "one"]),
    ],
)
def test_operators(cursor, operator, value, found):
    for title in ("one", "Nine", "100%"):
        stored(cursor, [("dc:title", title)])
    assert sorted(_titles(cursor, _condition("dc:title", operator, value))) == sorted(found)


def test_the_order_is_the_one_the_classic_clients_expect(cursor):
    clips = ["one", "two", "three", "File Title txt", "File2 Title txt", "Fil Title3 txt"]
    playlists = ["My First Playlist", "My Second Playlist", "embedded playlist"]
    for title in playlists:
        stored(cursor, [("dc:title", title)], FileType.PLAYLIST)
    for title in clips:
        stored(cursor, [("dc:title", title)])
    assert _titles(cursor, Criteria()) == [
        "File2 Title txt", "File Title txt", "Fil Title3 txt", "one", "three", "two",
        "embedded playlist", "My First Playlist", "My Second Playlist",
    ]  # fmt: skip


def test_points_in_time_are_compared_across_time_zones(cursor):
    stored(cursor, [("dc:title", "x")], mtime=datetime(2026, 11, 21, 19, 1, 2, 7, UTC))
    same = _condition("ls:mtime", "=", "2026-11-21T22:01:02+03:00")
    assert _titles(cursor, same) == ["x"]
    assert _titles(cursor, _condition("mtime", ">", "2026-11-21T22:01:02+03:00")) == []
    assert _titles(cursor, _condition("mtime", "partial", "T")) == ["x"]


def test_a_hit_shows_what_the_document_says(cursor):
    elements = [("dc:title", "Été"), ("dc:title", "2nd"), ("dcterms:extent", "3:05.5"),
                ("dc:creator", "Ana"), ("dc:source", "LP"), ("ls:track_num", "07")]  # fmt: skip
    item = stored(cursor, elements)
    (hit,) = search.find(cursor, Criteria()).hits
    assert (hit.clip_id, hit.gunid, hit.file_type) == (item.clip_id, item.gunid, item.file_type)
    assert (hit.title, hit.creator, hit.source) == ("Été", "Ana", "LP")
    assert (hit.length, hit.track_number) == ("3:05.5", "07")


def test_what_a_document_does_not_say_is_empty(cursor):
    stored(cursor, [])
    (hit,) = search.find(cursor, Criteria()).hits
    assert (hit.title, hit.creator, hit.source, hit.length, hit.track_number) == ("",) * 5


def test_an_unknown_category_is_refused_with_the_nearest(cursor):
    stored(cursor, [("x:studio", "A")])
    with pytest.raises(BadCriteria, match=r"dc:titel is unknown; did you mean dc:title"):
        search.find(cursor, _condition("dc:titel", "=", "x"))
    with pytest.raises(BadCriteria, match="did you mean studio"):
        search.browse(cursor, "studo", Criteria())


def test_what_is_sorted_by_an_unknown_category_has_the_default_order(cursor):
    for title, creator in (("b", "1"), ("a", "2"), ("c", "2")):
        stored(cursor, [("dc:title", title), ("dc:creator", creator)])
    for unknown in ("dc:titel", "x:studio", "titel"):
        assert _titles(cursor, Criteria.build(order_by=[(unknown, True)])) == ["a", "b", "c"]
        after = Criteria.build(order_by=[(unknown, False), ("dc:creator", True)])
        assert _titles(cursor, after) == ["c", "a", "b"]


def test_a_standard_category_nobody_uses_is_known(cursor):
    stored(cursor, [("dc:title", "x")])
    assert search.find(cursor, _condition("ls:mood", "=", "calm")).total == 0
    assert search.browse(cursor, "ls:mood", Criteria()).values == ()
    assert _titles(cursor, Criteria.build(order_by=[("ls:mood", True)])) == ["x"]


def _words(value: str, **more) -> Criteria:
    return Criteria.build(conditions=[("*", "words", value)], **more)


def test_all_words_must_occur_and_each_may_be_anywhere(cursor):
    stored(cursor, [("dc:title", "Yesterday"), ("dc:creator", "The Beatles"), ("ls:year", "1965")])
    stored(cursor, [("dc:title", "Yesterday's gone"), ("dc:source", "Café Olé")])
    assert _titles(cursor, _words("yesterday")) == ["Yesterday", "Yesterday's gone"]
    assert _titles(cursor, _words("BEATLES 1965 yester")) == ["Yesterday"]
    assert _titles(cursor, _words("ole, cafe")) == ["Yesterday's gone"]
    assert _titles(cursor, _words("yester beatles")) == []
    assert _titles(cursor, _words("beatles yester ")) == []


def test_times_and_durations_are_no_words(cursor):
    stored(cursor, [("dc:title", "x"), ("dcterms:extent", "00:03:20"), ("x:mtime", "1999")])
    for value in ("2026", "19", "00", "03", "20", "1999"):
        assert search.find(cursor, _words(value)).total == 0


@pytest.mark.parametrize("page", [1, 2, 10])
def test_words_in_titles_come_first_and_then_those_of_creators_and_sources(cursor, page):
    for title, creator, source, description in (
        ("z", "", "", "love song"),
        ("b", "Love Band", "", "a song"),
        ("y song", "love", "", ""),
        ("x", "song", "love", ""),
        ("Song of love", "", "", ""),
        ("Love song", "", "", "love"),
        ("a", "", "", "no lovesong"),
    ):
        texts = {"title": title, "creator": creator, "source": source, "description": description}
        stored(cursor, [(f"dc:{name}", text) for name, text in texts.items()])
    ranked = ["Love song", "Song of love", "x", "y song", "b", "z"]
    for offset in range(0, 6, page):
        criteria = _words("love song", limit=page, offset=offset)
        assert _titles(cursor, criteria) == ranked[offset : offset + page]
    farthest = _words("love song", order_by=[("relevance", True)])
    assert _titles(cursor, farthest) == [*ranked[4:], *ranked[2:4], *ranked[:2]]


def test_words_are_asked_for_beside_other_conditions(cursor):
    for title, genre in (("Love", "Pop"), ("Love me", "Jazz"), ("Hate", "Jazz"), ("x", "Rock")):
        stored(cursor, [("dc:title", title), ("ls:genre", genre)])
    conditions = [("*", "words", "love"), ("ls:genre", "=", "jazz")]
    assert _titles(cursor, Criteria.build(conditions=conditions)) == ["Love me"]
    either = Criteria.build(conditions=conditions, operator="or")
    assert _titles(cursor, either) == ["Love", "Love me", "Hate"]
    assert search.browse(cursor, "ls:genre", _words("lov")).values == ("Jazz", "Pop")


def test_a_text_longer_than_a_tsvector_can_be_indexed(cursor):
    far = " ".join(chr(0x20000 + number) * 3 for number in range(40_000))
    stored(cursor, [("dc:title", far), ("dc:creator", far), ("ls:lyrics", far)])
    assert search.find(cursor, _words(far[:3])).total == 1
    assert search.find(cursor, _words(far[-3:])).total == 0
    assert search.find(cursor, _condition("ls:lyrics", "partial", far[-3:])).total == 1


def test_values_are_browsed_in_their_own_spelling(cursor):
    for genre in ("rock", "Rock", "Jazz", "été"):
        stored(cursor, [("ls:genre", genre)])
    assert search.browse(cursor, "genre", Criteria()).values == ("Jazz", "Rock", "rock", "été")


def test_long_texts_are_found_whole(cursor):
    lyrics = "la " * 100_000
    stored(cursor, [("dc:title", "x" * 100_000), ("ls:lyrics", lyrics + "end"),
                    ("x:" + "n" * 250, "1")])  # fmt: skip
    stored(cursor, [("dc:title", "x" * 99_999), ("ls:lyrics", lyrics)])
    assert search.find(cursor, _condition("ls:lyrics", "=", lyrics + "END")).total == 1
    assert search.find(cursor, _condition("ls:lyrics", "prefix", lyrics)).total == 2
    assert search.find(cursor, _condition("ls:lyrics", ">", lyrics)).total == 1
    assert search.find(cursor, _condition("dc:title", "=", "X" * 100_000)).total == 1
    assert search.find(cursor, Criteria()).total == 2


def test_a_document_of_the_parser_is_found_by_nested_elements(cursor):
    assert document_of([("a", "b")]).stamped(MTIME).to_xml()
    stored(cursor, [("dc:title", "x"), ("y:part", "deep")])
    assert search.find(cursor, _condition("part", "=", "DEEP")).total == 1
