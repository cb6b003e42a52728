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

# To keep what a clip is sorted by that is visited anyway takes a part of a visit on a walk.
_KEPT = 16

# Of rows with the types of clips: how many there are of each.
COUNTED = ", ".join(f"count(*) FILTER (WHERE file_type = {code}) AS n_{code}" for code in (1, 2, 3))


@dataclass(frozen=True, slots=True)
class AtOnce:
    """How many match: as expected (None: that could not be asked here), or by type as it is.

    And the hits of the page, where these were found on the way.
    """

    number: int | None
    totals: Sequence[int] = ()
    hits: tuple[Hit, ...] | None = None


@dataclass(frozen=True, slots=True)
class Bounds:
    """How many matches are gathered at once: surely so many, and never more than the most."""

    surely: int
    most: int

    def hold(self, number: int, criteria: Criteria, everything: int) -> bool:
        """Whether so many are gathered sooner than the page of them is met on a walk."""
        end = criteria.offset + (criteria.limit or number)
        is_sooner = number * number <= _KEPT * end * everything
        return number <= self.most and (number <= self.surely or is_sooner)

    def holds(self, number: str, limit: str, offset: str) -> str:
        """The same as SQL. Who wants all of them has no limit: NULL."""
        end = f"({offset} + coalesce({limit}, {number}))::float8"
        everything = "(SELECT sum(n) FROM search_count)"
        is_sooner = f"{number}::float8 ^ 2 <= {_KEPT} * {end} * {everything}"
        return f"({number} <= {self.most} AND ({number} <= {self.surely} OR {is_sooner}))"


def is_for_all_texts(where: Sql) -> bool:
    """Whether a condition can be planned before it is known what is looked for."""
    return len(where.tables) == 1 and all(
        isinstance(each, int) or (isinstance(each, str) and _has_trigram.search(each))
        for each in where.parameters
    )


def found_at_once(
    where: Sql, terms: str, criteria: Criteria, bounds: Bounds, *, is_rare: bool
) -> Reading[AtOnce]:
    """What meets a condition on one table of texts, in the order of terms about `s`.

    Unless there are too many; if it `is_rare`, how many are expected is not asked first.
    """
    (alias,) = where.tables
    prepared = _prepared(alias, where.text, _types(where), terms, bounds, is_rare)
    page = (criteria.limit or None, criteria.offset)
    ((expected, are_few, *totals, hits),) = yield Statement.of(prepared, *where.parameters, *page)
    number = sum(totals)
    if expected is None:
        return AtOnce(None)
    if not are_few or number > bounds.most:
        return AtOnce(max(expected, number))
    return AtOnce(number, totals, tuple(map(_hit, hits)))


def nearest_at_once(
    where: Sql, nearest: Sql, criteria: Criteria, bounds: Bounds
) -> Reading[AtOnce]:
    """What meets a condition on words, unless there are too many, and the nearest of them.

    Without hits, if these are not the whole page. In three trips it takes a tenth more.
    """
    prepared = _prepared_nearest(where.text, nearest.text, _types(where), _types(nearest), bounds)
    page = (criteria.limit or None, criteria.offset)
    parameters = (*where.parameters, *nearest.parameters, *page)
    ((expected, are_few, *totals, hits),) = yield Statement.of(prepared, *parameters)
    if not are_few:
        return AtOnce(expected)
    left = max(0, sum(totals) - criteria.offset)
    is_whole = len(hits) == min(left, criteria.limit or left)
    return AtOnce(sum(totals), totals, tuple(map(_hit, hits)) if is_whole else None)


def _hit(columns: Sequence[str]) -> Hit:
    clip_id, gunid, code, *texts = columns
    return Hit(
        int(clip_id),
        Gunid(UUID(int=int(gunid.replace("-", ""), 16))),
        file_type_of(int(code)),
        *texts,
    )


def _types(where: Sql) -> tuple[str, ...]:
    return tuple("text" if isinstance(each, str) else "integer" for each in where.parameters)


