"""Finding a page of clips, and how many there are in all."""

from collections.abc import Iterator, Mapping, Sequence

from psycopg2.extensions import cursor as Cursor

from archive_server.database.search_lookup import Found, categories_meant, find_condition
from archive_server.database.search_order import SORTED_COLUMNS, Sorting, sorting
from archive_server.database.search_rows import code_of, file_type_of
from archive_server.database.search_to_sql import Meant, Sql, all_of, any_of, is_of_type
from archive_server.model.clips import FileType
from archive_server.model.gunid import Gunid
from archive_server.model.search import Criteria, Hit, Page

# Up to that many matches are gathered and sorted; for more, the order's index is walked.
_FEW = 20_000


def find(cursor: Cursor, criteria: Criteria) -> Page:
    """The clips that meet the criteria. Raises BadCriteria for an unknown category."""
    totals, clip_ids = _found(cursor, criteria)
    total = sum(totals.values())
    if clip_ids is None:
        return Page(total, totals, ())
    return Page(total, totals, _hits(cursor, clip_ids, criteria))


def find_ids(cursor: Cursor, criteria: Criteria) -> Iterator[int]:
    """The numbers of the clips that `find` would give, in its order, and nothing else of them."""
    _, clip_ids = _found(cursor, criteria)
    if clip_ids is not None:
        cursor.execute(
            f"{clip_ids.text} LIMIT %s OFFSET %s",
            (*clip_ids.parameters, criteria.limit or None, criteria.offset),
        )
        for (clip_id,) in cursor:
            yield clip_id


def _found(cursor: Cursor, criteria: Criteria) -> tuple[dict[FileType, int], Sql | None]:
    """How many clips match, by type, and what selects their ids; None if the page is empty."""
    asked = [condition.category for condition in criteria.conditions]
    meant = categories_meant(cursor, asked, [order.category for order in criteria.order_by])
    found = find_conditions(cursor, criteria, meant)
    where = where_clause(criteria, found)
    totals = _totals(cursor, criteria, found, where)
    total = sum(totals.values())
    if criteria.offset >= total:
        return totals, None
    is_few = total <= _FEW
    known = [order for order in criteria.order_by if order.category in meant]
    order = sorting([(order, meant[order.category]) for order in known], few=is_few)
    return totals, _gathered(where, order) if is_few else _walked(where, order)


def find_conditions(
    cursor: Cursor, criteria: Criteria, meant: Mapping[str, Meant]
) -> Sequence[Found]:
    """What the archive has of the conditions."""
    return [
        find_condition(cursor, condition, meant[condition.category])
        for condition in criteria.conditions
    ]


def where_clause(criteria: Criteria, found: Sequence[Found]) -> Sql:
    """The condition on `s` that the criteria are."""
    tests = [each.test for each in found]
    if criteria.match_any and tests:
        conditions = [any_of(tests)]
    else:
        conditions = [any_of([test]) for test in tests]
    return all_of([*is_of_type(criteria.file_type), *conditions])


def _totals(
    cursor: Cursor, criteria: Criteria, found: Sequence[Found], where: Sql
) -> dict[FileType, int]:
    """How many clips match, by type; without counting them where that is known already."""
    if not found:
        cursor.execute("SELECT file_type, n FROM search_count")
    elif len(found) == 1 and found[0].only_value is not None:
        types = [code_of(file_type) for file_type in FileType]
        cursor.execute(
            "SELECT unnest(%s), unnest(ARRAY[n_audioclip, n_playlist, n_webstream]) "
            "FROM search_value WHERE value_id = %s",
            (types, found[0].only_value),
        )
    else:
        cursor.execute(
            "SELECT s.file_type, count(*) FROM search_clip s "  # noqa: S608
            f"WHERE {where.text} GROUP BY s.file_type",
            where.parameters,
        )
    counted = {file_type_of(code): n for code, n in cursor.fetchall()}
    wanted = (criteria.file_type,) if criteria.file_type else tuple(FileType)
    return {each: counted.get(each, 0) if each in wanted else 0 for each in FileType}


def _gathered(where: Sql, order: Sorting) -> Sql:
    """The ids of the matches in order: all matches first, then sorted."""
    return Sql(
        f"WITH s AS MATERIALIZED (SELECT {SORTED_COLUMNS} FROM search_clip s "  # noqa: S608
        f"WHERE {where.text}) "
        f"SELECT s.clip_id FROM s {order.joins.text} ORDER BY {order.terms}",
        (*where.parameters, *order.joins.parameters),
    )


def _walked(where: Sql, order: Sorting) -> Sql:
    """The ids of the matches in order, as the planner likes it: most often along an index."""
    return Sql(
        f"SELECT s.clip_id FROM search_clip s {order.joins.text} "  # noqa: S608
        f"WHERE {where.text} ORDER BY {order.terms}",
        (*order.joins.parameters, *where.parameters),
    )


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
