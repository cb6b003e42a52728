"""Conditions as SQL: pure.

The tables are called `s` (search_clip), `t` (search_text), `a` (search_any), `w` (search_words),
`l` (search_link) and `v` (search_value) throughout.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from archive_server.database.search_rows import (
    CORE_COLUMNS,
    RANGE_COLUMNS,
    SEPARATOR,
    START,
    code_of,
)
from archive_server.model.clips import FileType
from archive_server.model.folding import fold
from archive_server.model.instants import find_instant
from archive_server.model.search import Condition, Operator

# What has one row a clip, with its type. The first that a search needs is what it begins with.
TABLES = {"s": "search_clip", "t": "search_text", "a": "search_any", "w": "search_words"}

_OPPOSITES = {
    Operator.LESS: ">=",
    Operator.LESS_OR_EQUAL: ">",
    Operator.GREATER: "<=",
    Operator.GREATER_OR_EQUAL: "<",
}


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of a statement and its parameters.

    `tables`: which of TABLES a condition is about. Of one about none of them, the first word is the
    clip's id, which all of them have.

    `otherwise`: of a bound, the conditions of which a clip meets one if it fails that.
    """

    text: str
    parameters: tuple[Any, ...] = ()
    tables: frozenset[str] = frozenset({"s"})
    otherwise: tuple["Sql", ...] = field(default=(), compare=False)  # the text says as much


@dataclass(frozen=True, slots=True)
class Meant:
    """What the archive has of an asked category: names and ids of the categories meant."""

    category: str
    ids: tuple[tuple[str, int], ...]

    def without(self, names: Iterable[str]) -> "Meant":
        """The same without the categories of these names."""
        left_out = set(names)
        return Meant(self.category, tuple(each for each in self.ids if each[0] not in left_out))


@dataclass(frozen=True, slots=True)
class Test:
    """A condition, as alternatives: of columns of a table, and as a set of clip ids."""

    columns: tuple[Sql, ...] = ()
    clip_ids: tuple[Sql, ...] = ()


def column_tests(condition: Condition, meant: Meant, spread: frozenset[str]) -> dict[str, Sql]:
    """Conditions on columns of `s` or `t`, by the categories they cover.

    `spread`: the range categories of which some clip has several different values.
    """
    tests: dict[str, Sql] = {}
    for name, _ in meant.ids:
        if name in CORE_COLUMNS and condition.operator.is_textual:
            tests[name] = _like("t", CORE_COLUMNS[name], condition, between=SEPARATOR)
        elif name in RANGE_COLUMNS and _is_decided_by_bounds(condition):
            tests[name] = _range_test(name, condition, name in spread)
    return tests


def any_test(condition: Condition) -> Sql:
    """A condition on `a`: some text of the clip, whatever its category."""
    return _like("a", "folded", condition, between=SEPARATOR)


def value_test(condition: Condition, meant: Meant) -> Sql:
    """The values of the dictionary that satisfy a condition: a condition on `v`."""
    ids = [category_id for _, category_id in meant.ids]
    category = (
        Sql("v.category_id = ANY (%s)", (ids,))
        if len(ids) != 1
        else Sql("v.category_id = %s", (ids[0],))
    )
    return all_of([category, _value_compares(condition)])


def clips_with_values(values: Sql) -> Sql:
    """The clips that have such a value: a set of clip ids."""
    return Sql(
        "SELECT l.clip_id FROM search_value v JOIN search_link l USING (value_id) "  # noqa: S608
        f"WHERE {values.text}",
        values.parameters,
    )


def clips_with_ids(value_ids: Sequence[int], file_type: FileType | None = None) -> Sql:
    """The clips that have one of these values: a set of clip ids."""
    has_one = Sql("l.value_id = ANY (%s)", (list(value_ids),))
    where = all_of([has_one, *is_of_type(file_type, "l")])
    return Sql(f"SELECT l.clip_id FROM search_link l WHERE {where.text}", where.parameters)  # noqa: S608


def has_value(value_ids: Sequence[int]) -> Sql:
    """A condition on `s`: one of these values."""
    return Sql("s.vals && %s::integer[]", (list(value_ids),)) if value_ids else Sql("FALSE")


def any_of(tests: Iterable[Test]) -> Sql:
    """A condition: any of these is true.

    Sets of clip ids are joined as sets, so that each of them is found by its best index; and so are
    conditions on different tables.
    """
    tests = list(tests)
    by_tables: dict[frozenset[str], list[Sql]] = {}
    for sql in (sql for test in tests for sql in test.columns):
        by_tables.setdefault(sql.tables, []).append(sql)
    columns = [joined(" OR ", each) for each in by_tables.values()]
    sets = [sql for test in tests for sql in test.clip_ids]
    if not sets and len(columns) <= 1:
        return columns[0] if columns else Sql("FALSE")
    sets = [*map(_clips_that, columns), *sets]
    union = " UNION ALL ".join(sql.text for sql in sets)
    return Sql(f"s.clip_id IN ({union})", parameters(sets), frozenset())


