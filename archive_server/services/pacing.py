"""How fast a long reading goes, so that whoever reads in earnest does not notice it."""

import time
from dataclasses import dataclass, field
from threading import Event


class ReadingStopped(Exception):
    """The reading was broken off; nothing was concluded from it."""


@dataclass
class Pace:
    """So many bytes a second; for one thread at a time, but stopped from any."""

    rate: float | None = None  # None: as fast as it goes
    _due: float = 0.0  # when the bytes read so far may all have been read
    _stopped: Event = field(default_factory=Event)

    def spend(self, size: int) -> None:
        """Wait for the time of bytes that were just read. Raises ReadingStopped."""
        if self.rate is not None:
            now = time.monotonic()
            self._due = max(self._due, now) + size / self.rate
            self._stopped.wait(self._due - now)
        if self._stopped.is_set():
            raise ReadingStopped

    def stop(self) -> None:
        """Break off what is being read, and whatever comes."""
        self._stopped.set()
