"""What can be searched for, and what is found (livesupport-protocol 6).

Everything that can be wrong with a search is found here, before the database is asked; but
whether a category exists is known there only.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum

from archive_server.errors import BadCriteria
from archive_server.model.categories import is_name, local_name
from archive_server.model.clips import FileType
from archive_server.model.gunid import Gunid
from archive_server.model.instants import find_instant
from archive_server.model.words import Sought
from archive_server.model.xml_writing import is_legal

ANY = "*"  # in a condition: elements of any category
RELEVANCE = "relevance"  # to sort by, where words are asked for: how near they are to the title

_LARGEST = 2**31 - 1  # an int on the wire
# More than people and programs ask for, and each costs the database something: a look into its
# dictionary, a join.
_MOST_CONDITIONS = 200
_MOST_ORDERS = 20
_MOST_WORDS = 50


class Operator(StrEnum):
    """How a value is compared with the texts of a category."""

    FULL = "="
    PARTIAL = "partial"
    PREFIX = "prefix"
    LESS = "<"
    LESS_OR_EQUAL = "<="
    GREATER = ">"
    GREATER_OR_EQUAL = ">="
    WORDS = "words"  # not of one text: each may be in another, but for dates and durations

    @property
    def is_textual(self) -> bool:
        """Whether the texts are looked into, and not compared as wholes."""
        return self in (Operator.PARTIAL, Operator.PREFIX)


# What is greater or less depends on the category.
_FOR_ANY = (Operator.FULL, Operator.PARTIAL, Operator.PREFIX, Operator.WORDS)
_OPERATORS = {operator.value: operator for operator in Operator} | {"full": Operator.FULL}


@dataclass(frozen=True, slots=True)
class Condition:
    """At least one element of `category` compares so with `value`."""

    category: str  # without a prefix: elements of any prefix; ANY: all elements
    operator: Operator
    value: str

    @classmethod
    def build(cls, category: str, operator: str, value: str) -> "Condition":
        """Check a condition. Raises BadCriteria."""
        if category != ANY:
            _check_category(category)
        if operator.lower() not in _OPERATORS:
            known = ", ".join(_OPERATORS)
            raise BadCriteria(f"operator {operator[:40]!r} is unknown; there are {known}")
        if category == ANY and _OPERATORS[operator.lower()] not in _FOR_ANY:
            raise BadCriteria(f"category {ANY}: {', '.join(_FOR_ANY)} expected, not {operator}")
        if not is_legal(value):
            raise BadCriteria(f"{category}: the value has a character no document can have")
        condition = cls(category, _OPERATORS[operator.lower()], value)
        if condition.operator is Operator.WORDS:
            _check_words(condition)
        if condition.compares_instants and find_instant(value) is None:
            raise BadCriteria(f"{category}: a date and time expected, not {value[:40]!r}")
        return condition

    @property
    def compares_instants(self) -> bool:
        """Whether points in time are compared, not texts."""
        return local_name(self.category) == "mtime" and not self.operator.is_textual


@dataclass(frozen=True, slots=True)
class Order:
    """What hits are sorted by; those without such an element come last.

    A category that nothing in the archive has ever had sorts nothing. RELEVANCE, where words are
    asked for, is their nearness to the title, and then the title.
    """

    category: str
    descending: bool = False


@dataclass(frozen=True, slots=True)
class Criteria:
    """What is searched for, and which part of the answer is wanted."""

    file_type: FileType | None = None  # None: all
    conditions: tuple[Condition, ...] = ()
    match_any: bool = False
    limit: int = 0  # 0: no limit
    offset: int = 0
    order_by: tuple[Order, ...] = ()  # none that is known: file type, then title

    @classmethod
    def build(
        cls,
        *,
        file_type: str = "all",
        operator: str | None = None,
        conditions: Iterable[tuple[str, str, str]] = (),
        limit: int = 0,
        offset: int = 0,
        order_by: Iterable[tuple[str, bool]] = (),
    ) -> "Criteria":
        """Check what a client asks for. Raises BadCriteria.

        Conditions are (category, operator, value), and count only if they have a value. Any
        operator between them but `and` means `or`, as it always has.
        """
        for name, number in (("limit", limit), ("offset", offset)):
            if not 0 <= number <= _LARGEST:
                raise BadCriteria(f"{name}: a number from 0 to {_LARGEST} expected, not {number}")
        criteria = cls(
            file_type=_file_type(file_type),
            conditions=tuple(Condition.build(*each) for each in conditions if each[2] != ""),
            match_any=operator is not None and operator.lower() != "and",
            limit=limit,
            offset=offset,
            order_by=tuple(_order(category, descending) for category, descending in order_by),
        )
        _check_number(len(criteria.conditions), _MOST_CONDITIONS, "conditions")
        _check_number(len(criteria.order_by), _MOST_ORDERS, "categories to sort by")
        return criteria

    @property
    def words(self) -> tuple[Sought, ...]:
        """The words that are looked for, by condition."""
        return tuple(
            Sought.read(condition.value)
            for condition in self.conditions
            if condition.operator is Operator.WORDS
        )

    @property
    def orders(self) -> tuple[Order, ...]:
        """What hits are sorted by: what was asked for, or else the relevance of words."""
        return self.order_by or ((Order(RELEVANCE),) if self.words else ())


@dataclass(frozen=True, slots=True)
class Hit:
    """A clip that was found; what its document does not say is an empty text."""

    clip_id: int
    gunid: Gunid
    file_type: FileType
    title: str
    creator: str
    source: str
    length: str  # dcterms:extent as the document writes it
    track_number: str


@dataclass(frozen=True, slots=True)
class Page:
    """The hits that were asked for, and how many there are in all."""

    total: int
    totals: Mapping[FileType, int]
    hits: tuple[Hit, ...]


@dataclass(frozen=True, slots=True)
class Values:
    """The distinct values that were asked for, sorted, and how many there are in all."""

    total: int
    values: tuple[str, ...]


def check_browsed(category: str) -> None:
    """Raise BadCriteria unless `category` can be the name of a category."""
    _check_category(category)


def _order(category: str, descending: bool) -> Order:
    _check_category(category)
    return Order(category, descending)


def _check_category(category: str) -> None:
    if not is_name(category):
        raise BadCriteria(f"category {category[:40]!r}: a name like title or dc:title expected")


def _check_words(condition: Condition) -> None:
    if condition.category != ANY:
        raise BadCriteria(f"category {ANY} expected for words, not {condition.category[:40]!r}")
    number = len(Sought.read(condition.value))
    if number == 0:
        raise BadCriteria(f"{ANY}: words expected, not {condition.value[:40]!r}")
    _check_number(number, _MOST_WORDS, "words")


def _check_number(number: int, most: int, what: str) -> None:
    if number > most:
        raise BadCriteria(f"{number} {what}: {most} at most expected")


def _file_type(text: str) -> FileType | None:
    if text.lower() == "all":
        return None
    try:
        return FileType(text.lower())
    except ValueError as error:
        known = ", ".join(FileType)
        raise BadCriteria(f"file type {text[:40]!r} is unknown; there are all, {known}") from error
