"""Coroutines that mostly need not wait."""

from collections.abc import Callable, Coroutine, Generator
from functools import partial
from types import coroutine
from typing import Any

from twisted.internet.defer import Deferred


def carry_out(work: Coroutine[Any, Any, None]) -> Deferred[None] | None:
    """Carry out work; None when it got to its end at once, and raises what it raised until then.

    `Deferred.fromCoroutine` would do, but needs 4 µs where nothing has to be waited for.
    """
    try:
        waits_for = work.send(None)
    except StopIteration:
        return None
    return Deferred.fromCoroutine(_rest(work, waits_for))


@coroutine
def _rest(work: Coroutine[Any, Any, None], waits_for: Any) -> Generator[Any, Any, None]:
    """The rest of a coroutine that has begun, and waits for something."""
    while True:
        try:
            found = yield waits_for
        except BaseException as error:  # noqa: BLE001 - it is the coroutine's
            step: Callable[[], Any] = partial(work.throw, error)
        else:
            step = partial(work.send, found)
        try:
            waits_for = step()
        except StopIteration:
            return
