"""One at a time: the real `InTurn`, in one process or over several."""

import fcntl
import hashlib
import os
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

from twisted.internet.defer import DeferredLock
from twisted.internet.task import deferLater

_LOOK_S = 0.02


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


class SharedTurns:
    """As `Turns`, but over all processes that use the same file; each opens it once.

    A key is a place in the file, which may well be empty. The kernel keeps locks on places of files
    by process, and ends those of a process that dies.
    """

    def __init__(self, path: Path, clock: Any) -> None:
        """`clock` is the reactor, or what tells the time instead."""
        self._descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        self._clock = clock
        self._turns = Turns()

    def __call__(self, key: str, /) -> AbstractAsyncContextManager[None]:
        return self._turn(key)

    def close(self) -> None:
        """Let go of the file."""
        os.close(self._descriptor)

    @asynccontextmanager
    async def _turn(self, key: str) -> AsyncIterator[None]:
        place = int.from_bytes(hashlib.sha256(key.encode()).digest()[:4], "big")
        async with self._turns(str(place)):
            while not self._take(place):
                await deferLater(self._clock, _LOOK_S)
            try:
                yield
            finally:
                fcntl.lockf(self._descriptor, fcntl.LOCK_UN, 1, place)

    def _take(self, place: int) -> bool:
        try:
            fcntl.lockf(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB, 1, place)
        except (BlockingIOError, PermissionError):
            return False
        return True
