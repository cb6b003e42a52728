"""What indexing leaves in the search tables."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_search import MTIME, document_of, stored

from archive_server.database import search
from archive_server.database.connections import connect
from archive_server.model.clips import FileType
from archive_server.model.search import Criteria

_elements = st.lists(
    st.tuples(st.sampled_from(["dc:title", "ls:genre", "ls:year", "x:y"]), st.sampled_from("aAb1")),
    max_size=5,
)
_changes = st.lists(
    st.tuples(st.integers(0, 3), st.none() | st.tuples(st.sampled_from(FileType), _elements)),
    max_size=10,
)


@settings(
    max_examples=40,
)
@given(changes=_changes)
def test_counts_and_links_stay_exact(cursor, changes):
    cursor.execute("SAVEPOINT example")
    try:
        items = [stored(cursor, [("dc:title", "a")]) for _ in range(4)]
        for number, change in changes:
            item = items[number]
            search.unindex(cursor, item.clip_id)
            if change is not None:
                file_type, elements = change
                document = document_of(elements)
                search.index(cursor, item.clip_id, item.gunid, file_type, document, MTIME)
        hidden = {n for n, change in dict(changes).items() if change is None}
        assert search.find(cursor, Criteria()).total == 4 - len(hidden)
        unseen = [f"{len(hidden)} clips that can be seen cannot be found"] if hidden else []
        assert _wrong(cursor) == unseen
    finally:
        cursor.execute("ROLLBACK TO SAVEPOINT example")


def _wrong(cursor) -> list[str]:
    return list(search.differences(cursor))


def test_a_new_document_takes_the_place_of_the_old(cursor):
    item = stored(cursor, [("dc:title", "old"), ("ls:genre", "Pop"), ("ls:mood", "calm")])
    stored(cursor, [("ls:genre", "Pop")])
    document = document_of([("ls:mood", "calm"), ("dc:title", "new")])
    later = MTIME + timedelta(days=1)
    search.index(cursor, item.clip_id, item.gunid, item.file_type, document, later)
    assert _found(cursor, "dc:title", "old") == 0
    assert _found(cursor, "dc:title", "new") == 1
    assert _found(cursor, "ls:genre", "pop") == 1
    assert _found(cursor, "ls:mtime", later.isoformat(timespec="seconds")) == 1
    assert _wrong(cursor) == []


def _found(cursor, category: str, value: str) -> int:
    criteria = Criteria.build(conditions=[(category, "=", value)])
    page = search.find(cursor, criteria)
    assert len(page.hits) == page.total
    return page.total


def test_indexing_twice_changes_nothing(cursor):
    item = stored(cursor, [("dc:title", "a"), ("dc:title", "a"), ("ls:genre", "Pop")])
    before = _dump(cursor)
    search.index(cursor, item.clip_id, item.gunid, item.file_type, item.document, MTIME)
    assert _dump(cursor) == before


def test_what_indexing_executes_is_planned_once_for_each_connection(cursor):
    item = stored(cursor, [("dc:title", "a")])
    for number in range(8):
        document = document_of([("dc:title", f"a {number}"), ("ls:genre", "Pop")])
        search.index(cursor, item.clip_id, item.gunid, item.file_type, document, MTIME)
    cursor.execute("SELECT name FROM pg_prepared_statements WHERE custom_plans > 0")
    assert cursor.fetchall() == []


def _dump(cursor) -> list:
    rows = []
    for table in ("search_clip", "search_shown", "search_link", "search_value", "search_count"):
        cursor.execute(f"SELECT * FROM {table} ORDER BY 1, 2")
        rows.append(cursor.fetchall())
    return rows


def test_a_clip_of_another_type_is_counted_as_such(cursor):
    item = stored(cursor, [("dc:title", "a")])
    search.index(cursor, item.clip_id, item.gunid, FileType.PLAYLIST, item.document, MTIME)
    totals = search.find(cursor, Criteria()).totals
    assert totals == {FileType.AUDIO_CLIP: 0, FileType.PLAYLIST: 1, FileType.WEBSTREAM: 0}
    assert _wrong(cursor) == []


def test_removing_what_is_not_indexed_is_no_error(cursor):
    item = stored(cursor, [("dc:title", "a")])
    search.unindex(cursor, item.clip_id)
    search.unindex(cursor, item.clip_id)
    assert search.browse(cursor, "dc:title", Criteria()).total == 0


def test_a_clip_that_is_deleted_takes_its_counts_with_it(cursor):
    item = stored(cursor, [("dc:title", "a"), ("ls:genre", "Pop")])
    stored(cursor, [("ls:genre", "Pop")])
    cursor.execute("DELETE FROM clip WHERE clip_id = %s", (item.clip_id,))
    assert search.find(cursor, Criteria()).total == 1
    assert search.browse(cursor, "dc:title", Criteria()).values == ()
    assert _wrong(cursor) == []


def test_values_nobody_has_are_pruned(cursor):
    item = stored(cursor, [("dc:title", "a"), ("ls:genre", "Pop")])
    stored(cursor, [("ls:genre", "Pop")])
    search.unindex(cursor, item.clip_id)
    assert search.prune(cursor) == 1
    assert search.prune(cursor) == 0
    assert _found(cursor, "ls:genre", "Pop") == 1


def test_differences_are_named(cursor):
    stored(cursor, [("dc:title", "a")])
    cursor.execute("UPDATE search_count SET n = 5")
    cursor.execute("UPDATE search_value SET n_playlist = 2")
    cursor.execute("DELETE FROM search_link")
    assert _wrong(cursor) == [
        "2 links of clips and values are missing or too many",
        "2 values are counted wrong",
        "3 types of clips are counted wrong",
    ]


@pytest.fixture
def other(dsn):
    connection = connect(dsn, statement_timeout_s=5)
    yield connection
    connection.close()


def test_two_who_add_the_same_value_both_count(connection, cursor, other):
    """The second waits until the first has ended, and then counts on."""
    elements = [("dc:title", "a"), ("ls:genre", "Jazz")]
    stored(cursor, elements, FileType.PLAYLIST)
    with other.cursor() as second, ThreadPoolExecutor() as threads:
        waiting = threads.submit(stored, second, elements[::-1], FileType.PLAYLIST)
        with pytest.raises(TimeoutError):
            waiting.result(timeout=0.3)
        connection.commit()
        waiting.result(timeout=5)
        assert _found(second, "ls:genre", "jazz") == 2
        assert _wrong(second) == []


def test_those_who_add_nothing_new_wait_only_while_counting(connection, cursor, other):
    """What takes long, all but the counts, happens side by side."""
    item = stored(cursor, [("dc:title", "a")], FileType.PLAYLIST)
    connection.commit()
    search.index(cursor, item.clip_id, item.gunid, item.file_type, item.document, MTIME)
    with other.cursor() as second:
        stored(second, [("dc:title", "a")], FileType.PLAYLIST)
        other.commit()
    connection.commit()
    assert _found(cursor, "dc:title", "a") == 2
    assert _wrong(cursor) == []


def test_pruning_waits_for_nobody(connection, cursor, other):
    item = stored(cursor, [("dc:title", "a"), ("ls:genre", "Pop")], FileType.PLAYLIST)
    search.unindex(cursor, item.clip_id)
    connection.commit()
    search.index(cursor, item.clip_id, item.gunid, item.file_type, item.document, MTIME)
    with other.cursor() as second:
        assert search.prune(second) == 0
    connection.commit()
    assert _found(cursor, "ls:genre", "Pop") == 1
