"""Searches as clients may ask for them, over documents of all kinds, against a naive filter."""

import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import timedelta
from functools import cache
from typing import Any

from naive_search import MTIME, Item, browsed, matching, page_of, stored
from psycopg2.extensions import cursor as Cursor

from archive_server.database import search
from archive_server.database.connections import connect
from archive_server.errors import BadCriteria, BadRequest
from archive_server.model import backups
from archive_server.model.categories import STANDARD, is_meant
from archive_server.model.clips import FileType
from archive_server.model.search import RELEVANCE, Criteria
from archive_server.xmlrpc.search import criteria as read_criteria
from archive_server.xmlrpc.values import Value
from fuzz.choices import Choices
from fuzz.costs import in_time
from fuzz.surroundings import surroundings

TOKENS = (b"\0", b"\x01", b"\x02", b"\xff")

_CATEGORIES = (
    "dc:title", "dc:creator", "dc:source", "dcterms:extent", "ls:year", "ls:genre", "ls:mtime",
    "x:mtime", "x:title", "title", "mtime", "ls:mood", "日本:曲", "a.b-c",
)  # fmt: skip
_ASKED = (
    *_CATEGORIES, "*", "creator", "year", "extent", "genre", "曲", "", ":", "dc:", "a b", "x" * 300,
    "relevance", "dc:title; DROP TABLE clip", "DC:TITLE", "é", "\ud7ff",
)  # fmt: skip
_OPERATORS = (
    "=", "full", "partial", "prefix", "<", "<=", ">", ">=", "FULL", "like", "", "%", "words",
    "words",
)  # fmt: skip
_PIECES = (
    "a", "A", "b", "%", "_", "\\", " ", "Ж", "ж", "é", "E\u0301", "ß", "ss", "İ", "ı", "Σ", "ς",
    "月", "'", '"', "0", "1", ":", "-", "\U0001f3b5", "x" * 63, "x" * 64, "%a%", "\t", "\n", "$1",
    "\u1e9e", "\ufb01", "\u0345", "\u200b", "\xa0", "?", "%s", "::text",
    "2026-11-21T20:01:02+01:00",
    "2026-11-21", "20261121T190102", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00",
    "00:00:11.000000", "\x7f", "\ufffd", "a\u0301\u0323",
)  # fmt: skip
_FILE_TYPES = ("all", "audioclip", "playlist", "webstream", "AudioClip", "", "file", "é")
_ODD: tuple[Value, ...] = (
    None, "", "0", "1", "-1", "2147483647", "2147483648", 0, 1, 3, -1, 2**31 - 1, True, False, 1.5,
    math.pi * 1e300, b"bytes", [], {}, ["dc:title"], {"0": "dc:title"}, "٣",
)  # fmt: skip


def fuzz_one(data: bytes) -> None:
    """Store some clips, search them, and compare what is found."""
    choices = Choices(data)
    with _undone() as cursor:
        items = [_stored(cursor, choices) for _ in range(choices.number(4))]
        while choices.are_left:
            _search(cursor, items, choices)
        assert list(search.differences(cursor)) == []


def _stored(cursor: Cursor, choices: Choices) -> Item:
    elements = [
        (choices.one_of(_CATEGORIES), choices.text(_PIECES, 3)) for _ in range(choices.number(6))
    ]
    # As the reader of documents has it: text that is blank is no text.
    elements = [(name, text if text.strip(" \t\r\n") else "") for name, text in elements]
    mtime = MTIME + timedelta(hours=choices.number(2))
    return stored(cursor, elements, choices.one_of(tuple(FileType)), mtime)


def _search(cursor: Cursor, items: Sequence[Item], choices: Choices) -> None:
    struct = _struct(choices)
    try:
        criteria = read_criteria(struct)
    except BadRequest as error:
        assert len(str(error)) < 1000
        return
    assert backups.criteria(backups.kept(criteria)) == criteria, "a job asks for the same"
    _check_find(cursor, items, criteria)
    _check_browse(cursor, items, choices.one_of(_ASKED), criteria)


def _struct(choices: Choices) -> dict[str, Value]:
    struct: dict[str, Value] = {
        "conditions": [_condition(choices) for _ in range(choices.number(3))]
    }
    for name, options in (
        ("filetype", _FILE_TYPES), ("operator", ("and", "or", "OR", "xor", "")),
        ("limit", (0, 1, 2, "3", *_ODD)), ("offset", (0, 1, 2, *_ODD)),
        ("orderby", (*_ASKED, *_ODD)), ("desc", (True, False, *_ODD)),
    ):  # fmt: skip
        if choices.is_so():
            struct[name] = choices.one_of(options)
    if choices.is_so():
        struct["orderby"] = [choices.one_of(_ASKED) for _ in range(choices.number(3))]
        struct["desc"] = [choices.is_so() for _ in range(choices.number(3))]
    if choices.byte() > 250:
        struct[choices.one_of(tuple(struct))] = choices.one_of(_ODD)
    return struct


def _condition(choices: Choices) -> Value:
    value: Value = choices.text(_PIECES, 3)
    if choices.byte() > 240:
        value = choices.one_of(_ODD)
    category = choices.one_of(_CATEGORIES) if choices.is_so() else choices.one_of(_ASKED)
    operator = choices.one_of(_OPERATORS)
    if operator == "words" and choices.is_so():
        category = "*"  # it is for no other
    return {"cat": category, "op": operator, "val": value}


def _check_find(cursor: Cursor, items: Sequence[Item], criteria: Criteria) -> None:
    found = matching(items, _as_known(criteria))
    with _nothing_happens(cursor), in_time(0):
        page = search.find(cursor, criteria)
        assert [hit.gunid for hit in page.hits] == [item.gunid for item in page_of(found, criteria)]
        assert page.total == len(found)
        assert page.totals == {t: sum(item.file_type is t for item in found) for t in FileType}


def _check_browse(cursor: Cursor, items: Sequence[Item], category: str, criteria: Criteria) -> None:
    with _nothing_happens(cursor), in_time(0):
        result = search.browse(cursor, category, criteria)
        values = browsed(items, category, _as_known(criteria))
        assert list(result.values) == page_of(values, criteria)
        assert result.total == len(values)


def _as_known(criteria: Criteria) -> Criteria:
    """The same without what sorts nothing: categories the archive has never seen."""
    orders = [
        order
        for order in criteria.order_by
        if order.category == RELEVANCE
        or any(is_meant(order.category, name) for name in (*_CATEGORIES, *STANDARD))
    ]
    return replace(criteria, order_by=tuple(orders))


@contextmanager
def _nothing_happens(cursor: Cursor) -> Iterator[None]:
    """Take BadCriteria for an answer: whether a category exists is known to the database only."""
    try:
        yield
    except BadCriteria as error:
        assert "unknown" in str(error) or "name like title" in str(error), error


@contextmanager
def _undone() -> Iterator[Cursor]:
    cursor = _cursor()
    cursor.execute("SAVEPOINT example")
    try:
        yield cursor
    finally:
        cursor.execute("ROLLBACK TO SAVEPOINT example; RELEASE SAVEPOINT example")


@cache
def _cursor() -> Any:
    """A cursor in a transaction that is never committed; every category is one clips once had."""
    cursor = connect(surroundings().dsns["criteria"]).cursor()
    clip = stored(cursor, [(category, "once") for category in _CATEGORIES])
    search.unindex(cursor, clip.clip_id)
    cursor.execute("DELETE FROM clip WHERE clip_id = %s", (clip.clip_id,))
    return cursor
