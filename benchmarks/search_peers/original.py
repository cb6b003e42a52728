"""The layout and the SQL of the old archive: one row an element, no index that finds a substring.

Subselects of the elements are joined to the files, and the sort keys are joined as elements again.
Doublets for repeated elements, a bug there, are left out by DISTINCT.
"""

import itertools
from collections.abc import Iterable
from typing import Any

from psycopg2.extensions import connection as Connection

from archive_server.database.copying import copy_rows
from archive_server.model.folding import fold
from benchmarks.search_peers.peer import Answer, Loaded
from benchmarks.search_shapes import PAGE, Shape

_CHUNK = 5_000
_TABLES = """
CREATE TABLE ls_files (
    id integer PRIMARY KEY, gunid bigint NOT NULL UNIQUE, ftype smallint NOT NULL,
    state varchar(128) NOT NULL DEFAULT 'ready', mtime timestamptz
);
CREATE TABLE ls_mdata (
    id integer PRIMARY KEY, gunid bigint, subjns varchar(255), subject varchar(255) NOT NULL,
    predns varchar(255), predicate varchar(255) NOT NULL, predxml char(1) NOT NULL DEFAULT 'T',
    objns varchar(255), object text
);
"""
_INDEXES = """
CREATE INDEX ls_mdata_gunid_idx ON ls_mdata (gunid);
CREATE INDEX ls_mdata_subj_idx ON ls_mdata (subjns, subject);
CREATE INDEX ls_mdata_pred_idx ON ls_mdata (predns, predicate);
ANALYZE;
"""
_OPERATORS = {"=": "=", "<": "<", "<=": "<=", ">": ">", ">=": ">="}


class Original:
    """A database of its own in the same PostgreSQL."""

    name = "original"

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def load(self, clips: Iterable[Loaded]) -> None:
        """Fill the tables, then make the indexes."""
        ids = itertools.count(1)
        clips = iter(clips)
        with self._connection, self._connection.cursor() as cursor:
            cursor.execute(_TABLES)
            while chunk := list(itertools.islice(clips, _CHUNK)):
                files = ((c.number, c.number, c.type_code, c.columns["mtime_low"]) for c in chunk)
                copy_rows(cursor, "ls_files (id, gunid, ftype, mtime)", files)
                copy_rows(
                    cursor,
                    "ls_mdata (id, gunid, subjns, subject, predns, predicate, objns, object)",
                    (
                        (next(ids), clip.number, "_G", clip.number, *_split(name), "_L", text)
                        for clip in chunk
                        for name, text, _ in clip.values
                    ),
                )
            cursor.execute(_INDEXES)

    def answer(self, shape: Shape) -> Answer | None:
        """Count, then read the page, as it did; it knows no words."""
        if shape.is_ranked:
            return None
        with self._connection, self._connection.cursor() as cursor:
            if shape.browsed:
                return _browsed(cursor, shape)
            found, parameters = _found(shape)
            cursor.execute(f"SELECT count(*) FROM ({found}) AS found", parameters)  # noqa: S608
            (total,) = cursor.fetchone() or (0,)
            cursor.execute(
                f"""
                SELECT id FROM (
                    SELECT DISTINCT ON (f.id) f.id, f.ftype, t.object AS title
                    FROM ({found}) AS f
                    LEFT JOIN ls_mdata t
                    ON t.gunid = f.gunid AND t.predns = 'dc' AND t.predicate = 'title'
                    ORDER BY f.id, t.id
                ) AS titled
                ORDER BY ftype, left(translate(lower(title), ' ', ''), 200) COLLATE "C", id
                LIMIT {PAGE} OFFSET {shape.offset}
                """,  # noqa: S608
                parameters,
            )
            return Answer(total, tuple(number for (number,) in cursor.fetchall()))


def _found(shape: Shape) -> tuple[str, list[Any]]:
    """The files that match: an intersection or a union of subselects."""
    files = "SELECT DISTINCT f.id, f.gunid, f.ftype FROM ls_files f"
    pieces = [_elements(*condition) for condition in shape.conditions]
    parameters = [parameter for _, given in pieces for parameter in given]
    if shape.operator == "or":
        union = " UNION ".join(text for text, _ in pieces)
        return f"{files} INNER JOIN ({union}) AS m ON m.gunid = f.gunid", parameters
    joins = (f"INNER JOIN ({t}) AS m{n} ON m{n}.gunid = f.gunid" for n, (t, _) in enumerate(pieces))
    return f"{files} {' '.join(joins)}", parameters


def _elements(category: str, operator: str, value: str) -> tuple[str, list[Any]]:
    """The ids of files with an element that compares so."""
    where = ["objns = '_L'"]
    parameters: list[Any] = []
    if category != "*":
        where.append("predns = %s AND predicate = %s")
        parameters += _split(category)
    if category == "ls:mtime":
        where.append(f"object::timestamptz {_OPERATORS[operator]} %s::timestamptz")
        parameters.append(value)
    elif operator in _OPERATORS:
        where.append(f'lower(object) COLLATE "C" {_OPERATORS[operator]} %s')
        parameters.append(fold(value))
    else:
        where.append("lower(object) LIKE %s")
        parameters.append(fold(value) + "%" if operator == "prefix" else f"%{fold(value)}%")
    return f"SELECT gunid FROM ls_mdata WHERE {' AND '.join(where)}", parameters  # noqa: S608


def _browsed(cursor: Any, shape: Shape) -> Answer:
    values = "SELECT DISTINCT object FROM ls_mdata m"
    parameters: list[Any] = []
    if shape.conditions:
        found, parameters = _found(shape)
        values += f" INNER JOIN ({found}) AS f ON f.gunid = m.gunid"
    values += " WHERE m.predns = %s AND m.predicate = %s"
    parameters += _split(shape.browsed)
    cursor.execute(f"SELECT count(*) FROM ({values}) AS found", parameters)  # noqa: S608
    (total,) = cursor.fetchone() or (0,)
    cursor.execute(
        f"""SELECT object FROM ({values}) AS found
            ORDER BY lower(object) COLLATE "C", object COLLATE "C" LIMIT {PAGE}""",  # noqa: S608
        parameters,
    )
    return Answer(total, tuple(text for (text,) in cursor.fetchall()))


def _split(category: str) -> tuple[str, str]:
    prefix, _, name = category.partition(":")
    return prefix, name
