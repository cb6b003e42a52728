"""One at a time: the real `InTurn`."""

from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager

from twisted.internet.defer import DeferredLock


class Turns:
    """Lets those with the same key in one at a time, in the order they came."""

    def __init__(self) -> None:
        self._locks: dict[str, DeferredLock] = {}

    def __call__(self, key: str, /) -> AbstractAsyncContextManager[None]:
        return self._turn(key)

    @asynccontextmanager
    async def _turn(self, key: str) -> AsyncIterator[None]:
        lock = self._locks.setdefault(key, DeferredLock())
        await lock.acquire()
        try:
            yield
        finally:
            lock.release()
            # Nobody waits; and nobody had a turn within `release` and has tidied up already.
            if not lock.locked and self._locks.get(key) is lock:
                del self._locks[key]
