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
from archive_server.database.search_words import Nearness
from archive_server.model.clips import FileType
from archive_server.model.gunid import Gunid
from archive_server.model.search import ANY, RELEVANCE, Criteria, Hit, Operator, Order, Page

# Up to that many matches are gathered and sorted without further thought.
_FEW = 1_000
# At least so far the index of an order is walked before giving it up.
_STRETCH = 1_000
# So often is a search begun again that others have overtaken.
_ATTEMPTS = 4

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
    orders: tuple[tuple[Order, Meant | Nearness], ...]
    parts: tuple[tuple[Sql, ...], ...]  # conditions that part them by relevance, where they do

    @property
    def total(self) -> int:
        return sum(self.totals.values())

    @property
    def order(self) -> Sorting:
        return sorting(self.orders, few=self.total <= _FEW)


def find(cursor: Cursor, criteria: Criteria) -> Page:
    """The clips that meet the criteria. Raises BadCriteria for an unknown category.

    They are counted in one statement and listed in another, and others may commit between. Where
    the list tells of that, both are done again.
    """
    for _ in range(_ATTEMPTS):
        page, is_of_one_moment = _find(cursor, criteria)
        if is_of_one_moment:
            break
    return page


def _find(cursor: Cursor, criteria: Criteria) -> tuple[Page, bool]:
    """A page; and whether it has as many as were counted."""
    matches = _match(cursor, criteria)
    left = max(0, matches.total - criteria.offset)
    wanted = min(left, criteria.limit or left)
    hits: tuple[Hit, ...] = ()
    for clip_ids in _roads(cursor, matches, criteria, wanted) if wanted else ():
        hits = _hits(cursor, clip_ids)
        if len(hits) == wanted:
            break
    return Page(matches.total, matches.totals, hits), len(hits) == wanted


def find_ids(cursor: Cursor, criteria: Criteria) -> Iterator[int]:
    """The numbers of the clips that `find` would give, in its order, and nothing else of them."""
    matches = _match(cursor, criteria)
    clip_ids = _page_of(_gathered(matches), criteria)
    cursor.execute(clip_ids.text, clip_ids.parameters)
    for (clip_id,) in cursor:
        yield clip_id


def _match(cursor: Cursor, criteria: Criteria) -> _Matches:
    asked = [condition.category for condition in criteria.conditions]
    meant = categories_meant(cursor, asked, [order.category for order in criteria.orders])
    found = find_conditions(cursor, criteria, meant)
    sorted_by: dict[str, Meant | Nearness] = dict(meant)
    if words := criteria.words:
        sorted_by[RELEVANCE] = Nearness(words, criteria.match_any)
    conditions = tuple(_conditions(criteria, found))
    return _Matches(
        _totals(cursor, criteria, found),
        criteria.file_type,
        conditions,
        tuple((o, sorted_by[o.category]) for o in criteria.orders if o.category in sorted_by),
        tuple(_parts(criteria, conditions)),
    )


def _parts(criteria: Criteria, conditions: Iterable[Sql]) -> Iterator[tuple[Sql, ...]]:
    """Conditions that part the matches by their relevance, the nearest first.

    None, if something else is sorted by, or if clips match that have none of the words.
    """
    has_others = criteria.match_any and len(criteria.conditions) > len(criteria.words)
    if criteria.orders != (Order(RELEVANCE),) or not criteria.words or has_others:
        return
    others = [
        sql
        for condition, sql in zip(criteria.conditions, conditions, strict=False)
        if condition.operator is not Operator.WORDS
    ]
    for test in Nearness(criteria.words, criteria.match_any).tests():
        yield (test, *others)


def _roads(cursor: Cursor, matches: _Matches, criteria: Criteria, wanted: int) -> Iterator[Sql]:
    """Ways to the ids of the `wanted` matches; one that falls short is followed by another.

    Common matches are met soon on a walk along the order: 25 of 100,000 among a million within a
    few hundred clips. But all of them may lie at the end of it, as what begins with "the" does in
    the order of titles. So the walk ends where gathering them would have cost as much.
    """
    if not matches.conditions:
        yield _page_of(_walked(matches), criteria)
    elif matches.total <= _FEW:
        yield _page_of(_gathered(matches), criteria)
    elif matches.parts:
        yield _part_by_part(cursor, matches, criteria.offset, wanted)
    elif matches.order.joins.text:
        yield _page_of(_walked(matches), criteria)
    else:
        end = criteria.offset + wanted
        expected = end * _everything(cursor, matches) // matches.total + 1
        longest = max(matches.total, _STRETCH)
        if 2 * expected <= longest:
            yield _page_of(_walked(matches, min(8 * expected, longest)), criteria)
        yield _page_of(_gathered(matches), criteria)


def _part_by_part(cursor: Cursor, matches: _Matches, offset: int, wanted: int) -> Sql:
    """The ids of this page of matches by relevance: the rank of most need not be found out."""
    clip_ids: list[int] = []
    for conditions in matches.parts:
        source, alias = source_of(conditions)
        where = _where(matches.file_type, conditions, alias)
        cursor.execute(
            f"WITH part AS MATERIALIZED (SELECT {alias}.title_key, {alias}.clip_id "  # noqa: S608
            f"FROM {source} WHERE {where.text}) "
            "SELECT (SELECT count(*) FROM part), "
            "ARRAY(SELECT clip_id FROM part ORDER BY title_key, clip_id LIMIT %s OFFSET %s)",
            (*where.parameters, wanted - len(clip_ids), offset),
        )
        number, found = cursor.fetchone() or (0, [])
        clip_ids += found
        offset = max(0, offset - number)
        if len(clip_ids) == wanted:
            break
    return Sql("SELECT unnest(%s::integer[])", (clip_ids,))


def _page_of(clip_ids: Sql, criteria: Criteria) -> Sql:
    return Sql(
        f"{clip_ids.text} LIMIT %s OFFSET %s",
        (*clip_ids.parameters, criteria.limit or None, criteria.offset),
    )


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


def _hits(cursor: Cursor, clip_ids: Sql) -> tuple[Hit, ...]:
    cursor.execute(
        f"""
        SELECT clip_id, gunid, file_type, h.title, h.creator, h.source, length, track_number
        FROM unnest(ARRAY({clip_ids.text})) WITH ORDINALITY AS page (clip_id, place)
        JOIN search_clip USING (clip_id) JOIN search_shown h USING (clip_id)
        ORDER BY place
        """,  # noqa: S608
        clip_ids.parameters,
    )
    return tuple(
        Hit(clip_id, Gunid(gunid), file_type_of(code), *shown)
        for clip_id, gunid, code, *shown in cursor.fetchall()
    )
