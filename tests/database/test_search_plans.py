"""Which indexes searches use, in an archive large enough to need them."""

import contextlib
import random
from datetime import timedelta

import psycopg2.extensions
import pytest
from bulk_search import fill
from fixtures.fix_database import empty_database
from naive_search import MTIME, document_of

from archive_server.database import search
from archive_server.database.connections import connect
from archive_server.database.migrations import migrate
from archive_server.model.clips import FileType
from archive_server.model.gunid import Gunid, IdStyle
from archive_server.model.search import Criteria

_CLIPS = 20_000


class Explaining(psycopg2.extensions.cursor):
    """A cursor that keeps the plans of what it executes."""

    plans = ""

    def execute(self, query, parameters=None):
        if not query.startswith("EXPLAIN"):
            super().execute(f"EXPLAIN {query}", parameters)
            self.plans += "\n".join(line for (line,) in self.fetchall()) + "\n"
        super().execute(query, parameters)


def _clips():
    rng = random.Random(2026)
    words = [
        f"{a}{b}{c}" for a in "bdfgkд" for b in ("ab", "ej", "oz", "ию", "ar") for c in "lmnrst"
    ]
    for number in range(_CLIPS):
        elements = [
            ("dc:title", " ".join(rng.choices(words, k=3)) + f" {number}"),
            ("dc:creator", " ".join(rng.choices(words, k=2))),
            ("dc:source", f"box k{number} of many"),
            ("dcterms:extent", f"00:{rng.randrange(60):02}:{rng.randrange(60):02}.{number:06}"),
            ("ls:year", str(rng.randrange(1950, 2027))),
            ("ls:genre", rng.choice(words)),
            ("ls:isrcnumber", f"GB{number:08}"),
            ("dc:description", " ".join(rng.choices(words, k=9))),
            ("x:shelf", f"{rng.choice('ABC')}-{number:06}"),
        ]
        mtime = MTIME - timedelta(minutes=number)
        yield Gunid.new(IdStyle.UUID7), FileType.AUDIO_CLIP, document_of(elements), mtime


@pytest.fixture(scope="module")
def archive(postgres):
    """A connection to a database with many clips."""
    # pg_trgm asks the C library what a letter is; to its C locale Cyrillic has none.
    all_letters = "TEMPLATE template0 LC_CTYPE 'C.UTF-8'"
    with (
        empty_database(postgres, all_letters) as dsn,
        contextlib.closing(connect(dsn)) as connection,
    ):
        migrate(connection)
        with connection.cursor() as cursor:
            fill(cursor, _clips())
        connection.commit()
        yield connection
        connection.rollback()


@pytest.fixture
def explaining(archive):
    with archive.cursor(cursor_factory=Explaining) as cursor:
        yield cursor


def test_a_large_archive_is_filled_as_indexing_would(explaining):
    assert list(search.differences(explaining)) == []
    assert search.find(explaining, Criteria(limit=1)).total == _CLIPS


@pytest.mark.parametrize(
    ("conditions", "index"),
    [
        ([("dc:title", "partial", "babl d")], "search_text_title"),
        ([("dc:title", "partial", "диюl babn")], "search_text_title"),
        ([("dc:creator", "partial", "fozm d")], "search_text_creator"),
        ([("dc:creator", "prefix", "fozm d")], "search_text_creator"),
        ([("dc:source", "partial", "gabt")], "search_text_source"),
        ([("title", "partial", "babl d")], "search_text_title"),
        ([("*", "partial", "babl dab")], "search_any_folded"),
        ([("*", "prefix", "gb000123")], "search_any_folded"),
        ([("*", "=", "GB00012345")], "search_any_folded"),
        ([("*", "partial", "ДИЮL BAB")], "search_any_folded"),
        ([("*", "words", "babl dabl")], "search_words_words"),
        ([("*", "words", "gb000123")], "search_words_words"),
        ([("*", "words", "gb00012345 "), ("ls:year", ">", "1950")], "search_words_words"),
        ([("ls:genre", "=", "babl"), ("dc:title", "partial", "fozm d")], "search_link_pkey"),
        ([("x:shelf", "partial", "b-0012")], "search_value_parts"),
        ([("x:shelf", "prefix", "b-0012")], "search_value_start"),
        ([("dc:title", "=", "dabl dabl 1")], "search_value_start"),
        ([("ls:genre", "=", "babl")], "search_value_start"),
        ([("ls:genre", "partial", "babl")], "search_clip_vals"),
        ([("ls:isrcnumber", "partial", "0001234")], "search_value_parts"),
        ([("ls:isrcnumber", "prefix", "gb000123")], "search_value_start"),
        ([("dc:description", "partial", "kozt gabm f")], "search_value_parts"),
        ([("dcterms:extent", ">=", "00:59:5"), ("dcterms:extent", "<", "01")],
         "search_clip_by_extent"),
        ([("ls:year", ">", "2025")], "search_clip_by_year"),
        ([("ls:mtime", ">=", "2026-11-21T18:00:00Z")], "search_clip_by_mtime"),
        ([("ls:mtime", "=", "2026-11-21T18:00:02Z")], "search_value_instant"),
    ],
)  # fmt: skip
def test_conditions_are_answered_by_an_index(explaining, conditions, index):
    search.find(explaining, Criteria.build(conditions=conditions, limit=25))
    assert index in explaining.plans
    _assert_nothing_is_read_through(explaining)


