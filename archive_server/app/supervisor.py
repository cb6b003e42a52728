"""The first of several processes: starts and replaces the workers.

| signal          | what happens                                                                   |
|-----------------|--------------------------------------------------------------------------------|
| SIGTERM, SIGINT | nobody is let in; transfers get the grace time; PostgreSQL is stopped last     |
| SIGHUP          | new workers are started; once all are ready the old end with their last client |

It has no reactor and serves nothing, so that there is little in it that could fail. A worker ends
with it, however it ends: the kernel sees to that (`containment.die_with_parent`).
"""

import os
import selectors
import signal
import socket
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace

from twisted.logger import Logger

from archive_server.app.tls import Kept
from archive_server.app.worker import PROGRAM, Task
from archive_server.app.worker_process import WorkerProcess

log = Logger()

_LOOK_S = 1  # after PostgreSQL
_SILENT_S = 60  # for one that is, without saying that it is alive
_ASLEEP_S = 10  # who has not looked for so long did not run, and perhaps nobody did
_SETTLED_S = 10  # who has lived for so long did not die of starting
_LONGEST_PAUSE_S = 30  # between two attempts to start one that dies at once
_FIRST_ATTEMPTS = 3  # at the very start, for each worker


class WorkersFail(Exception):
    """No worker could be started; why, they have said themselves."""


@dataclass
class _Seat:
    """The place of one worker: who is there, and when the next is due."""

    worker: WorkerProcess | None = None
    deaths: int = 0  # one soon after the other
    due_at: float = 0


