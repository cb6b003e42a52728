"""Numbers about the archive, counted only so often, whoever asks."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

from archive_server.blocking import Database, InThread
from archive_server.database import gauges
from archive_server.model.gauges import Gauges
from archive_server.services.storing import store_errors
from audio_store import AudioStore

_EVERY = timedelta(seconds=15)
# What is slow to count, in a large archive, is counted more seldom: it costs a fiftieth at most.
_PAUSES = 50
_LONG_AGO = datetime.min.replace(tzinfo=UTC)


@dataclass
class _Counted:
    gauges: Gauges | None = None
    next_at: datetime = _LONG_AGO


@dataclass(frozen=True)
class GaugeService:
    """Counting."""

    database: Database
    store: AudioStore
    in_thread: InThread
    now: Callable[[], datetime]
    _last: _Counted = field(default_factory=_Counted)

    async def current(self) -> Gauges:
        """The numbers as they were not long ago. Raises Unavailable."""
        last, began_at = self._last, self.now()
        if last.gauges is None or began_at >= last.next_at:
            last.next_at = began_at + _EVERY  # whoever asks meanwhile is not waited for
            last.gauges = await self.database.run(gauges.read, began_at)
            took = self.now() - began_at
            last.next_at = began_at + max(_EVERY, _PAUSES * took)
        return last.gauges

    async def free_bytes(self) -> int:
        """What the store's disk still has room for. Raises Unavailable."""
        with store_errors():
            return await self.in_thread(self.store.free_bytes)
