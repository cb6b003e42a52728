"""What a process remembers of the database, for as long as it would hear of a change.

Several processes serve one archive, and each may end what another remembers. So nothing is
believed because it is recent. It is believed because the database tells when it changes
(`database/notices.py`), and only while it is certain that we would have been told:

| what may go wrong                                  | what keeps it right                        |
|----------------------------------------------------|--------------------------------------------|
| the row is read, ended, and only then remembered   | a reading that a notice overtakes is void  |
| nobody listens, or the connection is lost          | everything is forgotten, and nothing kept  |
| the connection hangs, or this process was asleep   | nothing is believed without a recent beat  |
| many leases, each with an open file                | what was used least recently goes          |
"""

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Generic, TypeVar

K = TypeVar("K")
V = TypeVar("V")

# What was ended elsewhere is refused here within a second. The rest of it is for the notice of a
# request that is under way.
_BELIEVED_S = 0.9


class Hearing:
    """Whether we would have heard of every change until just now."""

    def __init__(self, seconds: Callable[[], float] = time.monotonic) -> None:
        self._seconds = seconds
        self._until = float("-inf")

    @property
    def is_good(self) -> bool:
        """Whether what is remembered may be believed."""
        return self._seconds() < self._until

    def note(self, asked_at: float) -> None:
        """Note that the database has answered, after all its notices, what was asked then."""
        self._until = asked_at + _BELIEVED_S

    def note_lost(self) -> None:
        """Note that nothing is heard any more."""
        self._until = float("-inf")


class Memory(Generic[K, V]):
    """Values by their keys, the `most` that were used last. For one thread.

    A value that is remembered no more is handed to `drop`.
    """

    def __init__(
        self, hearing: Hearing, most: int, drop: Callable[[V], object] = lambda _: None
    ) -> None:
        self._hearing = hearing
        self._most = most
        self._drop = drop
        self._kept: OrderedDict[K, V] = OrderedDict()
        self._readings: set[_Reading[K]] = set()

    def __len__(self) -> int:
        return len(self._kept)

    def find(self, key: K) -> V | None:
        """What is remembered, if it is to be believed."""
        if not self._hearing.is_good:
            return None
        value = self._kept.get(key)
        if value is not None:
            self._kept.move_to_end(key)
        return value

    @contextmanager
    def reading(self, key: K) -> Iterator[Callable[[V], bool]]:
        """Let the database be read inside the block, and give what remembers the value found.

        It says whether it does: not if a notice about the key has come meanwhile.
        """
        reading = _Reading(key, self._hearing.is_good)
        self._readings.add(reading)

        def remember(value: V) -> bool:
            if not (reading.is_valid and self._hearing.is_good):
                return False
            self._put(key, value)
            return True

        try:
            yield remember
        finally:
            self._readings.discard(reading)

    def forget(self, key: K) -> None:
        """Forget one, also if it is just being read."""
        for reading in self._readings:
            if reading.key == key:
                reading.is_valid = False
        if key in self._kept:
            self._drop(self._kept.pop(key))

    def forget_those(self, is_meant: Callable[[V], bool]) -> None:
        """Forget the values of which this is true, and what is being read: it may be one."""
        self._void_readings()
        for key in [key for key, value in self._kept.items() if is_meant(value)]:
            self._drop(self._kept.pop(key))

    def forget_all(self) -> None:
        """Forget everything."""
        self.forget_those(lambda _: True)

    def _put(self, key: K, value: V) -> None:
        if key in self._kept:
            self._drop(self._kept.pop(key))
        self._kept[key] = value
        while len(self._kept) > self._most:
            self._drop(self._kept.popitem(last=False)[1])

    def _void_readings(self) -> None:
        for reading in self._readings:
            reading.is_valid = False


class _Reading(Generic[K]):
    """One look into the database; worth remembering only if it began within hearing."""

    __slots__ = ("is_valid", "key")

    def __init__(self, key: K, is_valid: bool) -> None:
        self.key = key
        self.is_valid = is_valid


def unheard(most: int = 0) -> Memory[K, V]:
    """A memory that nobody tells anything, so that it remembers nothing."""
    return Memory(Hearing(), most)
