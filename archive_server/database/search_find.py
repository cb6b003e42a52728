"""Finding a page of clips, and how many there are in all."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from psycopg2.extensions import cursor as Cursor

from archive_server.database.search_lookup import Found, categories_meant, find_condition
from archive_server.database.search_order import DEFAULT_ORDER, SORTED_COLUMNS, Sorting, sorting
from archive_server.database.search_rows import code_of, file_type_of
from archive_server.database.search_to_sql import (
    Meant,
    Sql,
    all_of,
    any_of,
    clips_called,
    is_of_type,
    source_of,
)
from archive_server.model.clips import FileType
from archive_server.model.gunid import Gunid
from archive_server.model.search import ANY, Criteria, Hit, Order, Page

# Up to that many matches are gathered and sorted without further thought.
_FEW = 1_000
# At least so far the index of an order is walked before giving it up.
_STRETCH = 1_000

_CODES = [code_of(file_type) for file_type in FileType]
# Orders for which the tables of texts have all that is needed
_ORDERS_OF_TEXTS = (
    DEFAULT_ORDER,
    "s.title_key, s.clip_id",
    "s.title_key DESC NULLS LAST, s.clip_id",
)
_NO_CATEGORY = Meant(ANY, ())


@dataclass(frozen=True, slots=True)
class _Matches:
    """What meets the criteria: how many, by type, and how to find them."""

    totals: Mapping[FileType, int]
    file_type: FileType | None
    conditions: tuple[Sql, ...]
    orders: tuple[tuple[Order, Meant], ...]

    @property
    def total(self) -> int:
        return sum(self.totals.values())

    @property
    def order(self) -> Sorting:
        return sorting(self.orders, few=self.total <= _FEW)


def find(cursor: Cursor, criteria: Criteria) -> Page:
    """The clips that meet the criteria. Raises BadCriteria for an unknown category."""
    matches = _match(cursor, criteria)
    left = max(0, matches.total - criteria.offset)
    wanted = min(left, criteria.limit or left)
    hits: tuple[Hit, ...] = ()
    for clip_ids in _roads(cursor, matches, criteria.offset + wanted) if wanted else ():
        hits = _hits(cursor, clip_ids, criteria)
        if len(hits) == wanted:
            break
    return Page(matches.total, matches.totals, hits)


def find_ids(cursor: Cursor, criteria: Criteria) -> Iterator[int]:
    """The numbers of the clips that `find` would give, in its order, and nothing else of them."""
    matches = _match(cursor, criteria)
    clip_ids = _gathered(matches)
    cursor.execute(
        f"{clip_ids.text} LIMIT %s OFFSET %s",
        (*clip_ids.parameters, criteria.limit or None, criteria.offset),
    )
    for (clip_id,) in cursor:
        yield clip_id


def _match(cursor: Cursor, criteria: Criteria) -> _Matches:
    asked = [condition.category for condition in criteria.conditions]
    meant = categories_meant(cursor, asked, [order.category for order in criteria.order_by])
    found = find_conditions(cursor, criteria, meant)
    known = [order for order in criteria.order_by if order.category in meant]
    return _Matches(
        _totals(cursor, criteria, found),
        criteria.file_type,
        tuple(_conditions(criteria, found)),
        tuple((order, meant[order.category]) for order in known),
    )


def _roads(cursor: Cursor, matches: _Matches, end: int) -> Iterator[Sql]:
    """Ways to the ids of the first `end` matches; one that falls short is followed by another.

    Common matches are met soon on a walk along the order: 25 of 100,000 among a million within a
    few hundred clips. But all of them may lie at the end of it, as what begins with "the" does in
    the order of titles. So the walk ends where gathering them would have cost as much.
    """
    if not matches.conditions:
        yield _walked(matches)
    elif matches.total <= _FEW:
        yield _gathered(matches)
    elif matches.order.joins.text:
        yield _walked(matches)
    else:
        expected = end * _everything(cursor, matches) // matches.total + 1
        longest = max(matches.total, _STRETCH)
        if 2 * expected <= longest:
            yield _walked(matches, min(8 * expected, longest))
        yield _gathered(matches)


def _everything(cursor: Cursor, matches: _Matches) -> int:
    """How many clips there are of the types that match."""
    types = [code_of(file_type) for file_type, n in matches.totals.items() if n]
    cursor.execute("SELECT sum(n) FROM search_count WHERE file_type = ANY (%s)", (types,))
    (number,) = cursor.fetchone() or (0,)
    return int(number or 0)


def find_conditions(
    cursor: Cursor, criteria: Criteria, meant: Mapping[str, Meant]
) -> Sequence[Found]:
    """What the archive has of the conditions."""
    return [
        find_condition(cursor, condition, meant.get(condition.category, _NO_CATEGORY))
        for condition in criteria.conditions
    ]


def where_clause(criteria: Criteria, found: Sequence[Found]) -> tuple[Sql, str, str]:
    """The condition that the criteria are, what FROM needs for it, and the alias of clips there."""
    conditions = _conditions(criteria, found)
    source, alias = source_of(conditions)
    return _where(criteria.file_type, conditions, alias), source, alias


def _where(file_type: FileType | None, conditions: Iterable[Sql], alias: str) -> Sql:
    """All conditions, where clips have this alias."""
    written = [clips_called(alias, condition) for condition in conditions]
    return all_of([*is_of_type(file_type, alias), *written])


def _conditions(criteria: Criteria, found: Sequence[Found]) -> list[Sql]:
    """Conditions of which all have to be met."""
    if criteria.match_any and found:
        return [any_of(each.test for each in found)]
    if len(found) == 1:
        return [any_of([found[0].test])]
    return [any_of([each.beside or each.test]) for each in found]


def _totals(cursor: Cursor, criteria: Criteria, found: Sequence[Found]) -> dict[FileType, int]:
    """How many clips match, by type; without counting them where that is known already."""
    if not found:
        cursor.execute("SELECT file_type, n FROM search_count")
    elif len(found) == 1 and found[0].only_value is not None:
        cursor.execute(
            "SELECT unnest(%s), unnest(ARRAY[n_audioclip, n_playlist, n_webstream]) "
            "FROM search_value WHERE value_id = %s",
            (_CODES, found[0].only_value),
        )
    else:
        where, source, alias = where_clause(criteria, found)
        # GROUP BY would look up a group for each clip: a quarter of the time, where all match.
        cursor.execute(
            "SELECT unnest(%s), unnest(ARRAY["  # noqa: S608
            f"count(*) FILTER (WHERE {alias}.file_type = 1), "
            f"count(*) FILTER (WHERE {alias}.file_type = 2), "
            f"count(*) FILTER (WHERE {alias}.file_type = 3)]) FROM {source} WHERE {where.text}",
            (_CODES, *where.parameters),
        )
    counted = {file_type_of(code): n for code, n in cursor.fetchall()}
    wanted = (criteria.file_type,) if criteria.file_type else tuple(FileType)
    return {each: counted.get(each, 0) if each in wanted else 0 for each in FileType}


def _gathered(matches: _Matches) -> Sql:
    """The ids of the matches in order: all matches first, then sorted."""
    source, alias = source_of(matches.conditions)
    order = matches.order
    if alias != "s" and order.terms.startswith(_ORDERS_OF_TEXTS):
        where = _where(matches.file_type, matches.conditions, alias)
        terms = order.terms.replace("s.", f"{alias}.")
        return Sql(
            f"SELECT {alias}.clip_id FROM {source} WHERE {where.text} ORDER BY {terms}",  # noqa: S608
            where.parameters,
        )
    source, where = _of_clips(matches)
    return Sql(
        f"WITH s AS MATERIALIZED (SELECT {SORTED_COLUMNS} FROM {source} "  # noqa: S608
        f"WHERE {where.text}) "
        f"SELECT s.clip_id FROM s {order.joins.text} ORDER BY {order.terms}",
        (*where.parameters, *order.joins.parameters),
    )


def _walked(matches: _Matches, stretch: int | None = None) -> Sql:
    """The ids of the matches in order, along its index; at most of so many clips at its start."""
    order = matches.order
    source, where = _of_clips(matches)
    parameters = (*order.joins.parameters, *where.parameters)
    if stretch is not None:
        of_type = all_of(is_of_type(matches.file_type))
        start = (
            f"(SELECT * FROM search_clip s WHERE {of_type.text} "  # noqa: S608
            f"ORDER BY {order.terms} LIMIT {stretch}) s"
        )
        source = source.replace("search_clip s", start, 1)
        parameters = (*of_type.parameters, *parameters)
    return Sql(
        f"SELECT s.clip_id FROM {source} {order.joins.text} "  # noqa: S608
        f"WHERE {where.text} ORDER BY {order.terms}",
        parameters,
    )


def _of_clips(matches: _Matches) -> tuple[str, Sql]:
    """What FROM needs for search_clip and the conditions, and these."""
    source, alias = source_of([*matches.conditions, Sql("TRUE")])
    return source, _where(matches.file_type, matches.conditions, alias)


def _hits(cursor: Cursor, clip_ids: Sql, criteria: Criteria) -> tuple[Hit, ...]:
    cursor.execute(
        f"""
        SELECT clip_id, gunid, file_type, h.title, h.creator, h.source, length, track_number
        FROM unnest(ARRAY({clip_ids.text} LIMIT %s OFFSET %s)) WITH ORDINALITY
             AS page (clip_id, place)
        JOIN search_clip USING (clip_id) JOIN search_shown h USING (clip_id)
        ORDER BY place
        """,  # noqa: S608
        (*clip_ids.parameters, criteria.limit or None, criteria.offset),
    )
    return tuple(
        Hit(clip_id, Gunid(gunid), file_type_of(code), *shown)
        for clip_id, gunid, code, *shown in cursor.fetchall()
    )
