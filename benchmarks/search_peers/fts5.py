"""SQLite with a trigram index (FTS5), laid out for these searches as well as we know how.

Titles, creators, sources and all other texts are columns of one FTS5 table, values between
separators as we keep them, so that prefixes are substrings too. What is compared or sorted by has
columns with covering indexes, and low-cardinality values a dictionary with links. Words have a
table of their own, ranked by bm25.
"""

import itertools
import sqlite3
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any

from archive_server.database.search_rows import SEPARATOR
from archive_server.model.folding import fold
from archive_server.model.words import Sought
from benchmarks.search_peers.peer import Answer, Loaded
from benchmarks.search_shapes import PAGE, Shape

_CHUNK = 5_000
_FTS = {"dc:title": "title", "dc:creator": "creator", "dc:source": "source"}
_COMPARED = {"dcterms:extent": "extent", "ls:year": "year", "ls:mtime": "mtime"}
_TABLES = """
PRAGMA journal_mode = off;
PRAGMA synchronous = off;
CREATE TABLE clip (
    id integer PRIMARY KEY, type integer, title_key text, creator_key text,
    extent text, year text, mtime integer
);
CREATE TABLE text (id integer PRIMARY KEY, type integer, title text, creator text);
CREATE TABLE value (
    value_id integer PRIMARY KEY, category text, folded text, value text,
    UNIQUE (category, value)
);
CREATE TABLE link (value_id integer, id integer, category text, type integer,
    PRIMARY KEY (value_id, id)) WITHOUT ROWID;
CREATE VIRTUAL TABLE fts USING fts5 (
    title, creator, source, rest, content='', tokenize="trigram case_sensitive 1"
);
CREATE VIRTUAL TABLE words USING fts5 (
    title, near, rest, content='', tokenize="unicode61 remove_diacritics 0"
);
"""
_INDEXES = """
CREATE INDEX clip_default ON clip (type, title_key, id);
CREATE INDEX clip_title ON clip (title_key, id, type);
CREATE INDEX clip_extent ON clip (extent, type);
CREATE INDEX clip_year ON clip (year, mtime, type);
CREATE INDEX clip_mtime ON clip (mtime, year, type);
CREATE INDEX text_title ON text (title, type);
CREATE INDEX value_folded ON value (category, folded);
CREATE INDEX link_clip ON link (id, category, value_id);
ANALYZE;
INSERT INTO fts (fts) VALUES ('optimize');
INSERT INTO words (words) VALUES ('optimize');
"""


