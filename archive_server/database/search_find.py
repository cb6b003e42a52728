"""Finding a page of clips, and how many there are in all."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace

from psycopg2.extensions import cursor as Cursor

from archive_server.database.prepared import Prepared
from archive_server.database.reading import Reading, Statement, answered
from archive_server.database.search_lookup import Found, categories_meant, find_condition
from archive_server.database.search_rest import counted_by_the_rest, counted_by_type
from archive_server.database.search_roads import (
    Matches,
    conditions_of,
    counted_and_listed,
    gathered,
    page_of,
    roads,
    small,
)
from archive_server.database.search_rows import code_of, file_type_of
from archive_server.database.search_to_sql import Meant, Sql, any_of, clips_with_ids, source_of
from archive_server.database.search_words import Nearness
from archive_server.model.clips import FileType
from archive_server.model.gunid import Gunid
from archive_server.model.search import ANY, RELEVANCE, Criteria, Hit, Operator, Order, Page

# So often is a search begun again that others have overtaken.
_ATTEMPTS = 4

# In one statement with the search for their ids it would be planned anew each time: of a page of a
# small search PostgreSQL's 0.51 ms become 0.17.
_SHOWN = Prepared(
    "search_shown",
    ("integer[]",),
    """
    SELECT clip_id, gunid, file_type, h.title, h.creator, h.source, length, track_number
    FROM unnest($1) WITH ORDINALITY AS page (clip_id, place)
    JOIN search_clip USING (clip_id) JOIN search_shown h USING (clip_id)
    ORDER BY place
    """,
)

_CODES = [code_of(file_type) for file_type in FileType]
_NO_CATEGORY = Meant(ANY, ())


def find(cursor: Cursor, criteria: Criteria) -> Page:
    """The clips that meet the criteria. Raises BadCriteria for an unknown category."""
    return answered(cursor, finding(criteria))


def finding(criteria: Criteria) -> Reading[Page]:
    """What `find` gives.

    They are counted in one statement and listed in another, and others may commit between. Where
    the list tells of that, both are done again.
    """
    for _ in range(_ATTEMPTS):
        page, is_of_one_moment = yield from _finding(criteria)
        if is_of_one_moment:
            break
    return page


def _finding(criteria: Criteria) -> Reading[tuple[Page, bool]]:
    """A page; and whether it has as many as were counted."""
    matches, found = yield from _match(criteria)
    at_once = None
    if not _is_counted(found):
        at_once = yield from small(matches, criteria)
        if at_once is not None and at_once.hits is not None:
            return _page(at_once.totals, at_once.hits), True
        expected = None if at_once is None else at_once.number
        if counted := (yield from counted_and_listed(matches, criteria, expected)):
            by_type, listed = counted
            hits = yield from _shown(listed)
            return _page(by_type, hits), len(hits) == len(listed)
    if at_once is not None and at_once.totals:
        totals = _by_type(at_once.totals)
    else:
        totals = yield from _totals(criteria, found)
    matches = replace(matches, totals=totals)
    left = max(0, matches.total - criteria.offset)
    wanted = min(left, criteria.limit or left)
    hits = ()
    for road in roads(matches, criteria, wanted) if wanted else ():
        clip_ids = yield from road
        if clip_ids is not None:
            hits = yield from _shown(clip_ids)
        if len(hits) == wanted:
            break
    return Page(matches.total, matches.totals, hits), len(hits) == wanted


def _page(totals: Sequence[int], hits: tuple[Hit, ...]) -> Page:
    return Page(sum(totals), _by_type(totals), hits)


def _by_type(totals: Sequence[int]) -> dict[FileType, int]:
    return dict(zip(FileType, totals, strict=True))


def find_ids(cursor: Cursor, criteria: Criteria) -> Iterator[int]:
    """The numbers of the clips that `find` would give, in its order, and nothing else of them."""
    matches = answered(cursor, _counted(criteria))
    clip_ids = page_of(gathered(matches), criteria)
    cursor.execute(clip_ids.text, clip_ids.parameters)
    for (clip_id,) in cursor:
        yield clip_id


def _counted(criteria: Criteria) -> Reading[Matches]:
    matches, found = yield from _match(criteria)
    return replace(matches, totals=(yield from _totals(criteria, found)))


def _match(criteria: Criteria) -> Reading[tuple[Matches, Sequence[Found]]]:
    """What meets the criteria, not counted yet."""
    asked = [condition.category for condition in criteria.conditions]
    sorted_by: dict[str, Meant | Nearness] = {}
    if words := criteria.words:
        sorted_by[RELEVANCE] = Nearness(words, criteria.match_any)
    orders = [order.category for order in criteria.orders if order.category not in sorted_by]
    meant = yield from categories_meant(asked, orders)
    found = yield from find_conditions(criteria, meant)
    sorted_by = {**meant, **sorted_by}
    conditions = tuple(_conditions(criteria, found))
    matches = Matches(
        dict.fromkeys(FileType, 0),
        criteria.file_type,
        conditions,
        tuple((o, sorted_by[o.category]) for o in criteria.orders if o.category in sorted_by),
        tuple(_parts(criteria, conditions)),
        found[0].values if len(found) == 1 else (),
    )
    return matches, found


def _is_counted(found: Sequence[Found]) -> bool:
    """Whether the dictionary, or an index of it, knows how many match."""
    return len(found) == 1 and (found[0].only_value is not None or bool(found[0].values))


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


def find_conditions(
    criteria: Criteria, meant: Mapping[str, Meant], *, for_values: bool = False
) -> Reading[Sequence[Found]]:
    """What the archive has of the conditions; `for_values`: no page is wanted of the matches."""
    for_values = for_values and len(criteria.conditions) == 1
    found = []
    for condition in criteria.conditions:
        meant_by_it = meant.get(condition.category, _NO_CATEGORY)
        found.append((yield from find_condition(condition, meant_by_it, for_values=for_values)))
    return found


def clips_met(criteria: Criteria, found: Sequence[Found]) -> Sql:
    """The clips that meet the criteria: a set of clip ids."""
    if len(found) == 1 and (value_ids := found[0].listed or found[0].values):
        # An index has them: of 11,700 clips 1 ms of a processor; their rows take 15.
        return clips_with_ids(value_ids, criteria.file_type)
    where, source, alias = _where_clause(criteria, found)
    return Sql(f"SELECT {alias}.clip_id FROM {source} WHERE {where.text}", where.parameters)  # noqa: S608


def _where_clause(criteria: Criteria, found: Sequence[Found]) -> tuple[Sql, str, str]:
    """The condition that the criteria are, what FROM needs for it, and the alias of clips there."""
    conditions = _conditions(criteria, found)
    source, alias = source_of(conditions)
    return conditions_of(criteria.file_type, conditions, alias), source, alias


def _conditions(criteria: Criteria, found: Sequence[Found]) -> list[Sql]:
    """Conditions of which all have to be met."""
    if criteria.match_any and found:
        return [any_of(each.test for each in found)]
    if len(found) == 1:
        return [any_of([found[0].test])]
    return [any_of([each.beside]) for each in found]


def _totals(criteria: Criteria, found: Sequence[Found]) -> Reading[dict[FileType, int]]:
    """How many clips match, by type; without counting them where that is known already."""
    if not found:
        rows = yield Statement("SELECT file_type, n FROM search_count")
    elif len(found) == 1 and found[0].only_value is not None:
        rows = yield Statement(
            "SELECT unnest(%s), unnest(ARRAY[n_audioclip, n_playlist, n_webstream]) "
            "FROM search_value WHERE value_id = %s",
            (_CODES, found[0].only_value),
        )
    elif len(found) == 1 and found[0].values:
        # Of 8,500 clips of 250 creators 3 ms of a processor; from the rows of the clips it is 28.
        counts = ", ".join(
            f"count(DISTINCT l.clip_id) FILTER (WHERE l.file_type = {code})" for code in _CODES
        )
        rows = yield Statement(
            f"SELECT unnest(%s), unnest(ARRAY[{counts}]) "  # noqa: S608
            "FROM search_link l WHERE l.value_id = ANY (%s)",
            (_CODES, list(found[0].values)),
        )
    else:
        counted_by_code = yield from counted_by_the_rest(_conditions(criteria, found))
        if counted_by_code is None:
            where, source, alias = _where_clause(criteria, found)
            (counted_by_code,) = yield Statement(
                f"SELECT {counted_by_type(alias)} FROM {source} WHERE {where.text}",  # noqa: S608
                where.parameters,
            )
        rows = list(zip(_CODES, counted_by_code, strict=True))
    counted = {file_type_of(code): n for code, n in rows}
    wanted = (criteria.file_type,) if criteria.file_type else tuple(FileType)
    return {each: counted.get(each, 0) if each in wanted else 0 for each in FileType}


def _shown(clip_ids: Sequence[int]) -> Reading[tuple[Hit, ...]]:
    """What is shown of clips; of one that has just gone, nothing."""
    shown = (yield Statement.of(_SHOWN, list(clip_ids))) if clip_ids else []
    return tuple(
        Hit(clip_id, Gunid(gunid), file_type_of(code), *texts)
        for clip_id, gunid, code, *texts in shown
    )
