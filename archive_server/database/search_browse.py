"""Browsing: the distinct values of a category."""

from psycopg2.extensions import cursor as Cursor

from archive_server.database.reading import answered
from archive_server.database.search_find import find_conditions, where_clause
from archive_server.database.search_lookup import categories_meant
from archive_server.database.search_to_sql import Meant, Sql
from archive_server.model.clips import FileType
from archive_server.model.search import Criteria, Values, check_browsed


def browse(cursor: Cursor, category: str, criteria: Criteria) -> Values:
    """The values of a category among the clips that meet the criteria, each spelling once.

    They are sorted as folded text. Raises BadCriteria for a category that is unknown or no name.
    """
    check_browsed(category)
    asked = [condition.category for condition in criteria.conditions]
    meant = answered(cursor, categories_meant([category, *asked]))
    found = answered(cursor, find_conditions(criteria, meant))
    if not found:
        return _read(cursor, _facets(meant[category], criteria.file_type), criteria)
    where, source, _ = where_clause(criteria, found)
    return _read(cursor, _values_of_matches(meant[category], where, source), criteria)


def _facets(meant: Meant, file_type: FileType | None) -> Sql:
    """The values any clip has: they are counted already."""
    types = [file_type] if file_type else list(FileType)
    counted = " + ".join(f"v.n_{each.value}" for each in types)
    return Sql(f"FROM search_value v WHERE {_in(meant, 'v')} AND {counted} > 0", _ids(meant))


def _values_of_matches(meant: Meant, where: Sql, source: str) -> Sql:
    return Sql(
        "FROM search_value v JOIN (SELECT DISTINCT l.value_id "  # noqa: S608
        f"FROM {source} JOIN search_link l USING (clip_id) "
        f"WHERE {_in(meant, 'l')} AND ({where.text})) matched USING (value_id)",
        (*_ids(meant), *where.parameters),
    )


def _read(cursor: Cursor, values: Sql, criteria: Criteria) -> Values:
    """Count and read in one statement: gathering the values is the work."""
    cursor.execute(
        f"""
        WITH spelled AS MATERIALIZED (SELECT DISTINCT v.folded, v.value {values.text})
        SELECT (SELECT count(*) FROM spelled),
               ARRAY(SELECT value FROM spelled ORDER BY folded, value LIMIT %s OFFSET %s)
        """,  # noqa: S608
        (*values.parameters, criteria.limit or None, criteria.offset),
    )
    total, texts = cursor.fetchone() or (0, [])
    return Values(total, tuple(texts))


def _in(meant: Meant, alias: str) -> str:
    """A condition on the category; one id lets the planner use an index's order."""
    return f"{alias}.category_id = " + ("%s" if len(meant.ids) == 1 else "ANY (%s::integer[])")


def _ids(meant: Meant) -> tuple[int | list[int], ...]:
    ids = [category_id for _, category_id in meant.ids]
    return (ids[0],) if len(ids) == 1 else (ids,)
