"""Clips are counted by those that fail the conditions, and the numbers are those of the others."""

from collections import Counter
from datetime import timedelta

import pytest
from naive_search import MTIME, matching, stored

from archive_server.database.reading import answered
from archive_server.database.search_lookup import categories_meant
from archive_server.database.search_rest import counted_by_the_rest
from archive_server.database.search_to_sql import Sql, column_tests
from archive_server.model.clips import FileType
from archive_server.model.search import Criteria

_FEW_DAYS_LATER = (MTIME + timedelta(days=3)).isoformat()
_LATER = (MTIME + timedelta(days=40)).isoformat()


@pytest.fixture
def items(cursor):
    """Some clips of all types: most have a year and a duration, two of them early ones."""
    stored_items = []
    for number in range(30):
        elements = [("dc:title", str(number))]
        if number % 10:
            elements.append(("ls:year", str(1950 + 2 * number)))
        if number % 11:
            elements.append(("dcterms:extent", f"00:{number:02}:00.000000"))
        mtime = MTIME + timedelta(days=number)
        stored_items.append(stored(cursor, elements, list(FileType)[number % 3], mtime))
    cursor.execute("ANALYZE search_clip")
    return stored_items


def _counted(cursor, criteria):
    meant = answered(cursor, categories_meant([each.category for each in criteria.conditions]))
    bounds = [
        test
        for condition in criteria.conditions
        for test in column_tests(condition, meant[condition.category], frozenset()).values()
    ]
    return answered(cursor, counted_by_the_rest(bounds))


@pytest.mark.parametrize(
    "conditions",
    [
        [("ls:year", ">", "1956")],
        [("ls:year", ">=", "1956")],
        [("ls:year", "<", "2004")],
        [("ls:year", "<=", "2004")],
        [("ls:year", ">=", "1956"), ("ls:mtime", ">", _FEW_DAYS_LATER)],
        [("ls:mtime", ">=", _FEW_DAYS_LATER), ("ls:year", "<", "2004")],
        [("dcterms:extent", ">=", "00:02"), ("dcterms:extent", "<", "00:28")],
        [("dcterms:extent", ">", "00:02"), ("ls:year", ">", "1953"), ("ls:mtime", "<", _LATER)],
    ],
)
def test_most_clips_are_counted_by_the_rest(cursor, items, conditions):
    criteria = Criteria.build(conditions=conditions)
    types = Counter(item.file_type for item in matching(items, criteria))
    assert sum(types.values()) > len(items) / 2
    assert _counted(cursor, criteria) == [types[each] for each in FileType]


def test_few_clips_are_not_counted_by_the_rest(cursor, items):
    criteria = Criteria.build(conditions=[("ls:year", ">", "1990"), ("ls:year", "<", "1996")])
    assert _counted(cursor, criteria) is None


def test_what_is_no_bound_is_not_counted_by_the_rest(cursor, items):
    (bound,) = column_tests(
        Criteria.build(conditions=[("ls:year", ">", "1956")]).conditions[0],
        answered(cursor, categories_meant(["ls:year"]))["ls:year"],
        frozenset(),
    ).values()
    assert answered(cursor, counted_by_the_rest([bound, Sql("s.clip_id > 0")])) is None
