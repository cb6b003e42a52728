"""Ways to the matches of a search, in their order."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace

from archive_server.database.reading import Reading, Statement
from archive_server.database.search_at_once import (
    COUNTED,
    AtOnce,
    Bounds,
    found_at_once,
    is_for_all_texts,
    nearest_at_once,
)
from archive_server.database.search_lookup import expected
from archive_server.database.search_order import DEFAULT_ORDER, SORTED_COLUMNS, Sorting, sorting
from archive_server.database.search_rows import code_of
from archive_server.database.search_to_sql import (
    Meant,
    Sql,
    Test,
    all_of,
    any_of,
    clips_called,
    clips_with_ids,
    is_of_type,
    source_of,
)
from archive_server.database.search_words import Nearness
from archive_server.model.clips import FileType
from archive_server.model.search import Criteria, Order

# Up to that many matches are gathered and sorted without further thought.
_FEW = 1_000
# Up to that many are counted and sorted in one go, where so few are expected: of 4,200 clips with
# some text 12 ms of a processor instead of 20.
_AT_ONCE = 20_000
_SURELY_AT_ONCE = 1_000  # however few clips there are
# Texts of so many characters are rare in titles, creators and sources, mostly: how common they are
# is not asked first, which is a tenth of what a small search costs. Where they are not, as many are
# gathered in vain as could have been listed: of a million 20 ms of a processor, beside some 40.
_MOSTLY_RARE = 6
# At least so far the index of an order is walked before giving it up.
_STRETCH = 1_000

# Orders for which the tables of texts have all that is needed
_ORDERS_OF_TEXTS = (
    DEFAULT_ORDER,
    "s.title_key, s.clip_id",
    "s.title_key DESC NULLS LAST, s.clip_id",
)
_TABLES_OF_TEXTS = ("t", "a")
_TEXT_COLUMNS = "s.clip_id, s.file_type, s.title_key"
# What parts of matches are sorted by; the number is that of the schema.
_BY_TITLE = ((Order("dc:title"), Meant("dc:title", (("dc:title", 1),))),)


@dataclass(frozen=True, slots=True)
class Matches:
    """What meets the criteria: how many, by type, and how to find them."""

    totals: Mapping[FileType, int]
    file_type: FileType | None
    conditions: tuple[Sql, ...]
    orders: tuple[tuple[Order, Meant | Nearness], ...]
    parts: tuple[tuple[Sql, ...], ...]  # conditions that part them by relevance, where they do
    values: Sequence[int]  # what meets them has one of these, where that is known

    @property
    def total(self) -> int:
        return sum(self.totals.values())

    @property
    def order(self) -> Sorting:
        return sorting(self.orders, few=self.total <= _FEW)


def roads(
    matches: Matches, criteria: Criteria, wanted: int
) -> Iterator[Reading[Sequence[int] | None]]:
    """Ways to the ids of the `wanted` matches; one that falls short is followed by another.

    Common matches are met soon on a walk along the order: 25 of 100,000 among a million within a
    few hundred clips. But all of them may lie at the end of it, as what begins with "the" does in
    the order of titles. So the walk ends where gathering them would have cost as much, or is none.
    """
    if not matches.conditions:
        yield _ids(page_of(_walked(matches), criteria))
    elif matches.total <= _FEW:
        yield _ids(page_of(gathered(matches), criteria))
    elif matches.parts:
        # To gather 47,000 with a word in the title takes a processor 45 ms, to meet 25 of them 6.
        # They are a part of the matches only, so the walk is longer.
        nearest = replace(matches, conditions=matches.parts[0], orders=_BY_TITLE)
        yield _walk(matches, criteria, wanted, nearest, 4)
        yield _part_by_part(matches, criteria.offset, wanted)
    elif matches.order.joins.text:
        yield _ids(page_of(_walked(matches), criteria))
    else:
        known = _with_values(matches) if matches.values else matches
        yield _walk(matches, criteria, wanted, known, 1)
        yield _ids(page_of(gathered(known), criteria))


def small(matches: Matches, criteria: Criteria) -> Reading[AtOnce | None]:
    """What matches, where that can be asked for in one trip; else None.

    Only of one condition: each shape of such a search is planned by each connection, and kept.
    """
    if len(criteria.conditions) > 1 or not matches.conditions:
        return None
    _, alias = source_of(matches.conditions)
    where = conditions_of(matches.file_type, matches.conditions, alias)
    if matches.parts:
        nearest = conditions_of(matches.file_type, matches.parts[0], alias)
        return (yield from nearest_at_once(where, nearest, criteria, _bounds()))
    terms = matches.order.terms
    if (
        alias not in _TABLES_OF_TEXTS
        or terms not in _ORDERS_OF_TEXTS
        or not is_for_all_texts(where)
    ):
        return None
    is_rare = alias == "t" and len(criteria.conditions[0].value) >= _MOSTLY_RARE
    return (yield from found_at_once(where, terms, criteria, _bounds(), is_rare=is_rare))


def _bounds() -> Bounds:
    return Bounds(min(_SURELY_AT_ONCE, _AT_ONCE), _AT_ONCE)


def counted_and_listed(
    matches: Matches, criteria: Criteria, number: int | None
) -> Reading[tuple[tuple[int, ...], list[int]] | None]:
    """How many match, of each type, and the ids of the page, of one moment.

    None where to count them and then to find the page takes less, and where they are too many.
    `number` are expected, if that is known.
    """
    order = matches.order
    if not matches.conditions or matches.parts or order.joins.text:
        return None
    source, alias = source_of(matches.conditions)
    columns = _TEXT_COLUMNS
    if not order.terms.startswith(_ORDERS_OF_TEXTS):
        source, alias = source_of([*matches.conditions, Sql("TRUE")])
        columns = SORTED_COLUMNS
    where = conditions_of(matches.file_type, matches.conditions, alias)
    if number is None:
        number = yield from expected(source, where)
    if not (yield from _is_at_once(criteria, number)):
        return None
    page = page_of(Sql(f"SELECT s.clip_id FROM found s ORDER BY {order.terms}"), criteria)  # noqa: S608
    ((*totals, clip_ids),) = yield Statement(
        f"WITH found AS MATERIALIZED (SELECT {columns.replace('s.', f'{alias}.')} FROM {source} "  # noqa: S608
        f"WHERE {where.text} LIMIT {_AT_ONCE + 1}) "
        f"SELECT {COUNTED}, ARRAY({page.text}) FROM found",
        (*where.parameters, *page.parameters),
    )
    return (tuple(totals), clip_ids) if sum(totals) <= _AT_ONCE else None


def _is_at_once(criteria: Criteria, number: int) -> Reading[bool]:
    """Whether so many matches are gathered sooner than the page of them is met on a walk."""
    if number <= _SURELY_AT_ONCE or number > _AT_ONCE:
        return number <= _AT_ONCE
    ((everything,),) = yield Statement("SELECT sum(n) FROM search_count")
    return _bounds().hold(number, criteria, int(everything))


def _with_values(matches: Matches) -> Matches:
    """The same, where an index has them: that of the order knows the rest.

    A page of 8,600 clips, whose creators begin alike, takes 4 ms of a processor instead of 28.
    """
    clip_ids = Test(clip_ids=(clips_with_ids(matches.values, matches.file_type),))
    return replace(matches, conditions=(any_of([clip_ids]),))


def _ids(clip_ids: Sql) -> Reading[Sequence[int]]:
    found = yield Statement(clip_ids.text, clip_ids.parameters)
    return [clip_id for (clip_id,) in found]


def _walk(
    matches: Matches, criteria: Criteria, wanted: int, looked_for: Matches, longer: int
) -> Reading[Sequence[int] | None]:
    """Those met on a walk, so many times longer than to matches; None where there is no walk."""
    stretch = yield from _stretch(matches, criteria.offset + wanted)
    if stretch is None:
        return None
    return (yield from _ids(page_of(_walked(looked_for, longer * stretch), criteria)))


def _stretch(matches: Matches, end: int) -> Reading[int | None]:
    """How far to walk for the first `end` matches; None where to gather all is less."""
    expected = end * (yield from _everything(matches)) // matches.total + 1
    longest = max(matches.total, _STRETCH)
    return min(8 * expected, longest) if 2 * expected <= longest else None


def _part_by_part(matches: Matches, offset: int, wanted: int) -> Reading[Sequence[int]]:
    """The ids of this page of matches by relevance: the rank of most need not be found out."""
    clip_ids: list[int] = []
    for conditions in matches.parts:
        source, alias = source_of(conditions)
        where = conditions_of(matches.file_type, conditions, alias)
        ((number, found),) = yield Statement(
            f"WITH part AS MATERIALIZED (SELECT {alias}.title_key, {alias}.clip_id "  # noqa: S608
            f"FROM {source} WHERE {where.text}) "
            "SELECT (SELECT count(*) FROM part), "
            "ARRAY(SELECT clip_id FROM part ORDER BY title_key, clip_id LIMIT %s OFFSET %s)",
            (*where.parameters, wanted - len(clip_ids), offset),
        )
        clip_ids += found
        offset = max(0, offset - number)
        if len(clip_ids) == wanted:
            break
    return clip_ids


def page_of(clip_ids: Sql, criteria: Criteria) -> Sql:
    """Those of the ids that are asked for."""
    return Sql(
        f"{clip_ids.text} LIMIT %s OFFSET %s",
        (*clip_ids.parameters, criteria.limit or None, criteria.offset),
    )


def _everything(matches: Matches) -> Reading[int]:
    """How many clips there are of the types that match."""
    types = [code_of(file_type) for file_type, n in matches.totals.items() if n]
    ((number,),) = yield Statement(
        "SELECT sum(n) FROM search_count WHERE file_type = ANY (%s)", (types,)
    )
    return int(number or 0)


def conditions_of(file_type: FileType | None, conditions: Iterable[Sql], alias: str) -> Sql:
    """All conditions, where clips have this alias."""
    written = [clips_called(alias, condition) for condition in conditions]
    return all_of([*is_of_type(file_type, alias), *written])


def gathered(matches: Matches) -> Sql:
    """The ids of the matches in order: all matches first, then sorted."""
    source, alias = source_of(matches.conditions)
    order = matches.order
    if alias != "s" and order.terms.startswith(_ORDERS_OF_TEXTS):
        where = conditions_of(matches.file_type, matches.conditions, alias)
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


def _walked(matches: Matches, stretch: int | None = None) -> Sql:
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


def _of_clips(matches: Matches) -> tuple[str, Sql]:
    """What FROM needs for search_clip and the conditions, and these."""
    source, alias = source_of([*matches.conditions, Sql("TRUE")])
    return source, conditions_of(matches.file_type, matches.conditions, alias)
