"""Reads as generators: a statement goes out with each `yield`, and its rows come in.

So a read does not say who waits for PostgreSQL: a thread, by a cursor that blocks (`answered`), or
nobody, for the reactor hears of the answer (`asking`).
"""

from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, ParamSpec, TypeVar

from psycopg2.extensions import cursor as Cursor

from archive_server.database.prepared import Prepared, together

P = ParamSpec("P")
T = TypeVar("T")

Rows = list[tuple[Any, ...]]


@dataclass(frozen=True, slots=True)
class Statement:
    """What is asked; where it is `prepared`, the connection has to know that."""

    text: str
    parameters: tuple[Any, ...] = ()
    prepared: Prepared | None = None

    @classmethod
    def of(cls, prepared: Prepared, *parameters: object) -> "Statement":
        """The execution of a prepared one."""
        return cls(prepared.execution(len(parameters)), parameters, prepared)


Reading = Generator[Statement, Rows, T]


def after(first: Reading[None], then: Reading[T]) -> Reading[T]:
    """Carry out one read, and then another. Raises what the first raises.

    Both ask something; where that can be, what they ask first is asked in one trip. Then the first
    asks for rows of one array of texts.
    """
    asked, following = next(first), next(then)
    one, other = asked.prepared, following.prepared
    if one is None or other is None or not other.has_one_row:
        yield from _rest(first, (yield asked))
        return (yield from _rest(then, (yield following)))
    parameters = following.parameters + asked.parameters
    ((found, *row),) = yield Statement.of(together(one, other), *parameters)
    yield from _rest(first, [(texts,) for texts in found])
    return (yield from _rest(then, [tuple(row)]))


def _rest(reading: Reading[T], rows: Rows) -> Reading[T]:
    """The rest of a read, from the rows that it has asked for."""
    try:
        while True:
            rows = yield reading.send(rows)
    except StopIteration as end:
        result: T = end.value
        return result


def blocking(
    reading: Callable[P, Reading[T]], /, *args: P.args, **kwargs: P.kwargs
) -> Callable[[Cursor], T]:
    """A read as a function of a cursor."""
    return lambda cursor: answered(cursor, reading(*args, **kwargs))


def answered(cursor: Cursor, reading: Reading[T]) -> T:
    """Carry out a read by a cursor. Blocks; raises what the read raises."""
    try:
        statement = next(reading)
        while True:
            if statement.prepared is not None:
                statement.prepared.prepare(cursor)
            cursor.execute(statement.text, statement.parameters)
            statement = reading.send(cursor.fetchall())
    except StopIteration as end:
        result: T = end.value
        return result
