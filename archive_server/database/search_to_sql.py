"""Conditions as SQL: pure.

The tables are called `s` (search_clip), `l` (search_link) and `v` (search_value) throughout.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
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


@dataclass(frozen=True, slots=True)
class Sql:
    """A piece of a statement and its parameters."""

    text: str
    parameters: tuple[Any, ...] = ()


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
    """A condition, as alternatives: of columns of `s`, and as a set of clip ids."""

    columns: tuple[Sql, ...] = ()
    clip_ids: tuple[Sql, ...] = ()


def column_tests(condition: Condition, meant: Meant, spread: frozenset[str]) -> dict[str, Sql]:
    """Conditions on columns of `s`, by the categories they cover.

    `spread`: the range categories of which some clip has several different values.
    """
    tests: dict[str, Sql] = {}
    for name, _ in meant.ids:
        if name in CORE_COLUMNS and condition.operator.is_textual:
            tests[name] = _like(f"s.{CORE_COLUMNS[name]}", condition, between=SEPARATOR)
        elif name in RANGE_COLUMNS and _is_decided_by_bounds(condition):
            tests[name] = _range_test(name, condition, name in spread)
    return tests


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


def clips_with_ids(value_ids: Sequence[int]) -> Sql:
    """The clips that have one of these values: a set of clip ids."""
    return Sql(
        "SELECT l.clip_id FROM search_link l WHERE l.value_id = ANY (%s)", (list(value_ids),)
    )


def has_value(value_ids: Sequence[int]) -> Sql:
    """A condition on `s`: one of these values."""
    return Sql("s.vals && %s::integer[]", (list(value_ids),)) if value_ids else Sql("FALSE")


def any_of(tests: Iterable[Test]) -> Sql:
    """A condition on `s`: any of these is true.

    Sets of clip ids are joined as sets, so that each of them is found by its best index.
    """
    tests = list(tests)
    columns = [sql for test in tests for sql in test.columns]
    sets = [sql for test in tests for sql in test.clip_ids]
    either = joined(" OR ", columns or [Sql("FALSE")])
    if not sets:
        return either
    if columns:
        by_columns = f"SELECT s.clip_id FROM search_clip s WHERE {either.text}"  # noqa: S608
        sets.insert(0, Sql(by_columns, either.parameters))
    union = " UNION ALL ".join(sql.text for sql in sets)
    return Sql(f"s.clip_id IN ({union})", parameters(sets))


def all_of(conditions: Sequence[Sql]) -> Sql:
    """A condition: all of these are true."""
    return joined(" AND ", conditions or [Sql("TRUE")])


def is_of_type(file_type: FileType | None) -> list[Sql]:
    """A condition on `s`, or none if all types are asked for."""
    return [] if file_type is None else [Sql("s.file_type = %s", (code_of(file_type),))]


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
        return Sql(f"{column}_low {operator.value} %s", (value,))
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
        return _like("v.folded", condition)
    if operator is Operator.PREFIX:
        start = Sql("left(v.folded, 64) LIKE %s", (_escaped(value[:START]) + "%",))
        return start if len(value) <= START else all_of([start, _like("v.folded", condition)])
    if len(value) < START:
        return Sql(f"left(v.folded, 64) {operator.value} %s", (value,))
    start_operator = {Operator.LESS: "<=", Operator.GREATER: ">="}.get(operator, operator.value)
    return all_of(
        [
            Sql(f"left(v.folded, 64) {start_operator} %s", (value[:START],)),
            Sql(f"v.folded {operator.value} %s", (value,)),
        ]
    )


def _like(column: str, condition: Condition, between: str = "") -> Sql:
    """`partial` or `prefix` of a text, or of one of several between separators."""
    value = _escaped(fold(condition.value))
    if condition.operator is Operator.PARTIAL:
        return Sql(f"{column} LIKE %s", (f"%{value}%",))
    return Sql(f"{column} LIKE %s", (f"%{between}{value}%" if between else f"{value}%",))


def _escaped(text: str) -> str:
    return text.replace("\\", r"\\").replace("%", r"\%").replace("_", r"\_")


def joined(operator: str, pieces: Sequence[Sql]) -> Sql:
    if len(pieces) == 1:
        return pieces[0]
    return Sql(operator.join(f"({piece.text})" for piece in pieces), parameters(pieces))


def parameters(pieces: Iterable[Sql]) -> tuple[Any, ...]:
    return tuple(parameter for piece in pieces for parameter in piece.parameters)
