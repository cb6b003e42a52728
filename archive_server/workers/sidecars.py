"""Writes sidecars as changes come, for as long as the server runs."""

from typing import Any

from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from archive_server.errors import Unavailable
from archive_server.services.sidecars import SidecarService

log = Logger()

# To look takes a tenth of a millisecond of PostgreSQL. To be told would take each writer longer:
# transactions that notify somebody commit one after the other.
_LOOK_EVERY_S = 0.25
_PAUSE_S = 10  # after something that cannot be written now


class SidecarWriter:
    """Runs the service; one step at a time."""

    def __init__(self, sidecars: SidecarService, clock: Any) -> None:
        self._sidecars = sidecars
        self._clock = clock
        self._loop = LoopingCall(self._begin)
        self._loop.clock = clock
        self._running: Deferred[None] = succeed(None)
        self._is_stopping = False
        self._not_before = 0.0

    def start(self) -> None:
        """Begin: with what was left at the last end, or in an archive that has none, with all."""
        self._loop.start(_LOOK_EVERY_S)

    async def stop(self) -> None:
        """End after the step under way: the next start goes on."""
        self._is_stopping = True
        if self._loop.running:
            self._loop.stop()
        await self._running

    def _begin(self) -> Deferred[None]:
        self._running = Deferred.fromCoroutine(self._write())
        return self._running

    async def _write(self) -> None:
        if self._clock.seconds() < self._not_before:
            return
        try:
            if await self._sidecars.is_due():
                while not self._is_stopping and await self._sidecars.step():
                    pass
        except CancelledError:
            return
        except Unavailable as error:
            self._rest()
            log.warn("sidecars are not written: {error}", error=error)
        except Exception:  # noqa: BLE001  an edge: what is unforeseen is logged, and tried again
            self._rest()
            log.failure("writing sidecars fails")

    def _rest(self) -> None:
        self._not_before = self._clock.seconds() + _PAUSE_S