def _assert_nothing_is_read_through(explaining) -> None:
    for table in ("clip", "text", "any", "words", "link", "value", "shown"):
        assert f"Seq Scan on search_{table}" not in explaining.plans, table


@pytest.mark.parametrize("category", ["dc:source", "*"])
def test_parts_of_texts_with_rare_words_inside_are_found_by_these(explaining, category):
    conditions = [(category, "partial", "ox k12345 of man")]
    search.find(explaining, Criteria.build(conditions=conditions, limit=25))
    assert "search_words_words" in explaining.plans
    _assert_nothing_is_read_through(explaining)


def test_parts_of_texts_with_common_words_inside_are_found_by_their_trigrams(explaining):
    conditions = [("dc:source", "partial", "k12345 of man")]
    search.find(explaining, Criteria.build(conditions=conditions, limit=25))
    assert "search_text_source" in explaining.plans
    assert "search_words_words" not in explaining.plans


def test_of_a_part_of_a_number_six_digits_are_looked_for_in_the_index(explaining):
    conditions = [("ls:isrcnumber", "partial", "b00012345")]
    assert search.find(explaining, Criteria.build(conditions=conditions)).total == 1
    assert "Index Cond: (folded ~~ '%012345%'::text)" in explaining.plans
    _assert_nothing_is_read_through(explaining)


def test_of_a_part_with_common_digits_all_is_looked_for_in_the_index(explaining, monkeypatch):
    monkeypatch.setattr("archive_server.database.search_lookup._FEW_CANDIDATES", 0)
    conditions = [("ls:isrcnumber", "partial", "b00012345")]
    assert search.find(explaining, Criteria.build(conditions=conditions)).total == 1
    assert "(folded ~~ '%b00012345%'::text)" in explaining.plans
    _assert_nothing_is_read_through(explaining)


def test_alternatives_are_answered_by_two_indexes(explaining):
    conditions = [("dc:title", "partial", "fozm d"), ("dc:creator", "partial", "fozm d")]
    search.find(explaining, Criteria.build(conditions=conditions, operator="or", limit=25))
    assert "BitmapOr" in explaining.plans
    _assert_nothing_is_read_through(explaining)


def test_alternatives_of_different_tables_are_found_each_by_its_index(explaining):
    conditions = [
        ("dc:title", "partial", "fozm d"),
        ("ls:year", ">", "2025"),
        ("*", "partial", "gb000123"),
        ("dc:description", "partial", "kozt gabm f"),
    ]
    search.find(explaining, Criteria.build(conditions=conditions, operator="or", limit=25))
    for index in ("text_title", "clip_by_year", "any_folded", "value_parts"):
        assert f"search_{index}" in explaining.plans
    _assert_nothing_is_read_through(explaining)


def test_what_nearly_all_clips_meet_can_be_counted_in_the_index_alone(archive, explaining):
    conditions = [("ls:year", ">=", "1951"), ("ls:mtime", ">=", "2026-11-08T00:00:00Z")]
    with archive.cursor() as cursor:  # 20,000 clips are so few that other plans cost the same
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_bitmapscan = off")
    search.find(explaining, Criteria.build(conditions=conditions, limit=25))
    archive.rollback()
    assert "Index Only Scan using search_clip_by_mtime" in explaining.plans
    assert "Index Only Scan using search_clip_by_year" in explaining.plans


