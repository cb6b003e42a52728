"""Small searches in one trip: how many clips are expected, and if few, how many match, and a page.

Connections plan such a statement once for all texts that are looked for: to plan it takes longer
than to carry it out.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from uuid import UUID

from archive_server.database.prepared import Prepared
from archive_server.database.reading import Reading, Statement
from archive_server.database.search_rows import file_type_of
from archive_server.database.search_to_sql import TABLES, Sql
from archive_server.model.gunid import Gunid
from archive_server.model.search import Criteria, Hit

# What is looked for must have a trigram: without one the index is read as a whole, and who plans
# for all texts does not see that.
_has_trigram = re.compile(r"[^\W_]{3}")
# To PostgreSQL's C locale letters are no letters, but those of ASCII. It sees that when it plans.
_KNOWS_LETTERS = "show_trgm('ж') <> '{}'"


@dataclass(frozen=True, slots=True)
class AtOnce:
    """How many match: as expected, or if that was few, as it is; then with the hits of the page.

    None: more than could be gathered, and nobody has asked how many are expected.
    """

    number: int | None
    totals: Sequence[int] = ()  # by type
    hits: tuple[Hit, ...] | None = None


def is_for_all_texts(where: Sql) -> bool:
    """Whether a condition can be planned before it is known what is looked for."""
    return len(where.tables) == 1 and all(
        isinstance(each, int) or (isinstance(each, str) and _has_trigram.search(each))
        for each in where.parameters
    )


def found_at_once(
    where: Sql, terms: str, criteria: Criteria, few: int | None, most: int
) -> Reading[AtOnce]:
    """What meets a condition on one table of texts, in the order of terms about `s`.

    Unless more than `few` are expected (None: that is not asked), or more than `most` are there.
    """
    (alias,) = where.tables
    types = tuple("text" if isinstance(each, str) else "integer" for each in where.parameters)
    prepared = _prepared(alias, where.text, types, terms, few, most)
    page = (criteria.limit or None, criteria.offset)
    ((expected, *totals, hits),) = yield Statement.of(prepared, *where.parameters, *page)
    number = sum(totals)
    if expected is None or (few is None and number > most):
        return AtOnce(None)
    if few is not None and (expected > few or number > most):
        return AtOnce(max(expected, number))
    return AtOnce(number, totals, tuple(map(_hit, hits)))


def _hit(columns: Sequence[str]) -> Hit:
    clip_id, gunid, code, *texts = columns
    return Hit(
        int(clip_id),
        Gunid(UUID(int=int(gunid.replace("-", ""), 16))),
        file_type_of(int(code)),
        *texts,
    )


# One for each table, column, type and order, and those that are narrowed by words: some hundred.
@lru_cache(1024)
def _prepared(
    alias: str, condition: str, types: tuple[str, ...], terms: str, few: int | None, most: int
) -> Prepared:
    numbers = [f"${number}" for number, _ in enumerate(types, 1)]
    source = f"{TABLES[alias]} {alias}"
    explained = f"SELECT FROM {source} WHERE {condition}".replace("'", "''").replace("%s", "%L")
    expected = f"search_expected(format('{explained}', {', '.join(numbers)}))"
    text = f"""
        WITH expected AS MATERIALIZED (
            SELECT CASE WHEN {_KNOWS_LETTERS} THEN {"0" if few is None else expected} END AS n
        ), found AS MATERIALIZED (
            SELECT {alias}.clip_id, {alias}.file_type, {alias}.title_key FROM {source}
            WHERE (SELECT n FROM expected) <= {few or 0}
                  AND {condition.replace("%s", "{}").format(*numbers)}
            LIMIT {most + 1}
        )
        SELECT (SELECT n FROM expected), count(*) FILTER (WHERE file_type = 1),
               count(*) FILTER (WHERE file_type = 2), count(*) FILTER (WHERE file_type = 3),
               ARRAY(
                   SELECT ARRAY[s.clip_id::text, gunid::text, s.file_type::text, h.title, h.creator,
                                h.source, h.length, h.track_number]
                   FROM (
                       SELECT * FROM found s ORDER BY {terms}
                       LIMIT ${len(types) + 1} OFFSET ${len(types) + 2}
                   ) s JOIN search_shown h USING (clip_id) ORDER BY {terms}
               )
        FROM found
        """  # noqa: S608
    name = f"search_{blake2b(text.encode(), digest_size=8).hexdigest()}"
    return Prepared(name, (*types, "integer", "integer"), text, has_one_row=True)
