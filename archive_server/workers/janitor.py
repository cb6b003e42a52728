"""Tidies up, every now and then, for as long as the server runs."""

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from archive_server.errors import Unavailable
from archive_server.model.integrity import BrakeJob
from archive_server.services.brake import Brake
from archive_server.services.maintenance import MaintenanceService

log = Logger()

_TIDY_EVERY_S = 60
_SWEEPS_EVERY = 60  # tidyings: once an hour


class Janitor:
    """Runs the maintenance service; one at a time, however long it takes."""

    def __init__(
        self,
        maintenance: MaintenanceService,
        clock: IReactorTime,
        brake: Brake | None = None,
    ) -> None:
        """What the `brake` holds back is told once."""
        self._maintenance = maintenance
        self._brake = brake
        self._held: set[BrakeJob] = set()
        self._tidyings = 0
        self._loop = LoopingCall(self._begin)
        self._loop.clock = clock
        self._running: Deferred[None] = succeed(None)

    def start(self) -> None:
        """Begin: at once, and then every minute."""
        self._loop.start(_TIDY_EVERY_S)

    async def stop(self) -> None:
        """Begin nothing any more, and break off what is under way: the next start goes on."""
        if self._loop.running:
            self._loop.stop()
        self._running.cancel()
        await self._running

    def _begin(self) -> Deferred[None]:
        self._running = Deferred.fromCoroutine(self._tidy())
        return self._running

    async def _tidy(self) -> None:
        try:
            await self._maintenance.tidy()
            if self._tidyings % _SWEEPS_EVERY == 0:
                await self._maintenance.sweep()
            self._tidyings += 1
            await self._tell_held()
        except CancelledError:
            return
        except Unavailable as error:
            log.warn("not tidied: {error}", error=error)
        except Exception:  # noqa: BLE001  an edge: what is unforeseen is logged, and tried again
            log.failure("tidying fails")

    async def _tell_held(self) -> None:
        if self._brake is None:
            return
        held = await self._brake.held()
        for each in held:
            if each.job not in self._held:
                log.error(
                    "the brake holds: {held}; archive-server brake release {job} lets them",
                    held=each,
                    job=each.job.value,
                )
        self._held = {each.job for each in held}
