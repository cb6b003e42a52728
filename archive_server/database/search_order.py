"""The order of hits as SQL: pure.

The tables are called as in `search_to_sql`. What is sorted by is `sort_key` of the first value of
a clip; where a range category is meant, with or without its prefix, it is the least value: the
first point in time, or the least folded text, cut. What else the archive knows changes nothing.
Ties are broken by the clip's number, so that there is one order only.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from archive_server.database.search_rows import CORE_COLUMNS, RANGE_COLUMNS, START
from archive_server.database.search_to_sql import Meant, Sql, parameters
from archive_server.database.search_words import Nearness
from archive_server.model.categories import is_meant
from archive_server.model.folding import WHITE_SPACE
from archive_server.model.search import Order

DEFAULT_ORDER = "s.file_type, s.title_key, s.clip_id"
SORTED_COLUMNS = "s.clip_id, s.file_type, s.title_key, s.creator_key, s.source_key, " + ", ".join(
    f"s.{column}_low" for column in RANGE_COLUMNS.values()
)


@dataclass(frozen=True, slots=True)
class Sorting:
    """Joins that provide what is sorted by, and the terms of ORDER BY."""

    joins: Sql
    terms: str


def sorting(order_by: Sequence[tuple[Order, Meant | Nearness]], *, few: bool) -> Sorting:
    """How hits are sorted; `few` hits look up their values one by one."""
    if not order_by:
        return Sorting(Sql(""), DEFAULT_ORDER)
    joins: list[Sql] = []
    terms: list[str] = []
    for number, (order, by) in enumerate(order_by):
        if isinstance(by, Nearness):
            joins.append(by.ranks(f"k{number}"))
            terms.append(f"k{number}.rank" + (" DESC" if order.descending else ""))
        elif by.ids:
            column, join = _sorted_by(f"k{number}", by, few=few)
            joins += join
            terms.append(column + _direction(column, order))
    if isinstance(order_by[-1][1], Nearness):
        terms.append("s.title_key")
    terms.append("s.clip_id DESC" if order_by[-1][0].descending else "s.clip_id")
    return Sorting(Sql(" ".join(join.text for join in joins), parameters(joins)), ", ".join(terms))


def _direction(column: str, order: Order) -> str:
    if not order.descending:
        return ""
    # An index read backwards would put NULLs first; ls:mtime is never NULL.
    return " DESC" if column == "s.mtime_low" else " DESC NULLS LAST"


def _sorted_by(alias: str, meant: Meant, *, few: bool) -> tuple[str, list[Sql]]:
    """The column that is sorted by, and the join that provides it, if it needs one."""
    for name, column in RANGE_COLUMNS.items():
        if is_meant(meant.category, name):
            return _least(alias, f"s.{column}_low", meant.without([name]), few=few)
    names = [name for name, _ in meant.ids]
    if len(names) == 1 and names[0] in CORE_COLUMNS:
        return f"s.{CORE_COLUMNS[names[0]]}_key", []
    return f"{alias}.key", [_first_value(alias, meant, few=few)]


def _least(alias: str, column: str, others: Meant, *, few: bool) -> tuple[str, list[Sql]]:
    """The least value of a range category, or of others that share its name."""
    if not others.ids:
        return column, []
    is_instant = column == f"s.{RANGE_COLUMNS['ls:mtime']}_low"
    key = "min(v.instant) AS key" if is_instant else f"min(left(v.folded, {START})) AS key"
    links, ids = _links(others)
    # LEAST ignores NULLs.
    term = f"LEAST({column}, {alias}.key)"
    if few:
        return term, [_each(alias, Sql(f"SELECT {key} {links} AND l.clip_id = s.clip_id", ids))]
    return term, [_all(alias, Sql(f"SELECT l.clip_id, {key} {links} GROUP BY l.clip_id", ids))]


def _first_value(alias: str, meant: Meant, *, few: bool) -> Sql:
    """The first value of each clip, from the dictionary."""
    key = "left(translate(v.folded, %s, ''), 200) AS key"
    links, ids = _links(meant)
    found = (WHITE_SPACE, *ids)
    if few:
        ordered = "AND l.clip_id = s.clip_id ORDER BY l.ord LIMIT 1"
        return _each(alias, Sql(f"SELECT {key} {links} {ordered}", found))
    first = f"SELECT DISTINCT ON (l.clip_id) l.clip_id, {key}"
    return _all(alias, Sql(f"{first} {links} ORDER BY l.clip_id, l.ord", found))


def _links(meant: Meant) -> tuple[str, tuple[list[int], ...]]:
    ids = [category_id for _, category_id in meant.ids]
    return (
        "FROM search_link l JOIN search_value v USING (value_id) "
        "WHERE l.category_id = ANY (%s) AND v.category_id = ANY (%s)"
    ), (ids, ids)


def _each(alias: str, key: Sql) -> Sql:
    """Keys that are looked up clip by clip."""
    return Sql(f"LEFT JOIN LATERAL ({key.text}) {alias} ON TRUE", key.parameters)


def _all(alias: str, keys: Sql) -> Sql:
    """The keys of all clips at once."""
    return Sql(f"LEFT JOIN ({keys.text}) {alias} ON {alias}.clip_id = s.clip_id", keys.parameters)
