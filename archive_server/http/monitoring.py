"""What monitoring asks for: how the archive is, and what it has done."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from archive_server.blocking import InThread
from archive_server.errors import Forbidden, Unavailable
from archive_server.http import exposition, health
from archive_server.http.exchange import Exchange
from archive_server.http.health import HealthBoard
from archive_server.http.insiders import Insiders
from archive_server.http.measurements import Measurements, Snapshot
from archive_server.http.requests import ArchiveRequest
from archive_server.model.gauges import Gauges
from archive_server.services.gauges import GaugeService

_FRESH = {"cache-control": "no-store"}


@dataclass(frozen=True)
class Monitoring:
    """Health for everybody, and the details for those who keep the archive."""

    board: HealthBoard
    gauges: GaugeService
    measurements: Measurements
    exchange: Exchange
    in_thread: InThread
    insiders: Insiders
    now: Callable[[], datetime]
    release: str

    async def health(self, request: ArchiveRequest) -> None:
        """Answer whether it is well; to insiders also which part is not, and why."""
        parts = await self.board.look()
        body = health.document(
            parts,
            release=self.release,
            at=self.now(),
            in_detail=self.insiders.include(request),
        )
        request.send(health.status_code(parts), body, health.MEDIA_TYPE, _FRESH)

    async def metrics(self, request: ArchiveRequest) -> None:
        """Answer with all numbers there are, for Prometheus."""
        if not self.insiders.include(request):
            raise Forbidden("these numbers are for those who keep the archive")
        exposed = exposition.Exposed(
            self.release,
            await self._workers(),
            await self.board.look(),
            await self._gauges(),
            await self._free_bytes(),
        )
        # In a thread: a hundred routes, calls and buckets are ten milliseconds.
        body = await self.in_thread(exposed.text)
        request.send(200, body, exposition.MEDIA_TYPE, _FRESH)

    async def tell(self) -> None:
        """Let other processes know our numbers."""
        await self.in_thread(self.exchange.write, self.measurements.snapshot())

    async def _workers(self) -> dict[str, Snapshot]:
        """What all processes have counted: we just now, the others up to a second ago."""
        await self.tell()
        return await self.in_thread(self.exchange.read)

    async def _gauges(self) -> Gauges | None:
        try:
            return await self.gauges.current()
        except Unavailable:
            return None

    async def _free_bytes(self) -> int | None:
        try:
            return await self.gauges.free_bytes()
        except Unavailable:
            return None
