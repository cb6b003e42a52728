"""Filling the search tables quickly, with the rows that indexing would write."""

import io
import itertools
from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any

from archive_server.database import search_rows
from archive_server.model.categories import local_name
from archive_server.model.clips import FileType
from archive_server.model.documents import Document
from archive_server.model.folding import fold
from archive_server.model.gunid import Gunid

_NULL = r"\N"
_ESCAPES = str.maketrans({"\\": r"\\", "\t": r"\t", "\n": r"\n", "\r": r"\r"})
Row = tuple[Gunid, FileType, Document, datetime]


def fill(cursor, rows: Iterable[Row]) -> None:
    """Put these clips into empty search tables, without their audio and documents."""
    loader = _Loader()
    cursor.execute("SET session_replication_role = replica")  # no foreign keys, no triggers
    for chunk in _chunks(rows, 5_000):
        for row in chunk:
            loader.add(*row)
        loader.flush(cursor)
    loader.finish(cursor)
    cursor.execute("SET session_replication_role = origin")
    for table in ("search_value", "search_clip", "search_link", "search_shown"):
        cursor.execute(f"ANALYZE {table}")


def _chunks(rows: Iterable[Row], size: int) -> Iterator[list[Row]]:
    iterator = iter(rows)
    while chunk := list(itertools.islice(iterator, size)):
        yield chunk


class _Loader:
    def __init__(self) -> None:
        self.categories = {"dc:title": 1, "dc:creator": 2, "dc:source": 3}
        self.values: dict[search_rows.Value, int] = {}
        self.counts: dict[int, list[int]] = {}
        self.clips = 0
        self.totals = [0, 0, 0]
        self.links: list[tuple] = []
        self.clip_rows: list[tuple] = []
        self.shown: list[tuple] = []
        self.clip_columns = ""
        self.shown_columns = ""

    def add(self, gunid: Gunid, file_type: FileType, document: Document, mtime: datetime) -> None:
        self.clips += 1
        clip_id = self.clips
        code = search_rows.code_of(file_type)
        self.totals[code - 1] += 1
        document = document.stamped(mtime)
        ids = []
        for place, value in enumerate(search_rows.values_of(document), start=1):
            category = self.categories.setdefault(value.category, len(self.categories) + 1)
            value_id = self.values.setdefault(value, len(self.values) + 1)
            self.counts.setdefault(value_id, [0, 0, 0])[code - 1] += 1
            self.links.append((value_id, clip_id, category, place, code))
            ids.append(value_id)
        columns = search_rows.clip_columns(document)
        shown = search_rows.shown_columns(document)
        self.clip_columns = ", ".join(columns)
        self.shown_columns = ", ".join(shown)
        self.clip_rows.append((clip_id, code, *columns.values(), f"{{{','.join(map(str, ids))}}}"))
        self.shown.append((clip_id, gunid.uuid, *shown.values()))

    def flush(self, cursor) -> None:
        _copy(cursor, "search_link (value_id, clip_id, category_id, ord, file_type)", self.links)
        _copy(
            cursor, f"search_clip (clip_id, file_type, {self.clip_columns}, vals)", self.clip_rows
        )
        _copy(cursor, f"search_shown (clip_id, gunid, {self.shown_columns})", self.shown)
        self.links, self.clip_rows, self.shown = [], [], []

    def finish(self, cursor) -> None:
        cursor.execute("DELETE FROM search_category")
        _copy(
            cursor,
            "search_category (category_id, name, local_name)",
            [(number, name, local_name(name)) for name, number in self.categories.items()],
        )
        _copy(
            cursor,
            "search_value (value_id, category_id, n_audioclip, n_playlist, n_webstream, digest,"
            " instant, value, folded)",
            [
                (number, self.categories[value.category], *self.counts[number], value.digest,
                 value.instant, value.text, fold(value.text))
                for value, number in self.values.items()
            ],
        )  # fmt: skip
        for code, total in enumerate(self.totals, start=1):
            cursor.execute("UPDATE search_count SET n = %s WHERE file_type = %s", (total, code))
        for table, column in (("search_category", "category_id"), ("search_value", "value_id")):
            cursor.execute(
                f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), max({column}))"
                f" FROM {table}"
            )


def _copy(cursor, table: str, rows: Iterable[tuple]) -> None:
    lines = ("\t".join(map(_field, row)) + "\n" for row in rows)
    cursor.copy_expert(f"COPY {table} FROM STDIN", io.StringIO("".join(lines)))


def _field(value: Any) -> str:
    return _NULL if value is None else str(value).translate(_ESCAPES)
