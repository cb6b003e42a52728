"""Threads for work that blocks: the real `InThread`."""

from collections.abc import Callable
from typing import ParamSpec, TypeVar

from twisted.internet.defer import Deferred, fail
from twisted.internet.interfaces import IReactorFromThreads
from twisted.internet.threads import deferToThreadPool
from twisted.python.threadpool import ThreadPool

from archive_server.errors import Unavailable

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """A pool of at most so many threads; what finds none free waits its turn.

    One pool for each thing that can be slow, so that a slow disk cannot stop logins.
    """

    def __init__(self, reactor: IReactorFromThreads, most: int, name: str) -> None:
        self._reactor = reactor
        self._pool = ThreadPool(minthreads=0, maxthreads=most, name=name)

    def start(self) -> None:
        """Begin with what was and will be asked for."""
        self._pool.start()

    def stop(self) -> None:
        """Finish what was asked for, take no more, and wait for the end. Blocks; repeatable."""
        if not self._pool.joined:
            self._pool.stop()

    @property
    def waiting(self) -> int:
        """How much waits for a thread."""
        return int(self._pool.q.qsize())

    def __call__(self, work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Deferred[T]:
        """Do blocking work in a thread. To cancel means not to wait; the work is done anyway."""
        if self._pool.joined:  # the pool would drop it silently
            return fail(Unavailable("the server is stopping"))
        return deferToThreadPool(self._reactor, self._pool, work, *args, **kwargs)
