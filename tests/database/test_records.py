"""Rows that records made are the rows that make these records."""

import json
from dataclasses import replace

import pytest
from fixtures.recorded import STORE, archives, document, libraries
from hypothesis import given, settings

from archive_server.database import archive_bulk, records, records_bulk, search, stores
from archive_server.database.records_bulk import Names
from archive_server.model.archive_records import ArchiveRecord
from archive_server.model.clips import ClipState, FileType
from archive_server.model.records import Item
from archive_server.model.search import Criteria

_settings = settings(
    max_examples=50,
)


def in_order(item: Item) -> Item:
    """Rules have none."""
    return replace(item, rules=tuple(sorted(item.rules, key=repr)))


def everything(record: ArchiveRecord) -> ArchiveRecord:
    return replace(
        record,
        last_event=0,
        rules=tuple(sorted(record.rules, key=repr)),
        preferences=tuple(sorted(record.preferences, key=repr)),
    )


@_settings
@given(archive=archives(), library=libraries())
def test_a_rebuilt_archive_makes_the_records_it_was_made_of(dsn, cursor, archive, library):
    cursor.execute("SAVEPOINT example")
    try:
        archive_bulk.add(cursor, archive)
        stores.add(cursor, STORE)
        found = records_bulk.add_all(cursor, library, Names.read(cursor)) if library else []
        search.index_many(cursor, found)
        records_bulk.finish(cursor)
        archive_bulk.go_on_behind(cursor, archive.last_event)
        again = ArchiveRecord.parse(records.archive(cursor))
        assert everything(again) == everything(archive)
        assert again.last_event > archive.last_event
        texts = list(records.all_items(cursor))
        assert [in_order(Item.parse(text)) for _, text in texts] == [*map(in_order, library)]
        assert records.items(cursor, [item.gunid for item in library]) == dict(texts)
        assert list(search.differences(cursor)) == []
        ready = sum(item.state is ClipState.READY for item in library)
        assert search.find(cursor, Criteria.build(file_type="all")).total == ready
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE; SET CONSTRAINTS ALL DEFERRED")
    finally:
        cursor.execute("ROLLBACK TO SAVEPOINT example")


def webstream(gunid: str, number: int) -> Item:
    return Item.parse(
        json.dumps(
            {
                "format": 1, "kind": "item", "gunid": gunid, "number": number,
                "file_type": "webstream", "state": "ready", "file_name": "x", "owner": "nobody",
                "created_at": "2026-11-21T06:00:00Z", "mtime": "2026-11-21T06:00:00Z",
                "trashed_at": None, "revision": None,
                "document": document(FileType.WEBSTREAM, "x"),
                "revisions": [], "versions": [], "classes": ["gone"],
                "rules": [{"user": None, "group": "gone", "action": "read", "allows": True}],
            }
        )
    )  # fmt: skip


def test_of_two_with_the_same_number_one_gets_another(dsn, cursor):
    one, two = webstream("00000000000000a1", 7), webstream("00000000000000a2", 7)
    three = webstream("00000000000000a3", 7)
    records_bulk.add_all(cursor, [one, two], Names())
    records_bulk.add_all(cursor, [three], Names())
    records_bulk.finish(cursor)
    cursor.execute("SELECT clip_id FROM clip ORDER BY gunid")
    assert cursor.fetchall() == [(7,), (8,), (9,)]
    cursor.execute("SELECT nextval(pg_get_serial_sequence('clip', 'clip_id'))")
    assert cursor.fetchone()[0] > 9


def test_whoever_is_unknown_is_named_and_left_out(cursor):
    item = webstream("00000000000000a1", 7)
    assert Names().unknown(item) == ["user nobody", "group:gone", "class gone"]
    records_bulk.add_all(cursor, [item], Names())
    (text,) = records.items(cursor, [item.gunid]).values()
    again = Item.parse(text)
    assert (again.owner, again.rules, again.classes) == (None, (), ())


@pytest.mark.parametrize("used", ["INSERT INTO users (login, password_hash, role) VALUES"
                                  " ('x', 'x', 'admin')"])  # fmt: skip
def test_an_archive_that_somebody_used_is_not_empty(cursor, used):
    assert archive_bulk.is_empty(cursor)
    cursor.execute(used)
    assert not archive_bulk.is_empty(cursor)