def _clips_that(condition: Sql) -> Sql:
    """The clips that meet a condition on one table: a set of clip ids."""
    (alias,) = condition.tables
    return Sql(
        f"SELECT {alias}.clip_id FROM {TABLES[alias]} {alias} WHERE {condition.text}",  # noqa: S608
        condition.parameters,
    )


def source_of(conditions: Iterable[Sql]) -> tuple[str, str]:
    """What FROM needs for conditions, and the alias that clips and their types have there."""
    needed = frozenset[str]().union(*(condition.tables for condition in conditions))
    first, *rest = [alias for alias in TABLES if alias in needed] or ["s"]
    joins = (f" JOIN {TABLES[alias]} {alias} USING (clip_id)" for alias in rest)
    return f"{TABLES[first]} {first}{''.join(joins)}", first


def clips_called(alias: str, condition: Sql) -> Sql:
    """A condition, where clips have this alias."""
    if condition.tables:
        return condition
    return Sql(f"{alias}{condition.text.removeprefix('s')}", condition.parameters)


def all_of(conditions: Sequence[Sql]) -> Sql:
    """A condition: all of these are true."""
    return joined(" AND ", conditions or [Sql("TRUE")])


def is_of_type(file_type: FileType | None, alias: str = "s") -> list[Sql]:
    """A condition on a table of one row a clip, or none if all types are asked for."""
    if file_type is None:
        return []
    return [Sql(f"{alias}.file_type = %s", (code_of(file_type),), frozenset({alias}))]


def _is_decided_by_bounds(condition: Condition) -> bool:
    """Whether the least and the greatest value, cut to 64 characters, decide a condition."""
    if condition.operator.is_textual or condition.operator is Operator.FULL:
        return False
    return condition.compares_instants or len(fold(condition.value)) < START


def _range_test(name: str, condition: Condition, is_spread: bool) -> Sql:
    column = f"s.{RANGE_COLUMNS[name]}"
    operator = condition.operator
    value = find_instant(condition.value) if condition.compares_instants else fold(condition.value)
    if operator in (Operator.LESS, Operator.LESS_OR_EQUAL) or not is_spread:
        low = f"{column}_low"
        otherwise = (Sql(f"{low} {_OPPOSITES[operator]} %s", (value,)), Sql(f"{low} IS NULL"))
        return Sql(f"{low} {operator.value} %s", (value,), otherwise=otherwise)
    # Nearly always the least value decides, by its index; the others are in a small index.
    return Sql(
        f"({column}_low {operator.value} %s OR "
        f"({column}_low <> {column}_high AND {column}_high {operator.value} %s))",
        (value, value),
    )


def _value_compares(condition: Condition) -> Sql:
    operator = condition.operator
    value = fold(condition.value)
    if condition.compares_instants:
        instant = find_instant(condition.value)
        return Sql(f"v.instant {operator.value} %s", (instant,))
    if operator is Operator.PARTIAL:
        return _like("v", "folded", condition)
    if operator is Operator.PREFIX:
        start = Sql("left(v.folded, 64) LIKE %s", (_escaped(value[:START]) + "%",))
        return start if len(value) <= START else all_of([start, _like("v", "folded", condition)])
    if len(value) < START:
        return Sql(f"left(v.folded, 64) {operator.value} %s", (value,))
    start_operator = {Operator.LESS: "<=", Operator.GREATER: ">="}.get(operator, operator.value)
    return all_of(
        [
            Sql(f"left(v.folded, 64) {start_operator} %s", (value[:START],)),
            Sql(f"v.folded {operator.value} %s", (value,)),
        ]
    )


def _like(alias: str, column: str, condition: Condition, between: str = "") -> Sql:
    """What is in a text, or begins or is the whole of it, or of one of several between separators.

    Of a text by itself, the whole is not for LIKE.
    """
    value = _escaped(fold(condition.value))
    before, after = {
        Operator.PARTIAL: ("%", "%"),
        Operator.PREFIX: (f"%{between}" if between else "", "%"),
        Operator.FULL: (f"%{between}", f"{between}%"),
    }[condition.operator]
    return Sql(f"{alias}.{column} LIKE %s", (f"{before}{value}{after}",), frozenset({alias}))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def joined(operator: str, pieces: Sequence[Sql]) -> Sql:
    if len(pieces) == 1:
        return pieces[0]
    text = operator.join(f"({piece.text})" for piece in pieces)
    return Sql(text, parameters(pieces), frozenset().union(*(piece.tables for piece in pieces)))


def parameters(pieces: Iterable[Sql]) -> tuple[Any, ...]:
    return tuple(parameter for piece in pieces for parameter in piece.parameters)