# One for each table, column, type and order, and those that are narrowed by words: some hundred.
@lru_cache(1024)
def _prepared(
    alias: str, condition: str, types: tuple[str, ...], terms: str, bounds: Bounds, is_rare: bool
) -> Prepared:
    source = f"{TABLES[alias]} {alias}"
    limit, offset = f"${len(types) + 1}", f"${len(types) + 2}"
    expected = "0" if is_rare else _expected(source, condition, 1)
    text = f"""
        WITH expected AS MATERIALIZED (
            SELECT CASE WHEN {_KNOWS_LETTERS} THEN {expected} END AS n
        ), few AS MATERIALIZED (
            SELECT {bounds.holds("n", limit, offset)} AS are FROM expected
        ), found AS MATERIALIZED (
            SELECT {alias}.clip_id, {alias}.file_type, {alias}.title_key FROM {source}
            WHERE (SELECT are FROM few) AND {_numbered(condition, 1)}
            LIMIT {bounds.most + 1}
        )
        SELECT (SELECT n FROM expected), (SELECT are FROM few), {COUNTED},
               {_page(terms, limit, offset)}
        FROM found
        """  # noqa: S608
    return _named(text, types)


@lru_cache(16)
def _prepared_nearest(
    condition: str,
    nearest: str,
    types: tuple[str, ...],
    types_of_nearest: tuple[str, ...],
    bounds: Bounds,
) -> Prepared:
    first, last = len(types) + 1, len(types) + len(types_of_nearest)
    limit, offset = f"${last + 1}", f"${last + 2}"
    source = f"{TABLES['w']} w"
    text = f"""
        WITH expected AS MATERIALIZED (
            SELECT {_expected(source, condition, 1)} AS n
        ), few AS MATERIALIZED (
            SELECT {bounds.holds("n", limit, offset)} AS are FROM expected
        ), counted AS MATERIALIZED (
            SELECT {COUNTED}, count(*) > 0 AS are_any FROM {source}
            WHERE (SELECT are FROM few) AND {_numbered(condition, 1)}
        ), found AS MATERIALIZED (
            SELECT w.clip_id, w.file_type, w.title_key FROM {source}
            WHERE (SELECT are_any FROM counted) AND {_numbered(nearest, first)}
        )
        SELECT (SELECT n FROM expected), (SELECT are FROM few), n_1, n_2, n_3,
               {_page("s.title_key, s.clip_id", limit, offset)}
        FROM counted
        """  # noqa: S608
    return _named(text, (*types, *types_of_nearest))


def _expected(source: str, condition: str, first: int) -> str:
    """How many meet a condition, whose parameters are $first and those that follow."""
    explained = f"SELECT FROM {source} WHERE {condition}".replace("'", "''").replace("%s", "%L")
    return f"search_expected(format('{explained}', {', '.join(_numbers(condition, first))}))"


def _numbered(condition: str, first: int) -> str:
    return condition.replace("%s", "{}").format(*_numbers(condition, first))


def _numbers(condition: str, first: int) -> list[str]:
    return [f"${first + number}" for number in range(condition.count("%s"))]


def _page(terms: str, limit: str, offset: str) -> str:
    """The hits of the page among those found."""
    return f"""ARRAY(
            SELECT ARRAY[s.clip_id::text, gunid::text, s.file_type::text, h.title, h.creator,
                         h.source, h.length, h.track_number]
            FROM (SELECT * FROM found s ORDER BY {terms} LIMIT {limit} OFFSET {offset}) s
            JOIN search_shown h USING (clip_id) ORDER BY {terms}
        )"""  # noqa: S608


def _named(text: str, types: tuple[str, ...]) -> Prepared:
    """A statement with a page, by a name that stands for its text."""
    name = f"search_{blake2b(text.encode(), digest_size=8).hexdigest()}"
    return Prepared(name, (*types, "integer", "integer"), text, has_one_row=True)
