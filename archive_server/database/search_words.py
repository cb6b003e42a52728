"""Words, and how near they are to the title, as SQL: pure.

The table is called `w` (search_words). Its words begin with their nearness, so whatever is asked,
the index alone answers it.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from archive_server.database.search_rows import FARTHEST, INCOMPLETE
from archive_server.database.search_to_sql import Sql
from archive_server.model.words import Sought

_TABLES = frozenset({"w"})


def words_test(sought: Sought) -> Sql:
    """A condition on `w`: all words, wherever they are."""
    return _matches(_query(sought, FARTHEST))


def has_words(words: Iterable[str], nearness: Iterable[int]) -> Sql:
    """A condition on `w`: each of these words, as near."""
    places = list(nearness)
    each = (" | ".join(f"'{near}{word}'" for near in places) for word in words)
    return _matches(" & ".join(f"({word})" for word in each))


def may_have(alias: str, words: Sql) -> Sql:
    """A condition on a table: what meets one on `w`, or has words that are not listed."""
    ((query,),) = (words.parameters,)
    # As an array, or the planner may begin with the other conditions, which it believes to be rare.
    return Sql(
        f"{alias}.clip_id = ANY (ARRAY("  # noqa: S608
        f"SELECT clip_id FROM search_words w WHERE {words.text}))",
        (f"({query}) | '{INCOMPLETE}'",),
        frozenset({alias}),
    )


@dataclass(frozen=True, slots=True)
class Nearness:
    """How near to the title is what is looked for: all words in it, or in creators and sources too.

    How often a word occurs says nothing of a clip, and how rare it is, the same of every hit.
    """

    words: tuple[Sought, ...]  # of each condition
    match_any: bool  # whether those of one condition suffice

    def tests(self) -> Iterator[Sql]:
        """Conditions on `w` that part the hits of all these words, the nearest first."""
        nearer = ""
        for near in range(1, FARTHEST + 1):
            query = self._query(near)
            yield _matches(f"({query}) & !({nearer})" if nearer else query)
            nearer = query

    def ranks(self, alias: str) -> Sql:
        """A join that gives each clip `s` its rank; what has the words nowhere is the last."""
        cases = " ".join(f"WHEN words @@ %s::tsquery THEN {near}" for near in range(1, FARTHEST))
        return Sql(
            f"JOIN (SELECT clip_id, CASE {cases} ELSE {FARTHEST} END AS rank FROM search_words) "  # noqa: S608
            f"{alias} ON {alias}.clip_id = s.clip_id",
            tuple(self._query(near) for near in range(1, FARTHEST)),
        )

    def _query(self, near: int) -> str:
        operator = " | " if self.match_any else " & "
        return operator.join(f"({_query(each, near)})" for each in self.words)


def _matches(query: str) -> Sql:
    return Sql("w.words @@ %s::tsquery", (query,), _TABLES)


def _query(sought: Sought, near: int) -> str:
    """All words, at most so far from the title."""
    words = [(word, "") for word in sought.whole]
    if sought.beginning is not None:
        words.append((sought.beginning, ":*"))
    return " & ".join(f"({_anywhere(word, mark, near)})" for word, mark in words)


def _anywhere(word: str, mark: str, near: int) -> str:
    return " | ".join(f"'{place}{word}'{mark}" for place in range(1, near + 1))