class Fts5:
    """A database file, read by one connection with a large cache."""

    name = "sqlite"

    def __init__(self, path: Path) -> None:
        self._connection = sqlite3.connect(path, isolation_level=None)
        self._connection.executescript(
            "PRAGMA cache_size = -1000000; PRAGMA mmap_size = 8000000000; PRAGMA temp_store = 2;"
        )

    def load(self, clips: Iterable[Loaded]) -> None:
        """Fill the tables, then make the indexes."""
        self._connection.executescript(_TABLES)
        values: dict[tuple[str, str], int] = {}
        clips = iter(clips)
        while chunk := list(itertools.islice(clips, _CHUNK)):
            self._connection.execute("BEGIN")
            self._add(chunk, values)
            self._connection.execute("COMMIT")
        rows = ((n, name, fold(text), text) for (name, text), n in values.items())
        self._connection.execute("BEGIN")
        self._connection.executemany("INSERT INTO value VALUES (?, ?, ?, ?)", rows)
        self._connection.execute("COMMIT")
        self._connection.executescript(_INDEXES)

    def _add(self, clips: list[Loaded], values: dict[tuple[str, str], int]) -> None:
        many = self._connection.executemany
        many("INSERT INTO clip VALUES (?, ?, ?, ?, ?, ?, ?)", map(_clip_row, clips))
        many(
            "INSERT INTO text VALUES (?, ?, ?, ?)",
            ((c.number, c.type_code, c.columns["title"], c.columns["creator"]) for c in clips),
        )
        many("INSERT INTO fts (rowid, title, creator, source, rest) VALUES (?, ?, ?, ?, ?)",
             map(_fts_row, clips))  # fmt: skip
        many("INSERT INTO words (rowid, title, near, rest) VALUES (?, ?, ?, ?)",
             ((clip.number, *clip.words) for clip in clips))  # fmt: skip
        links = (
            (values.setdefault((name, text), len(values) + 1), clip.number, name, clip.type_code)
            for clip in clips
            for name, text in dict.fromkeys((name, text) for name, text, _ in clip.values)
            if name not in ("dc:title", "dcterms:extent", "ls:mtime", "dc:description")
        )
        many("INSERT INTO link VALUES (?, ?, ?, ?)", links)

    def answer(self, shape: Shape) -> Answer | None:
        """Count by the index alone, then read the page in the order of the archive."""
        if shape.browsed:
            return self._browsed(shape)
        if shape.is_ranked:
            return self._ranked(shape)
        where, parameters = self._where(shape)
        counted = f"SELECT count(*) FROM {_counted(shape, where)}"  # noqa: S608 - all is ours
        (total,) = self._one(counted, parameters)
        order = "title_key, id" if shape.order_by else "type, title_key, id"
        rows = self._connection.execute(
            f"SELECT id FROM clip WHERE {where} ORDER BY {order} "  # noqa: S608
            f"LIMIT {PAGE} OFFSET {shape.offset}",
            parameters,
        )
        return Answer(total, tuple(number for (number,) in rows))

    def _ranked(self, shape: Shape) -> Answer:
        ((_, _, value),) = shape.conditions
        sought = Sought.read(value)
        words = [*sought.whole, *([f"{sought.beginning}*"] if sought.beginning else ())]
        match = [" AND ".join(words)]
        (total,) = self._one("SELECT count(*) FROM words WHERE words MATCH ?", match)
        rows = self._connection.execute(
            "SELECT rowid FROM words WHERE words MATCH ? "
            "ORDER BY bm25(words, 100.0, 10.0, 1.0) LIMIT ?",
            [*match, PAGE],
        )
        return Answer(total, tuple(number for (number,) in rows))

    def _browsed(self, shape: Shape) -> Answer:
        if shape.conditions:
            where, parameters = self._where(shape)
            values = (
                "SELECT DISTINCT folded, value FROM value JOIN link USING (value_id) WHERE "  # noqa: S608
                f"link.category = ? AND link.id IN (SELECT id FROM clip WHERE {where})"
            )
        else:
            values, parameters = "SELECT folded, value FROM value WHERE category = ?", []
        asked = [shape.browsed, *parameters]
        rows = self._connection.execute(f"{values} ORDER BY folded, value", asked).fetchall()
        return Answer(len(rows), tuple(text for _, text in rows[:PAGE]))

    def _where(self, shape: Shape) -> tuple[str, list[Any]]:
        """A condition on `clip`."""
        tests = [_test(*condition) for condition in shape.conditions]
        parameters = [parameter for _, given in tests for parameter in given]
        return f" {shape.operator} ".join(text for text, _ in tests) or "true", parameters

    def _one(self, query: str, parameters: list[Any]) -> tuple[Any, ...]:
        row: tuple[Any, ...] = self._connection.execute(query, parameters).fetchone()
        return row


def _counted(shape: Shape, where: str) -> str:
    """What to count: the index by itself where there is one condition, or none."""
    alone = "id IN (SELECT "
    if len(shape.conditions) == 1 and where.startswith(alone):
        return f"(SELECT {where.removeprefix(alone).removesuffix(')')})"
    return f"clip WHERE {where}"


def _test(category: str, operator: str, value: str) -> tuple[str, list[Any]]:
    folded = fold(value)
    if category in _COMPARED:
        moment = int(datetime.fromisoformat(value).timestamp()) if category == "ls:mtime" else 0
        return f"{_COMPARED[category]} {operator} ?", [moment or folded]
    if category == "*" or category in _FTS:
        column = "" if category == "*" else f"{_FTS[category]} : "
        sought = f"{SEPARATOR}{folded}" if operator == "prefix" else folded
        if len(sought) < 3:
            return f"id IN (SELECT id FROM text WHERE instr({_FTS[category]}, ?))", [sought]  # noqa: S608
        quoted = '"' + sought.replace('"', '""') + '"'
        return "id IN (SELECT rowid FROM fts WHERE fts MATCH ?)", [column + quoted]
    compare = "folded = ?" if operator == "=" else "instr(folded, ?)"
    found = f"SELECT value_id FROM value WHERE category = ? AND {compare}"  # noqa: S608
    return f"id IN (SELECT id FROM link WHERE value_id IN ({found}))", [category, folded]  # noqa: S608


def _clip_row(clip: Loaded) -> tuple[Any, ...]:
    columns = clip.columns
    mtime = columns["mtime_low"]
    assert isinstance(mtime, datetime), "every clip has a time of change"
    return (
        clip.number, clip.type_code, columns["title_key"], columns["creator_key"],
        columns["extent_low"], columns["year_low"], int(mtime.timestamp()),
    )  # fmt: skip


def _fts_row(clip: Loaded) -> tuple[Any, ...]:
    rest = [folded for name, _, folded in clip.values if name not in _FTS]
    columns = clip.columns
    joined = SEPARATOR + SEPARATOR.join(rest) + SEPARATOR
    return clip.number, columns["title"], columns["creator"], columns["source"], joined
