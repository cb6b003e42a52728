"""The order of hits as SQL: pure.

The tables are called as in `search_to_sql`. What is sorted by is `sort_key` of the first value of
a clip; in range categories it is the least value, folded.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from archive_server.database.search_rows import CORE_COLUMNS, RANGE_COLUMNS
from archive_server.database.search_to_sql import Meant, Sql, parameters
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


def sorting(order_by: Sequence[tuple[Order, Meant]], *, few: bool) -> Sorting:
    """How hits are sorted; `few` hits look up their values one by one."""
    if not order_by:
        return Sorting(Sql(""), DEFAULT_ORDER)
    joins: list[Sql] = []
    terms: list[str] = []
    for number, (order, meant) in enumerate(order_by):
        column = _sorted_column(meant)
        if column is None and meant.ids:
            column = f"k{number}.key"
            joins.append(_key_join(f"k{number}", meant, few=few))
        if column is not None:
            terms.append(column + _direction(column, order))
    terms.append("s.clip_id DESC" if order_by[-1][0].descending else "s.clip_id")
    return Sorting(Sql(" ".join(join.text for join in joins), parameters(joins)), ", ".join(terms))


def _direction(column: str, order: Order) -> str:
    if not order.descending:
        return ""
    # An index read backwards would put NULLs first; ls:mtime is never NULL.
    return " DESC" if column == "s.mtime_low" else " DESC NULLS LAST"


def _sorted_column(meant: Meant) -> str | None:
    names = [name for name, _ in meant.ids]
    if len(names) == 1 and names[0] in CORE_COLUMNS:
        return f"s.{CORE_COLUMNS[names[0]]}_key"
    if len(names) == 1 and names[0] in RANGE_COLUMNS:
        return f"s.{RANGE_COLUMNS[names[0]]}_low"
    return None


def _key_join(alias: str, meant: Meant, *, few: bool) -> Sql:
    """The first value of each clip, from the dictionary."""
    ids = [category_id for _, category_id in meant.ids]
    key = "left(translate(v.folded, %s, ''), 200) AS key"
    links = (
        "FROM search_link l JOIN search_value v USING (value_id) "
        "WHERE l.category_id = ANY (%s) AND v.category_id = ANY (%s)"
    )
    if few:
        return Sql(
            f"LEFT JOIN LATERAL (SELECT {key} {links} AND l.clip_id = s.clip_id "
            f"ORDER BY l.ord LIMIT 1) {alias} ON TRUE",
            (WHITE_SPACE, ids, ids),
        )
    return Sql(
        f"LEFT JOIN (SELECT DISTINCT ON (l.clip_id) l.clip_id, {key} {links} "
        f"ORDER BY l.clip_id, l.ord) {alias} ON {alias}.clip_id = s.clip_id",
        (WHITE_SPACE, ids, ids),
    )