@pytest.mark.parametrize(
    ("category", "text", "indexes"),
    [
        ("dc:title", "babl d", ["search_text_title"]),
        ("*", "babl dab", ["search_any_folded"]),
        ("dc:source", "ox k12345 of man", ["search_words_words", "search_text_pkey"]),
    ],
)
def test_what_is_planned_once_for_all_texts_is_found_by_the_index(
    explaining, category, text, indexes
):
    conditions = [(category, "partial", text)]
    search.find(explaining, Criteria.build(conditions=conditions, limit=25))
    plan = explaining.plans.rpartition("CTE expected")[2]
    assert "$1" in plan
    assert text not in plan
    for index in indexes:
        assert index in plan
    _assert_nothing_is_read_through(explaining)


def test_long_texts_that_are_common_are_listed_as_if_they_had_been_asked_about(
    explaining, monkeypatch
):
    criteria = Criteria.build(conditions=[("dc:title", "partial", "babl da")], limit=5)
    gathered = search.find(explaining, criteria)
    assert explaining.plans.count("Index Scan on search_text_title") == 1
    explaining.plans = ""
    monkeypatch.setattr("archive_server.database.search_roads._AT_ONCE", 5)
    assert search.find(explaining, criteria) == gathered
    assert gathered.total > 5
    # Gathered in vain, counted, listed; and nobody has asked how many are expected.
    assert explaining.plans.count("Index Scan on search_text_title") == 3


def test_what_may_be_common_is_not_gathered_before_that_is_known(explaining, monkeypatch):
    monkeypatch.setattr("archive_server.database.search_roads._AT_ONCE", 100)
    criteria = Criteria.build(conditions=[("dc:title", "partial", "dabl")], limit=5)
    page = search.find(explaining, criteria)
    assert page.total > 100
    assert len(page.hits) == 5
    assert "One-Time Filter" in explaining.plans


def test_two_characters_are_looked_for_in_the_texts_and_nowhere_else(explaining):
    criteria = Criteria.build(conditions=[("dc:title", "partial", "ba")], limit=25)
    search.find(explaining, criteria)
    assert "Seq Scan on search_text" in explaining.plans
    assert "Seq Scan on search_clip" not in explaining.plans
    assert "Seq Scan on search_any" not in explaining.plans


def test_a_page_of_common_matches_is_found_on_a_walk_along_the_order(explaining, monkeypatch):
    monkeypatch.setattr("archive_server.database.search_roads._FEW", 100)
    monkeypatch.setattr("archive_server.database.search_roads._AT_ONCE", 100)
    criteria = Criteria.build(conditions=[("dc:title", "partial", "dabl")], limit=5)
    search.find(explaining, criteria)
    page = explaining.plans.rpartition("Aggregate")[2]
    assert "search_clip_by_default" in page
    assert "search_text_pkey" in page
    assert "Seq Scan on search_text" not in page


def test_a_page_of_common_beginnings_is_found_by_the_links_of_their_values(explaining, monkeypatch):
    monkeypatch.setattr("archive_server.database.search_roads._FEW", 10)
    criteria = Criteria.build(conditions=[("dc:creator", "prefix", "fozm")], limit=5)
    page = search.find(explaining, criteria)
    assert page.total > 10
    assert len(page.hits) == 5
    assert "search_link_pkey" in explaining.plans
    assert "search_text" not in explaining.plans
    _assert_nothing_is_read_through(explaining)


@pytest.mark.parametrize("order_by", [[], [("dc:title", True)], [("dc:creator", False)]])
def test_a_few_matches_are_counted_and_listed_in_one_go(explaining, order_by):
    conditions = [("*", "partial", "babl dab")]
    search.find(explaining, Criteria.build(conditions=conditions, order_by=order_by, limit=25))
    assert explaining.plans.count("Index Scan on search_any_folded") == 1
    _assert_nothing_is_read_through(explaining)


def test_what_is_found_by_a_duration_is_listed_from_the_index_alone(archive, explaining):
    with archive.cursor() as cursor:
        cursor.execute("SET LOCAL enable_bitmapscan = off")  # rows are not known to be seen by all
    conditions = [("dcterms:extent", ">=", "00:59:58"), ("dcterms:extent", "<", "00:59:59")]
    search.find(explaining, Criteria.build(conditions=conditions, limit=25))
    archive.rollback()
    assert "Index Only Scan using search_clip_by_extent" in explaining.plans


def test_more_matches_than_expected_are_counted_by_themselves(explaining, monkeypatch):
    monkeypatch.setattr("archive_server.database.search_roads._AT_ONCE", 5)
    criteria = Criteria.build(conditions=[("dc:title", "partial", "babl da")], limit=25)
    page = search.find(explaining, criteria)
    assert page.total == len(page.hits) > 5
    assert explaining.plans.count("Index Scan on search_text_title") >= 2


