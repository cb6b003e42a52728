"""Looking up what a search needs to know of the archive before it can be written as SQL."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches

from archive_server.database.reading import Reading, Statement
from archive_server.database.search_numbers import digits_test, number_test
from archive_server.database.search_rows import (
    CORE_COLUMNS,
    FARTHEST,
    RANGE_COLUMNS,
    TITLE,
    may_be_of_time,
    nearness,
)
from archive_server.database.search_to_sql import (
    Meant,
    Sql,
    Test,
    all_of,
    any_test,
    clips_with_ids,
    clips_with_values,
    column_tests,
    has_value,
    source_of,
    value_test,
)
from archive_server.database.search_words import has_words, may_have, words_test
from archive_server.errors import BadCriteria
from archive_server.model.categories import STANDARD, is_meant, local_name
from archive_server.model.folding import fold
from archive_server.model.search import ANY, Condition, Operator
from archive_server.model.words import Sought, words_inside

# The first three categories of every archive, as in `schema/0003_search.sql`.
_CORE_IDS = {name: number for number, name in enumerate(CORE_COLUMNS, 1)}

_MOST_IDS = 500  # of values that are listed in a condition; more are joined
# Lists that may be compared clip by clip. The planner thinks it costs the same for longer ones.
_FEW_IDS = 8
# So many clips with the words inside of a part of a text are looked at one by one.
_FEW_CANDIDATES = 5_000
_MOST_WORDS = 8  # of a part that clips are looked for by


@dataclass(frozen=True, slots=True)
class Found:
    """A condition ready to be written; `only_value` is set where it means just this value.

    `values`: it means these, where they are known to be all and few enough to be listed.

    `listed`: it means these and compares them clip by clip.
    """

    test: Test
    only_value: int | None = None
    listed: Sequence[int] = ()
    values: Sequence[int] = ()

    @property
    def beside(self) -> Test:
        """The same for use beside other conditions.

        An index has the clips with a value, so that nothing needs to be read of those which fail
        the others.
        """
        return Test(clip_ids=(clips_with_ids(self.listed),)) if self.listed else self.test


def categories_meant(
    asked: Iterable[str], sorted_by: Iterable[str] = ()
) -> Reading[dict[str, Meant]]:
    """What the archive has of these categories, by the names they are asked by.

    One that is neither in the standard nor in the archive is left out if it is only sorted by
    (livesupport-protocol 6.6: the default order it is then); else it raises BadCriteria.
    """
    required = set(asked) - {ANY}
    names = sorted(required.union(sorted_by))
    if _CORE_IDS.keys() >= set(names):
        return {name: Meant(name, ((name, _CORE_IDS[name]),)) for name in names}
    ids = yield Statement(
        "SELECT name, category_id FROM search_category "
        "WHERE name = ANY (%s) OR local_name = ANY (%s) ORDER BY category_id",
        (names, names),
    )
    meant = {
        name: Meant(name, tuple((known, n) for known, n in ids if is_meant(name, known)))
        for name in names
    }
    for name in names:
        if meant[name].ids or any(is_meant(name, known) for known in STANDARD):
            continue
        if name in required:
            nearest = yield from _nearest(name)
            raise BadCriteria(f"category {name} is unknown; did you mean {nearest}")
        del meant[name]
    return meant


def find_condition(
    condition: Condition, meant: Meant, *, for_values: bool = False
) -> Reading[Found]:
    """Look up the values a condition is true of, unless columns decide it.

    For the values of all clips that meet this condition alone, those of the dictionary are wanted,
    even if columns decide it.
    """
    if condition.operator is Operator.WORDS:
        return Found(Test(columns=(words_test(Sought.read(condition.value)),)), None)
    if condition.category == ANY:
        anywhere = yield from _narrowed(condition, any_test(condition), range(1, FARTHEST + 1))
        return Found(Test(columns=(anywhere,)), None)
    spread = yield from _spread(condition, meant)
    columns = {}
    for name, column in column_tests(condition, meant, spread).items():
        columns[name] = yield from _narrowed(condition, column, (nearness(name),))
    rest = meant.without(columns)
    if not rest.ids:
        # Beginnings are in order in the dictionary; of other columns it knows less than they do.
        is_part = condition.operator is Operator.PARTIAL
        is_listed = condition.operator is Operator.PREFIX or (
            for_values and is_part and TITLE not in columns
        )
        listed = (yield from _value_ids(value_test(condition, meant))) if is_listed else None
        return Found(Test(columns=tuple(columns.values())), values=listed or ())
    values = yield from _values_meant(condition, rest)
    value_ids = yield from _value_ids(values)
    if value_ids is None:
        test = Test(columns=tuple(columns.values()), clip_ids=(clips_with_values(values),))
        return Found(test, None)
    if len(value_ids) > _FEW_IDS:
        values_alone = () if columns else value_ids
        by_ids = Test(tuple(columns.values()), (clips_with_ids(value_ids),))
        return Found(by_ids, values=values_alone)
    test = Test(columns=(*columns.values(), has_value(value_ids)))
    only = value_ids[0] if len(value_ids) == 1 and not columns else None
    return Found(test, only, () if columns else value_ids)


def _narrowed(condition: Condition, test: Sql, places: Sequence[int]) -> Reading[Sql]:
    """The same, beside the words that are inside of what is looked for, where few clips have them.

    A part of a text is found where the lists of its trigrams agree, and these grow with the
    library. Of 30 characters of a title among a million the lists take 5 ms of a processor and the
    words 0.3, of any text 15 and 0.5.
    """
    if condition.operator is not Operator.PARTIAL:
        return test
    words = words_inside(fold(condition.value))
    if len(places) > 1:
        words = [word for word in words if not may_be_of_time(word)]
    if not words:
        return test
    # The longest ones are the rarest, mostly.
    has = has_words(sorted(words, key=len)[-_MOST_WORDS:], places)
    if (yield from expected(source_of([has])[0], has)) > _FEW_CANDIDATES:
        return test
    (alias,) = test.tables
    return all_of([may_have(alias, has), test])


def expected(source: str, where: Sql) -> Reading[int]:
    """How many clips meet a condition, as the planner of PostgreSQL estimates it.

    That takes a tenth of a millisecond, and what it says may be wrong: only the way depends on it.
    """
    (((plan,),),) = yield Statement(
        f"EXPLAIN (FORMAT JSON) SELECT FROM {source} WHERE {where.text}", where.parameters
    )
    return int(plan["Plan"]["Plan Rows"])


def _values_meant(condition: Condition, meant: Meant) -> Reading[Sql]:
    """A condition on `v`: the values that satisfy a condition.

    Of eleven characters of a number among 300,000, beside two million other values, all trigrams
    take 2.6 ms of a processor, and six digits 0.8.
    """
    digits = digits_test(condition)
    if digits is None or (yield from expected("search_value v", digits)) > _FEW_CANDIDATES:
        return value_test(condition, meant)
    return number_test(digits, condition, meant)


def _value_ids(values: Sql) -> Reading[Sequence[int] | None]:
    """The ids of these values that clips have; None if they are too many to list."""
    rows = yield Statement(
        f"SELECT v.value_id FROM search_value v WHERE {values.text} "  # noqa: S608
        "AND v.n_audioclip + v.n_playlist + v.n_webstream > 0 LIMIT %s",
        (*values.parameters, _MOST_IDS + 1),
    )
    ids = [value_id for (value_id,) in rows]
    return ids if len(ids) <= _MOST_IDS else None


def _spread(condition: Condition, meant: Meant) -> Reading[frozenset[str]]:
    """The range categories meant of which some clip has several different values."""
    if condition.operator.is_textual:
        return frozenset()
    spread = []
    for name, _ in meant.ids:
        if name in RANGE_COLUMNS and (yield from _is_spread(RANGE_COLUMNS[name])):
            spread.append(name)
    return frozenset(spread)


def _is_spread(column: str) -> Reading[bool]:
    # Sorted, so that the planner takes the small index: it believes that most of them differ.
    rows = yield Statement(
        f"SELECT {column}_high FROM search_clip WHERE {column}_low <> {column}_high "  # noqa: S608
        f"ORDER BY {column}_high LIMIT 1"
    )
    return bool(rows)


def _nearest(asked: str) -> Reading[str]:
    """The known category whose spelling is nearest."""
    rows = yield Statement("SELECT name FROM search_category")
    known: set[str] = {*STANDARD, *(name for (name,) in rows)}
    if ":" not in asked:
        known = {local_name(name) for name in known}
    return get_close_matches(asked, sorted(known), n=1, cutoff=0.0)[0]
