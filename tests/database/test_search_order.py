"""The order of hits: that of a sort, whatever else the archive knows, however it is planned."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager

import pytest
from hypothesis import given, note, settings
from hypothesis import strategies as st
from naive_search import MTIME, Item, matching, page_of, stored

from archive_server.database import search
from archive_server.model.categories import is_meant
from archive_server.model.clips import FileType
from archive_server.model.search import Condition, Criteria, Operator, Order

_STANDARD = ["dc:title", "dcterms:extent", "ls:year", "ls:mtime", "ls:genre"]
_OTHERS = ["x:title", "x:extent", "x:year", "x:mtime", "x:genre"]
_BARE = ["title", "extent", "year", "mtime", "genre"]
# Texts that sort differently as they are and without white space, whole and cut, by case, by
# composition, by code points and by UTF-16; and times that sort differently as texts.
_TEXTS = [
    "a", "A", "\taa", " a b", "ab", "a\u00a0c", "b", "É", "E\u0301", "\uffee", "\U0001f3b5", "00:1",
    "x" * 64, "x" * 64 + "a", "x" * 64 + " B", "y" * 200 + "b", "y" * 200 + "a",
]  # fmt: skip
_TIMES = ["2026-10-25T02:30:00+02:00", "2026-10-25T02:10:00+01:00", "2020-01-01T00:00:00Z", "soon"]

_texts = st.sampled_from(_TEXTS)
_times = st.sampled_from(_TIMES)
_types = st.sampled_from(FileType)
_mtimes = st.sampled_from([MTIME, MTIME.replace(day=22)])
_conditions = st.one_of(
    st.builds(
        Condition,
        st.sampled_from(["title", "dcterms:extent", "year", "genre"]),
        # Words are looked for in all categories, and there have to be some.
        st.sampled_from([each for each in Operator if each is not Operator.WORDS]),
        st.sampled_from(["a", "b", "x" * 64, ""]),
    ),
    st.just(Condition("mtime", Operator.GREATER, "2020-01-01T00:00:00Z")),
)


@st.composite
def _archives(draw: st.DrawFn) -> list[tuple]:
    """Clips, in archives that know different categories."""
    names = st.sampled_from(_STANDARD + draw(st.lists(st.sampled_from(_OTHERS), max_size=2)))
    mtimes = st.tuples(st.just("ls:mtime"), _times)
    elements = st.lists(st.tuples(names, _texts) | mtimes, max_size=5)
    return draw(st.lists(st.tuples(_types, elements, _mtimes), min_size=2, max_size=6))


@st.composite
def _criteria(draw: st.DrawFn) -> Criteria:
    orders = st.builds(Order, st.sampled_from([*_STANDARD, *_BARE]), st.booleans())
    return Criteria(
        file_type=draw(st.sampled_from([None, None, FileType.AUDIO_CLIP])),
        conditions=tuple(draw(st.lists(_conditions, max_size=2))),
        match_any=draw(st.booleans()),
        limit=draw(st.sampled_from([0, 0, 2])),
        offset=draw(st.sampled_from([0, 0, 1])),
        order_by=tuple(draw(st.lists(orders, max_size=2))),
    )


# What the planner may not use, or has to.
_PLANS: list[Mapping[str, str]] = [
    {},
    {"enable_seqscan": "off"},
    {"enable_indexscan": "off", "enable_indexonlyscan": "off", "enable_bitmapscan": "off"},
    {"enable_seqscan": "off", "enable_bitmapscan": "off"},
    {"enable_seqscan": "off", "enable_indexscan": "off", "enable_indexonlyscan": "off"},
    {"enable_hashjoin": "off", "enable_mergejoin": "off"},
    {"enable_hashjoin": "off", "enable_nestloop": "off"},
    {"enable_mergejoin": "off", "enable_nestloop": "off"},
    {"enable_sort": "off", "enable_hashagg": "off"},
    {"enable_sort": "off", "enable_seqscan": "off", "enable_incremental_sort": "off"},
    {"enable_material": "off", "enable_memoize": "off"},
    {"parallel_setup_cost": "0", "parallel_tuple_cost": "0", "min_parallel_table_scan_size": "0"},
]
_LIMITS = [(20_000, 500, 8), (20_000, 500, 0), (20_000, 0, 0), (0, 500, 8), (0, 500, 0), (0, 0, 0)]

_settings = settings(
    max_examples=60,
)


@_settings
@given(st.data(), st.sampled_from(_STANDARD), st.booleans())
def test_hits_are_sorted_as_a_sort_would(cursor, data, standard, is_alone):
    bare = standard.partition(":")[2]
    names = [standard] if is_alone else [standard, f"x:{bare}"]
    texts = _times if bare == "mtime" else _texts
    elements = st.lists(st.tuples(st.sampled_from(names), texts), max_size=3)
    clips = data.draw(st.lists(st.tuples(_types, elements, _mtimes), min_size=2, max_size=6))
    with _filled(cursor, clips) as items:
        for category in (standard, bare):
            for is_descending in (False, True):
                for limits in (_LIMITS[0], _LIMITS[-1]):
                    criteria = Criteria(order_by=(Order(category, is_descending),))
                    _check(cursor, items, criteria, limits, {})


@_settings
@given(_archives(), _criteria(), st.sampled_from(_LIMITS))
def test_every_plan_gives_the_same_page(cursor, archive, criteria, limits):
    with _filled(cursor, archive) as items:
        for plan in _PLANS:
            _check(cursor, items, criteria, limits, plan)


def _check(cursor, items, criteria: Criteria, limits: tuple, plan: Mapping[str, str]) -> None:
    found = matching(items, criteria)
    with _planned(cursor, limits, plan):
        page = search.find(cursor, criteria)
    number = {item.gunid: place for place, item in enumerate(items)}
    note(f"{criteria} with limits {limits} and {plan or 'nothing set'}")
    hits = [number[hit.gunid] for hit in page.hits]
    assert hits == [number[item.gunid] for item in page_of(found, criteria)]
    assert page.totals == {t: sum(item.file_type is t for item in found) for t in FileType}


@contextmanager
def _filled(cursor, clips) -> Iterator[list[Item]]:
    cursor.execute("SAVEPOINT example")
    try:
        yield [stored(cursor, elements, kind, mtime) for kind, elements, mtime in clips]
    finally:
        cursor.execute("ROLLBACK TO SAVEPOINT example")


@contextmanager
def _planned(cursor, limits: tuple[int, int, int], plan: Mapping[str, str]) -> Iterator[None]:
    cursor.execute("SAVEPOINT planned")
    for name, value in plan.items():
        cursor.execute("SELECT set_config(%s, %s, TRUE)", (name, value))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("archive_server.database.search_roads._FEW", limits[0])
        patch.setattr("archive_server.database.search_roads._AT_ONCE", limits[0])
        patch.setattr("archive_server.database.search_lookup._MOST_IDS", limits[1])
        patch.setattr("archive_server.database.search_lookup._FEW_IDS", limits[2])
        yield
    cursor.execute("ROLLBACK TO SAVEPOINT planned")


def _make_known(cursor, *categories: str) -> None:
    """Let these be categories some clip once had."""
    clip = stored(cursor, [(category, "once") for category in categories])
    search.unindex(cursor, clip.clip_id)
    cursor.execute("DELETE FROM clip WHERE clip_id = %s", (clip.clip_id,))


@pytest.mark.parametrize("limits", [_LIMITS[0], _LIMITS[-1]], ids=["gathered", "walked"])
@pytest.mark.parametrize(
    ("standard", "values"),
    [
        ("dcterms:extent", [["\taa"], ["a"], ["b", "\t"], []]),
        ("ls:year", [["1999", "1950"], ["1960"], [" 2001"]]),
        ("ls:mtime", [["x"], ["x"]]),
    ],
)
def test_a_category_comes_to_be_known_without_changing_the_order(cursor, standard, values, limits):
    bare = standard.partition(":")[2]
    assert is_meant(bare, standard)
    for number, texts in enumerate(values):
        mtime = MTIME.replace(hour=9 - number)
        stored(cursor, [(standard, text) for text in texts], mtime=mtime)
    orders = []
    for _ in range(2):
        for category in (standard, bare):
            with _planned(cursor, limits, {}):
                hits = search.find(cursor, Criteria(order_by=(Order(category),))).hits
            orders.append([hit.clip_id for hit in hits])
        _make_known(cursor, f"x:{bare}")
    assert orders == orders[:1] * 4
