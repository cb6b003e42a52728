"""Reads contents again, slowly, for as long as the server runs; and tells of what it finds."""

from twisted.internet.defer import Deferred, succeed
from twisted.internet.interfaces import IReactorTime
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from archive_server.errors import Unavailable
from archive_server.model.integrity import Looked, Outcome
from archive_server.services.pacing import Pace, ReadingStopped
from archive_server.services.verification import VerificationService

log = Logger()

_LOOK_EVERY_S = 60


class Verifier:
    """Runs the verification service; what is to be read next, the database knows."""

    def __init__(self, verification: VerificationService, clock: IReactorTime) -> None:
        self._verification = verification
        self._pace = Pace()
        self._loop = LoopingCall(self._begin)
        self._loop.clock = clock
        self._running: Deferred[None] = succeed(None)

    def start(self) -> None:
        """Begin: at once, and then every minute, if nothing is being read."""
        self._loop.start(_LOOK_EVERY_S)

    async def stop(self) -> None:
        """Break off what is being read; the next start begins with the same file."""
        if self._loop.running:
            self._loop.stop()
        self._pace.stop()
        await self._running

    def _begin(self) -> Deferred[None]:
        self._running = Deferred.fromCoroutine(self._go_on())
        return self._running

    async def _go_on(self) -> None:
        try:
            await self._verification.go_on(self._pace, _tell)
        except ReadingStopped:
            return
        except Unavailable as error:
            log.warn("contents are not read again: {error}", error=error)
        except Exception:  # noqa: BLE001  an edge: what is unforeseen is logged, and tried again
            log.failure("reading contents again fails")


def _tell(looked: Looked) -> None:
    sha256 = looked.content.sha256.hex()
    if looked.outcome is Outcome.DAMAGED:
        log.error(
            "content {content} is damaged, and in quarantine: {flaw}",
            content=sha256,
            flaw=looked.flaw,
        )
    elif looked.outcome is Outcome.MENDED:
        log.info("content {content} was damaged, and is whole again", content=sha256)
    elif looked.outcome is Outcome.HELD:
        log.error(
            "content {content} is damaged ({flaw}), as too many are: nothing more is marked; "
            "see archive-server brake",
            content=sha256,
            flaw=looked.flaw,
        )
    elif looked.outcome is Outcome.UNKNOWN:
        log.warn("content {content}: {flaw}", content=sha256, flaw=looked.flaw)
