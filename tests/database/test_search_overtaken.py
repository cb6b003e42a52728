"""Searching while others commit: what is counted is what is listed."""

import contextlib
from collections.abc import Callable

import pytest
from naive_search import stored
from psycopg2.extensions import cursor as Cursor

from archive_server.database import search
from archive_server.database.connections import connect
from archive_server.model.clips import FileType
from archive_server.model.search import Condition, Criteria, Operator


class Overtaken(Cursor):
    """A cursor before one of whose statements somebody else commits something."""

    countdown = 0
    commit: Callable[[], None]

    def execute(self, query, parameters=None):
        self.countdown -= 1
        if self.countdown == 0:
            self.commit()
        return super().execute(query, parameters)


@pytest.mark.parametrize("change", ["a clip more", "a clip less"])
@pytest.mark.parametrize(
    "conditions", [(), (Condition("dc:title", Operator.PREFIX, "song"),)], ids=["all", "some"]
)
def test_a_search_that_is_overtaken_counts_what_it_lists(dsn, change, conditions):
    criteria = Criteria(conditions=conditions, limit=100)
    with (
        contextlib.closing(connect(dsn)) as writer,
        contextlib.closing(connect(dsn)) as reader,
        writer.cursor() as writing,
    ):
        reader.autocommit = True
        for number in range(5):
            item = stored(writing, [("dc:title", f"song {number}")], FileType.PLAYLIST)
        writer.commit()

        def commit() -> None:
            if change == "a clip more":
                stored(writing, [("dc:title", "song of another")], FileType.PLAYLIST)
            else:
                search.unindex(writing, item.clip_id)
                writing.execute("DELETE FROM clip WHERE clip_id = %s", (item.clip_id,))
            writer.commit()

        statement = before = 0
        while True:
            statement += 1
            with reader.cursor(cursor_factory=Overtaken) as reading:
                reading.countdown, reading.commit = statement, commit
                page = search.find(reading, criteria)
                assert page.total == len(page.hits), f"before statement {statement}"
                if reading.countdown > 0:
                    break
            before += 1
            if change == "a clip less":
                item = stored(writing, [("dc:title", "song again")], FileType.PLAYLIST)
                writer.commit()
        assert before > 1
