"""Parts of texts are found by the words inside of them, and nothing is missed for that."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_search import matching, stored

from archive_server.database import search
from archive_server.model.folding import fold
from archive_server.model.search import ANY, Criteria

_CATEGORIES = ["dc:title", "dc:creator", "dc:source", "ls:genre", "x:mtime", "dcterms:extent"]
_WORDS = [
    "a", "Ab", "é", "e\u0301", "1", "12t", "ß", "月", "か\u3099", "か", "live", "\u0301", "0123456",
]  # fmt: skip
_texts = st.lists(st.sampled_from([*_WORDS, " ", " ", "-", "=", "\u0338"]), min_size=3, max_size=9)
_documents = st.lists(
    st.tuples(st.sampled_from(_CATEGORIES), _texts.map("".join).filter(str.strip)), max_size=3
)


@settings(
    max_examples=40,
)
@given(documents=st.lists(_documents, min_size=1, max_size=4), data=st.data())
def test_whatever_is_cut_out_of_a_text_finds_it(cursor, documents, data):
    cursor.execute("SAVEPOINT example")
    try:
        items = [stored(cursor, elements) for elements in documents]
        texts = sorted({fold(text) for item in items for _, text in item.document.flattened()})
        conditions = data.draw(st.lists(_parts(texts), min_size=1, max_size=3))
        for operator in ("and", "or"):
            criteria = Criteria.build(conditions=conditions, operator=operator)
            page = search.find(cursor, criteria)
            assert [hit.gunid for hit in page.hits] == [
                item.gunid for item in matching(items, criteria)
            ]
    finally:
        cursor.execute("ROLLBACK TO SAVEPOINT example")


@st.composite
def _parts(draw: st.DrawFn, texts: list[str]) -> tuple[str, str, str]:
    text = draw(st.sampled_from(texts))
    start = draw(st.integers(0, len(text) - 1))
    part = text[start : draw(st.integers(start + 1, len(text)))]
    return draw(st.sampled_from([ANY, *_CATEGORIES[:4]])), "partial", part


@pytest.mark.parametrize(
    ("category", "text"),
    [
        ("dc:description", "lost " * 20_000 + "and found again"),
        ("dc:description", "\ufdfa" * 5_000 + " and found again"),
        ("dcterms:extent", "lost and found again"),
        ("x:mtime", "lost and found again"),
    ],
    ids=["long", "long when read", "no duration", "no point in time"],
)
def test_what_is_not_among_the_words_of_a_clip_is_found(cursor, category, text):
    item = stored(cursor, [(category, text)])
    other = stored(cursor, [("dc:title", "lost and found, again")])
    criteria = Criteria.build(conditions=[(ANY, "partial", "d found agai")])
    assert [hit.gunid for hit in search.find(cursor, criteria).hits] == [item.gunid]
    criteria = Criteria.build(
        conditions=[(ANY, "partial", " and found")], order_by=[("mtime", True)]
    )
    assert {hit.gunid for hit in search.find(cursor, criteria).hits} == {item.gunid, other.gunid}


@pytest.mark.parametrize(
    ("part", "is_found"),
    [
        ("K-123456", True),
        ("0123456/", True),
        ("123456/789012", True),
        ("-0123456/789012 B", True),
        ("J-0123456", False),
        ("1234567", False),
        ("012345 ", False),
        ("123456%", False),
        ("_123456", False),
    ],
)
def test_a_part_of_a_number_is_compared_with_all_that_is_asked_for(cursor, part, is_found):
    item = stored(cursor, [("x:shelf", "JK-123456 RK-0123456/789012 B")])
    stored(cursor, [("ls:isrcnumber", "JK-123456 RK-0123456/789012 B")])
    stored(cursor, [("x:shelf", "123456 and 789012")])
    criteria = Criteria.build(conditions=[("x:shelf", "partial", part)])
    found = [hit.gunid for hit in search.find(cursor, criteria).hits]
    assert found == ([item.gunid] if is_found else [])
