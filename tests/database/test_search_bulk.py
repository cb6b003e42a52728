"""Indexing many clips at once leaves what indexing them one by one does."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_search import MTIME, document_of, stored
from psycopg2.errors import UniqueViolation

from archive_server.database import search
from archive_server.database.connections import connect
from archive_server.database.search import Findable
from archive_server.model.clips import FileType
from archive_server.model.search import Criteria

_texts = st.sampled_from(["a", "A", "Ä", "\\N", "\t\\", "2026-11-21T19:01:02Z", "ж" * 70])
_elements = st.lists(
    st.tuples(st.sampled_from(["dc:title", "ls:genre", "ls:year", "x:mtime", "x:y"]), _texts),
    max_size=6,
)
_described = st.tuples(st.sampled_from(FileType), _elements)


@settings(
    max_examples=60,
)
@given(
    before=st.lists(_described, max_size=4),
    changes=st.dictionaries(st.integers(0, 6), _described, max_size=7),
    hidden=st.sets(st.integers(0, 6)),
)
def test_many_at_once_are_indexed_as_one_by_one(cursor, before, changes, hidden):
    cursor.execute("SAVEPOINT example")
    try:
        items = [stored(cursor, elements, file_type) for file_type, elements in before]
        items += [stored(cursor, []) for _ in range(7 - len(before))]
        for number in hidden:
            search.unindex(cursor, items[number].clip_id)
        clips = [
            Findable(items[n].clip_id, items[n].gunid, file_type, document_of(elements), MTIME)
            for n, (file_type, elements) in changes.items()
        ]
        cursor.execute("SAVEPOINT changes")
        for clip in clips:
            search.index(
                cursor, clip.clip_id, clip.gunid, clip.file_type, clip.document, clip.mtime
            )
        one_by_one = _content(cursor)
        cursor.execute("ROLLBACK TO SAVEPOINT changes")
        search.index_many(cursor, clips)
        assert _content(cursor) == one_by_one
    finally:
        cursor.execute("ROLLBACK TO SAVEPOINT example")


def _content(cursor) -> list:
    """What the search tables hold, with values in place of their ids."""
    cursor.execute("SELECT value_id, name, value FROM search_value JOIN search_category USING"
                   " (category_id)")  # fmt: skip
    values = {value_id: value for value_id, *value in cursor.fetchall()}
    cursor.execute("SELECT * FROM search_clip ORDER BY clip_id")
    clips = [(*row, [values[value_id] for value_id in vals]) for *row, vals in cursor.fetchall()]
    cursor.execute("SELECT value_id, clip_id, ord, file_type FROM search_link")
    links = sorted((values[value_id], *rest) for value_id, *rest in cursor.fetchall())
    cursor.execute(
        "SELECT value_id, n_audioclip, n_playlist, n_webstream, digest, instant, folded"
        " FROM search_value WHERE n_audioclip + n_playlist + n_webstream > 0"
    )
    counts = sorted((values[value_id], *rest) for value_id, *rest in cursor.fetchall())
    cursor.execute("SELECT * FROM search_shown ORDER BY clip_id")
    shown = cursor.fetchall()
    texts = []
    for table in ("search_text", "search_any", "search_words"):
        cursor.execute(f"SELECT * FROM {table} ORDER BY clip_id")
        texts.append(cursor.fetchall())
    cursor.execute("SELECT * FROM search_count ORDER BY file_type")
    return [clips, links, counts, shown, texts, cursor.fetchall(), list(search.differences(cursor))]


def _findable(item, elements) -> Findable:
    return Findable(item.clip_id, item.gunid, item.file_type, document_of(elements), MTIME)


def test_nothing_at_all_is_indexed_too(cursor):
    search.index_many(cursor, [])
    assert search.find(cursor, Criteria()).total == 0


def test_a_transaction_may_index_many_twice(cursor):
    item = stored(cursor, [("dc:title", "first")])
    search.index_many(cursor, [_findable(item, [("dc:title", "second")])])
    search.index_many(cursor, [_findable(item, [("dc:title", "third")])])
    assert search.browse(cursor, "dc:title", Criteria()).values == ("third",)
    assert list(search.differences(cursor)) == []


def test_the_same_clip_twice_is_refused(cursor):
    clip = _findable(stored(cursor, []), [("dc:title", "a")])
    with pytest.raises(UniqueViolation):
        search.index_many(cursor, [clip, clip])


def test_a_rebuild_forgets_what_was_there_and_keeps_the_indexes(cursor):
    old = stored(cursor, [("dc:title", "old"), ("ls:genre", "Pop")])
    before = _indexes(cursor)
    search.rebuild(cursor, [_findable(old, [("dc:title", "new"), ("x:new", "1")])])
    assert search.browse(cursor, "dc:title", Criteria()).values == ("new",)
    assert search.browse(cursor, "ls:genre", Criteria()).values == ()
    assert list(search.differences(cursor)) == []
    assert _indexes(cursor) == before


def _indexes(cursor) -> list:
    cursor.execute("SELECT indexdef FROM pg_indexes WHERE tablename ~ '^search' ORDER BY 1")
    return cursor.fetchall()


def test_two_who_index_many_of_the_same_values_do_not_block_each_other_for_good(dsn):
    words = [("ls:genre", genre) for genre in "abcdefgh"]

    def index_some(first: int) -> None:
        connection = connect(dsn, statement_timeout_s=20)
        for turn in range(3):
            with connection, connection.cursor() as cursor:
                clips = [
                    Findable(item.clip_id, item.gunid, FileType.WEBSTREAM, item.document, MTIME)
                    for item in (
                        stored(cursor, words[:: (-1) ** (first + turn + n)], FileType.WEBSTREAM)
                        for n in range(6)
                    )
                ]
                for clip in clips:
                    search.unindex(cursor, clip.clip_id)
            with connection, connection.cursor() as cursor:
                search.index_many(cursor, clips)
        connection.close()

    with ThreadPoolExecutor(4) as pool:
        list(pool.map(index_some, range(4)))
    connection = connect(dsn)
    with connection, connection.cursor() as cursor:
        assert list(search.differences(cursor)) == []
        assert search.find(cursor, Criteria()).total == 4 * 3 * 6
    connection.close()