class Supervisor:
    """Keeps as many workers running as there shall be."""

    def __init__(
        self,
        task: Task,
        sockets: Sequence[socket.socket],
        stop_s: float,
        look_after: Callable[[], None],
        program: Sequence[str] = PROGRAM,
        silent_s: float = _SILENT_S,
        kept: Kept | None = None,
    ) -> None:
        """`task` is that of the first worker. `look_after` is called every second."""
        self._task = task
        self._sockets = sockets
        self._stop_s = stop_s
        self._look_after = look_after
        self._program = program
        self._silent_s = silent_s
        self._kept = kept
        self._worked_at = time.monotonic()
        self._seats = [_Seat() for _ in range(task.of)]
        self._successors: list[WorkerProcess] = []  # of a graceful restart, until all are ready
        self._leaving: set[WorkerProcess] = set()
        self._selector = selectors.DefaultSelector()
        self._signals: list[int] = []
        self._has_been_ready = False
        self._is_told_to_restart = False
        self._is_stopping = False
        self._kill_at = float("inf")

    def run(self, on_ready: Callable[[], None]) -> None:
        """Start the workers and replace them until told to stop. Raises WorkersFail."""
        with self._hearing_signals():
            try:
                while not (self._is_stopping and not self._workers()):
                    self._work(time.monotonic())
                    if self._is_just_ready():
                        self._has_been_ready = True
                        on_ready()
                    self._wait()
            finally:
                self._kill(self._workers())
                for worker in self._workers():
                    worker.process.wait()
                self._selector.close()

    def _work(self, now: float) -> None:
        """Do all that is due."""
        while self._signals:
            self._obey(self._signals.pop(0), now)
        self._look_after()
        if self._kept is not None:
            self._kept.look()
        self._kill_the_silent(now)
        if self._is_stopping:
            if now > self._kill_at:
                self._kill(self._workers())
            return
        for number, seat in enumerate(self._seats):
            if seat.worker is None and now >= seat.due_at:
                self._fill(seat, number)
        if self._is_told_to_restart and self._has_been_ready:
            self._restart()
        if self._successors and all(worker.is_ready for worker in self._successors):
            self._succeed()

    def _obey(self, number: int, now: float) -> None:
        if number == signal.SIGHUP:
            self._is_told_to_restart = True  # the first workers may have read the old configuration
        elif not self._is_stopping:
            self._is_stopping = True
            self._kill_at = now + self._stop_s
            self._leaving.update(self._successors)
            self._successors = []
            for listening in self._sockets:
                listening.close()
            for worker in self._workers():
                worker.tell(signal.SIGTERM)

    # -- a graceful restart -------------------------------------------------------------------

    def _restart(self) -> None:
        self._is_told_to_restart = False
        log.info("starting new workers in place of those that run")
        self._give_up_successors()
        try:
            for number in range(len(self._seats)):
                self._successors.append(self._started(number))
        except OSError:  # no memory, or too many processes
            log.failure("new workers cannot be started; those that run go on")
            self._give_up_successors()

    def _succeed(self) -> None:
        """Let the new workers take over: from now on the old ones begin nothing."""
        for seat, successor in zip(self._seats, self._successors, strict=True):
            if seat.worker is not None:
                seat.worker.tell(signal.SIGHUP if seat.worker.is_ready else signal.SIGTERM)
                self._leaving.add(seat.worker)
            seat.worker, seat.deaths = successor, 0
        self._successors = []
        log.info("new workers have taken over")

    def _give_up_successors(self) -> None:
        for worker in self._successors:
            worker.tell(signal.SIGTERM)
        self._leaving.update(self._successors)
        self._successors = []

    # -- beginning and end of a worker --------------------------------------------------------

    def _fill(self, seat: _Seat, number: int) -> None:
        try:
            seat.worker = self._started(number)
        except OSError:
            if not self._has_been_ready:
                raise
            log.failure("worker {number} cannot be started", number=number)
            seat.due_at = time.monotonic() + _LONGEST_PAUSE_S

    def _started(self, number: int) -> WorkerProcess:
        """Start a worker. Raises OSError."""
        kept = () if self._kept is None else self._kept.descriptors
        task = replace(self._task, number=number, kept=kept)
        worker = WorkerProcess.start(self._program, task)
        self._selector.register(worker.pipe, selectors.EVENT_READ, worker)
        return worker

    def _hear(self, worker: WorkerProcess) -> None:
        """Take in that a worker is alive, or has ended."""
        if worker.hear():
            return
        self._selector.unregister(worker.pipe)
        worker.bury()
        if worker in self._leaving:
            self._leaving.discard(worker)
        elif worker in self._successors:
            self._successors.remove(worker)
            self._give_up_successors()
            log.error("a new worker does not start; those that run go on")
        else:
            self._leave_empty(self._seats[worker.number], worker)

    def _leave_empty(self, seat: _Seat, worker: WorkerProcess) -> None:
        seat.worker = None
        if self._is_stopping:
            return
        now = time.monotonic()
        has_settled = worker.is_ready and now - worker.started_at > _SETTLED_S
        seat.deaths = 1 if has_settled else seat.deaths + 1
        if not self._has_been_ready:
            if not worker.was_killed:
                raise WorkersFail("a worker ended before it was ready")
            if seat.deaths == _FIRST_ATTEMPTS:
                raise WorkersFail(
                    f"a worker was killed ({worker.end}) {seat.deaths} times before it was ready"
                )
        pause = 0 if seat.deaths == 1 else min(_LONGEST_PAUSE_S, 2.0 ** min(seat.deaths - 3, 9))
        seat.due_at = now + pause
        log.error(
            "worker {number} has ended ({end}) and is replaced{when}",
            number=worker.number,
            end=worker.end,
            when=f" in {pause} s" if pause else "",
        )

    def _workers(self) -> list[WorkerProcess]:
        """All that run."""
        seated = [seat.worker for seat in self._seats if seat.worker is not None]
        return [*seated, *self._successors, *self._leaving]

    def _is_just_ready(self) -> bool:
        return not (self._has_been_ready or self._is_stopping) and all(
            seat.worker is not None and seat.worker.is_ready for seat in self._seats
        )

    def _kill_the_silent(self, now: float) -> None:
        """End who has not been heard of for long: it hangs, and its clients with it."""
        was_asleep = now > self._worked_at + _ASLEEP_S
        self._worked_at = now
        for worker in self._workers():
            if was_asleep:
                worker.heard_at = now
            elif worker.is_late(now, self._silent_s):
                log.error("worker {number} hangs and is killed", number=worker.number)
                worker.heard_at = now
                self._kill([worker])

    def _kill(self, workers: Sequence[WorkerProcess]) -> None:
        for worker in workers:
            worker.tell(signal.SIGKILL)

    # -- waiting ------------------------------------------------------------------------------

    def _wait(self) -> None:
        """Wait until somebody has something to say; for a second at most."""
        now = time.monotonic()
        due = [seat.due_at - now for seat in self._seats if seat.worker is None]
        wait_s = max(0.0, min([_LOOK_S, *due])) if not self._is_stopping else _LOOK_S
        for key, _ in self._selector.select(wait_s):
            if key.data is None:
                with suppress(BlockingIOError):
                    os.read(key.fd, 4096)
            else:
                self._hear(key.data)

    @contextmanager
    def _hearing_signals(self) -> Iterator[None]:
        """Collect signals; each wakes us up."""
        reading, writing = os.pipe()
        os.set_blocking(reading, False)
        os.set_blocking(writing, False)
        self._selector.register(reading, selectors.EVENT_READ, None)
        awakened = signal.set_wakeup_fd(writing, warn_on_full_buffer=False)
        before = {
            number: signal.signal(number, lambda number, _: self._signals.append(number))
            for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
        }
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(awakened)
            os.close(reading)
            os.close(writing)
