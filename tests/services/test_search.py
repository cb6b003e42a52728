from dataclasses import replace

import pytest
from support import result_of

from archive_server.errors import BadCriteria, Forbidden
from archive_server.model.clips import FileType
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


class Counting:
    """A database that counts the statements of reads."""

    def __init__(self, database):
        self.database = database
        self.statements = 0

    def ask(self, reading, *args):
        return self.database.ask(lambda: self._counted(reading(*args)))

    def _counted(self, reading):
        rows = None
        while True:
            try:
                statement = reading.send(rows)
            except StopIteration as end:
                return end.value
            self.statements += 1
            rows = yield statement


@pytest.fixture
def counting(services):
    return Counting(services.database)


@pytest.fixture
def searching(services, counting, high):
    """A search service over three clips, whose statements are counted."""
    for title in ("The High Tone", "A High Tone", "Another"):
        services.store_clip(high, document=DOCUMENT.format(title))
    return replace(services.search, database=counting)


DOCUMENT = (
    '<audioClip><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
    "<dc:title>{}</dc:title></metadata></audioClip>"
)


@pytest.mark.parametrize("file_type", ["all", "audioclip"])
@pytest.mark.parametrize("category", ["dc:title", "*"])
def test_a_part_of_a_text_is_looked_for_in_one_trip(
    services, searching, counting, category, file_type
):
    criteria = Criteria.build(
        conditions=[(category, "partial", "high t")], limit=10, file_type=file_type
    )
    page = result_of(searching.find(services.caller(), criteria))
    assert [hit.title for hit in page.hits] == ["A High Tone", "The High Tone"]
    assert page.total == page.totals[FileType.AUDIO_CLIP] == 2
    assert counting.statements == 1


@pytest.mark.parametrize("value", ["high t", "h"])
def test_who_may_not_search_is_told_so_before_anything_else(services, searching, counting, value):
    criteria = Criteria.build(conditions=[("dc:title", "partial", value)], limit=10)
    nobody = replace(services.caller(), user_id=0)
    with pytest.raises(Forbidden, match="may not read the archive"):
        result_of(searching.find(nobody, criteria))
    assert counting.statements == 1


@pytest.mark.parametrize("value", ["h", "tö"])
def test_of_less_than_a_trigram_it_is_asked_first_how_common_it_is(
    services, searching, counting, value
):
    criteria = Criteria.build(conditions=[("dc:title", "partial", value)], limit=10)
    page = result_of(searching.find(services.caller(), criteria))
    assert page.total == (3 if value == "h" else 0)
    assert counting.statements > 1


def test_names_of_categories_are_compared_in_a_thread(services):
    noting = Noting(services.database)
    criteria = Criteria.build(conditions=[("titel", "=", "x")], limit=1)
    with pytest.raises(BadCriteria, match="did you mean title"):
        result_of(replace(services.search, database=noting).find(services.caller(), criteria))
    assert noting.roads == ["thread"]
