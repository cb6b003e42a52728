"""Does the jobs that are waiting, for as long as the server runs."""

from collections.abc import Mapping
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import LoopingCall, deferLater
from twisted.logger import Logger

from archive_server.errors import ArchiveError, Unavailable
from archive_server.model.jobs import Job, JobCancelled, Work
from archive_server.services.jobs import BEAT, JobService, fault_of

log = Logger()

_LOOK_EVERY_S = 1
_TIDY_EVERY_S = 60
_MOST = 2  # at once in this process: they share its disk and its cores
_PAUSE_S = 0.05
_INTERNAL = "internal error"


class JobRunner:
    """Claims jobs, and does them with the work of their kind."""

    def __init__(
        self,
        jobs: JobService,
        work: Mapping[str, Work],
        clock: Any,  # the reactor, or what tells the time instead
        most: int = _MOST,
    ) -> None:
        self._jobs = jobs
        self._work = work
        self._clock = clock
        self._most = most
        self._running: set[_Running] = set()
        self._looking: Deferred[None] | None = None
        self._look_loop = self._loop(self._look)
        self._tidy_loop = self._loop(self._tidy)

    def start(self) -> None:
        """Begin with what is waiting, or was left behind; then look every second."""
        self._tidy_loop.start(_TIDY_EVERY_S)
        self._look_loop.start(_LOOK_EVERY_S)

    async def stop(self, grace_s: float) -> None:
        """Begin nothing any more; cancel what is under way, and give it back to be done again.

        Work that does not hear of it within the grace time is left to itself.
        """
        for loop in (self._look_loop, self._tidy_loop):
            if loop.running:
                loop.stop()
        if self._looking is not None:
            await self._looking
        for running in self._running:
            running.is_stopped = True
        deadline = self._clock.seconds() + grace_s
        while self._running and self._clock.seconds() < deadline:
            await deferLater(self._clock, _PAUSE_S)
        for running in self._running:
            log.warn("a job does not stop: {kind}", kind=running.job.kind)

    def _loop(self, work: Any) -> LoopingCall:
        loop = LoopingCall(work)
        loop.clock = self._clock
        return loop

    # -- looking for work -------------------------------------------------------------------

    def _look(self) -> Deferred[None]:
        self._looking = Deferred.fromCoroutine(self._claim_what_waits())
        return self._looking

    async def _claim_what_waits(self) -> None:
        try:
            while len(self._running) < self._most and self._look_loop.running:
                job = await self._jobs.claim(self._work.keys())
                if job is None:
                    return
                self._begin(job)
        except Unavailable:
            return  # the janitor complains about it, less often
        except Exception:  # noqa: BLE001  an edge: what is unforeseen is logged, and tried again
            log.failure("looking for jobs fails")

    def _begin(self, job: Job) -> None:
        running = _Running(self._jobs, job, self._clock)
        self._running.add(running)
        done = Deferred.fromCoroutine(running.run(self._work[job.kind]))
        done.addBoth(lambda _: self._running.discard(running))

    async def _tidy(self) -> None:
        try:
            await self._jobs.tidy()
        except Unavailable:
            return
        except Exception:  # noqa: BLE001  an edge: what is unforeseen is logged, and tried again
            log.failure("tidying up after jobs fails")


class _Running:
    """A job under way."""

    def __init__(self, jobs: JobService, job: Job, clock: Any) -> None:
        self.job = job
        self.is_stopped = False  # the server ends; somebody shall begin anew
        self._is_lost = False  # it was closed, or somebody else does it
        self._progress = 0.0
        self._jobs = jobs
        self._beating = LoopingCall(self._beat)
        self._beating.clock = clock

    def report(self, progress: float) -> None:
        """Hear how far the work is; from any thread. Raises JobCancelled."""
        if self.is_stopped or self._is_lost:
            raise JobCancelled
        self._progress = min(max(progress, 0.0), 1.0)

    async def run(self, work: Work) -> None:
        """Do the job, and write down how it ended."""
        self._beating.start(BEAT.total_seconds(), now=False)
        try:
            await self._end(work)
        except Unavailable as error:
            # Somebody takes it up when it has been silent for long enough.
            log.warn("the end of a job cannot be noted: {error}", error=error)
        except Exception:  # noqa: BLE001  an edge: nothing else would see it
            log.failure("ending a job fails")
        finally:
            if self._beating.running:
                self._beating.stop()

    async def _end(self, work: Work) -> None:
        job = self.job
        try:
            await self._jobs.make_directory(job)
            result = await work(job, self.report)
        except JobCancelled:
            if self._is_lost:
                await self._jobs.abandon(job)
            else:
                await self._jobs.give_back(job)
        except Exception as error:  # noqa: BLE001  whatever happens, the job ends
            if self.is_stopped:  # things are being closed under its hands
                await self._jobs.give_back(job)
            elif not await self._jobs.beat(job, self._progress):
                # Closed, and its files gone, before the last beat told of it: who would be told?
                await self._jobs.abandon(job)
            else:
                await self._jobs.fail(job, self._told(error))
        else:
            await self._jobs.succeed(job, result)

    def _told(self, error: Exception) -> str:
        fault = fault_of(error)
        if fault is None:
            log.failure("{kind} fails", kind=self.job.kind)
        return fault or _INTERNAL

    async def _beat(self) -> None:
        try:
            self._is_lost = not await self._jobs.beat(self.job, self._progress)
        except ArchiveError:
            return  # the database is away; it may be back for the next one
        except Exception:  # noqa: BLE001  an edge: a loop would end at the first error
            log.failure("a job's beat fails")