def test_a_few_with_words_are_counted_and_the_nearest_listed_in_one_go(explaining):
    criteria = Criteria.build(conditions=[("*", "words", "babl da")], limit=5)
    page = search.find(explaining, criteria)
    assert page.total > len(page.hits) == 5
    assert explaining.plans.count("Index Scan on search_words_words") == 2
    assert explaining.plans.count("search_shown_pkey") == 1
    _assert_nothing_is_read_through(explaining)


def test_many_with_words_are_not_counted_before_that_is_known(explaining, monkeypatch):
    criteria = Criteria.build(conditions=[("*", "words", "babl da")], limit=5)
    few = search.find(explaining, criteria)
    monkeypatch.setattr("archive_server.database.search_roads._AT_ONCE", 1)
    explaining.plans = ""
    assert search.find(explaining, criteria) == few
    assert "One-Time Filter" in explaining.plans
    # Neither counted nor listed, and then both.
    assert explaining.plans.count("Index Scan on search_words_words") == 4


def test_common_words_are_ranked_by_the_index_part_by_part(explaining, monkeypatch):
    monkeypatch.setattr("archive_server.database.search_roads._FEW", 0)
    search.find(explaining, Criteria.build(conditions=[("*", "words", "babl da")], limit=25))
    parts = explaining.plans.rpartition("CTE part")[2]
    assert "search_words_words" in parts
    _assert_nothing_is_read_through(explaining)


def test_a_value_that_clips_have_is_counted_by_the_dictionary(explaining):
    criteria = Criteria.build(conditions=[("ls:genre", "=", "babl")], limit=25)
    search.find(explaining, criteria)
    assert "Aggregate" not in explaining.plans


@pytest.mark.parametrize(
    ("order_by", "index"),
    [
        ([], "search_clip_by_default"),
        ([("dc:title", False)], "search_clip_by_title"),
        ([("dc:title", True)], "search_clip_by_title_down"),
        ([("dc:creator", False)], "search_clip_by_creator"),
        ([("ls:mtime", True)], "Scan Backward using search_clip_by_mtime"),
        ([("dcterms:extent", False)], "search_clip_by_extent"),
        ([("ls:year", False)], "search_clip_by_year"),
    ],
)
def test_pages_of_everything_walk_the_index_of_their_order(
    explaining, order_by, index, monkeypatch
):
    monkeypatch.setattr("archive_server.database.search_roads._FEW", 1_000)
    search.find(explaining, Criteria.build(order_by=order_by, limit=25))
    assert index in explaining.plans


def test_browsing_everything_asks_the_dictionary_alone(explaining):
    search.browse(explaining, "ls:genre", Criteria())
    assert "search_value" in explaining.plans
    assert "search_link" not in explaining.plans
    assert "search_clip" not in explaining.plans


def test_browsing_matches_follows_the_links_of_the_category(explaining):
    criteria = Criteria.build(conditions=[("dc:title", "partial", "fozm dab")])
    search.browse(explaining, "ls:genre", criteria)
    assert "search_link_clip" in explaining.plans
    _assert_nothing_is_read_through(explaining)


@pytest.mark.parametrize(
    ("category", "part"), [("dc:creator", "ozm dab"), ("source", "ox k12345 of")]
)
def test_browsing_clips_by_parts_of_creators_and_sources_finds_these_in_the_dictionary(
    explaining, category, part
):
    criteria = Criteria.build(conditions=[(category, "partial", part)])
    search.browse(explaining, "ls:genre", criteria)
    assert "search_value_parts" in explaining.plans
    assert "search_link_pkey" in explaining.plans
    assert "search_text" not in explaining.plans
    _assert_nothing_is_read_through(explaining)


def test_browsing_the_clips_with_a_value_finds_them_by_its_links(explaining):
    criteria = Criteria.build(conditions=[("ls:isrcnumber", "prefix", "gb000012")])
    search.browse(explaining, "dc:creator", criteria)
    assert "search_link_pkey" in explaining.plans
    _assert_nothing_is_read_through(explaining)


def test_pending_lists_are_short(explaining):
    psycopg2.extensions.cursor.execute(
        explaining,
        "SELECT indexrelid::regclass::text, reloptions FROM pg_index"
        " JOIN pg_class index ON index.oid = indexrelid JOIN pg_am ON pg_am.oid = relam"
        " WHERE amname = 'gin' AND indrelid::regclass::text LIKE 'search%'",
    )
    options = dict(explaining.fetchall())
    assert len(options) == 7
    assert set(map(tuple, options.values())) == {("fastupdate=on", "gin_pending_list_limit=256")}
