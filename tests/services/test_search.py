from dataclasses import replace

import pytest
from support import result_of

from archive_server.errors import BadCriteria
from archive_server.model.search import Criteria


@pytest.fixture
def short_pages(services, high):
    """A search service with pages of two, over three clips."""
    for _ in range(3):
        services.store_clip(high)
    return replace(services.search, longest_page=2)


@pytest.mark.parametrize(("limit", "shown"), [(0, 2), (1, 1), (2, 2), (3, 2), (2**31 - 1, 2)])
def test_no_answer_is_longer_than_a_page_and_each_tells_how_many_there_are(
    services, short_pages, limit, shown
):
    page = result_of(short_pages.find(services.caller(), Criteria.build(limit=limit)))
    assert (len(page.hits), page.total) == (shown, 3)


def test_the_rest_is_behind_an_offset(services, short_pages):
    caller = services.caller()
    first = result_of(short_pages.find(caller, Criteria.build()))
    rest = result_of(short_pages.find(caller, Criteria.build(offset=2)))
    assert len({hit.gunid for hit in (*first.hits, *rest.hits)}) == 3


def test_values_come_in_pages_too(services, short_pages, low):
    for name in ("b.wav", "c.wav"):
        services.store_clip(low, file_name=name)
    values = result_of(short_pages.browse(services.caller(), "ls:filename", Criteria.build()))
    assert (len(values.values), values.total) == (2, 3)


class Noting:
    """A database that notes how it is asked."""

    def __init__(self, database):
        self.database = database
        self.roads = []

    def ask(self, *args):
        self.roads.append("reactor")
        return self.database.ask(*args)

    def read(self, *args):
        self.roads.append("thread")
        return self.database.read(*args)


LONG = "x" * 300


@pytest.mark.parametrize(
    ("conditions", "limit", "road"),
    [
        ([("title", "partial", "high"), ("*", "words", "high")], 100, "reactor"),
        ([("title", "partial", "high")], 101, "thread"),
        ([("title", "partial", "high")], 0, "thread"),
        ([("title", "partial", "high")] * 11, 10, "thread"),
        ([("title", "partial", text + LONG) for text in "abcd"], 10, "thread"),
    ],
)
def test_only_what_is_small_is_asked_by_the_reactor_itself(services, high, conditions, limit, road):
    services.store_clip(high, file_name="high.wav")
    noting = Noting(services.database)
    criteria = Criteria.build(conditions=conditions, limit=limit, operator="or")
    page = result_of(replace(services.search, database=noting).find(services.caller(), criteria))
    assert noting.roads == [road]
    assert page.total == len(page.hits)


def test_names_of_categories_are_compared_in_a_thread(services):
    noting = Noting(services.database)
    criteria = Criteria.build(conditions=[("titel", "=", "x")], limit=1)
    with pytest.raises(BadCriteria, match="did you mean title"):
        result_of(replace(services.search, database=noting).find(services.caller(), criteria))
    assert noting.roads == ["thread"]
