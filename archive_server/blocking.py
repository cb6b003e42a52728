"""The seams between coroutines and blocking work.

Services are given these; the real ones hand the work to threads, the ones in tests do it at once.
"""

from collections.abc import Awaitable, Callable, Generator
from contextlib import AbstractAsyncContextManager
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


class InThread(Protocol):
    """Runs a function outside the reactor's thread."""

    def __call__(
        self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]: ...


class InTurn(Protocol):
    """Lets those with the same key in one at a time, in the order they came."""

    def __call__(self, key: str, /) -> AbstractAsyncContextManager[None]: ...


class Database(Protocol):
    """Runs a function of a cursor as one transaction.

    `run` commits when the function returns and rolls back when it raises. A cancelled wait does not
    stop the transaction: never read a cancellation as "it did not happen".
    """

    def run(
        self, work: Callable[Concatenate[Any, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]: ...

    def read(
        self, work: Callable[Concatenate[Any, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]:
        """As `run`, for a function that only reads, and locks nothing.

        It sees what `run` would have shown it, since there, too, each statement sees what was
        committed before it. But it is spared two of its round trips, BEGIN and COMMIT.
        """

    def ask(
        self, reading: Callable[P, Generator[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]:
        """As `read`, for a read that yields its statements (`database.reading`), with few rows.

        No thread waits for them; what it does between is done in the reactor's.
        """

    def note(
        self, writing: Callable[P, Generator[Any, Any, T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> Awaitable[T]:
        """As `ask`, for statements that also write, each of them a transaction by itself.

        Where an answer is lost they are executed again: twice has to be as good as once.
        """
