"""Hands files to worker processes, and outlives whatever happens to them."""

import dataclasses
import json
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

from audio_store.errors import AudioStoreError
from audio_store.probe.report import Limits, Report, from_json, remarks_from_json
from audio_store.probe.verdicts import remark
from audio_store.probe.worker_process import (
    WorkerDied,
    WorkerLate,
    WorkerProcess,
    environment,
)

WORKER = (sys.executable, "-P", "-m", "audio_store.probe.worker")
_STARTING_S = 60


class ProbeUnavailable(AudioStoreError):
    """No worker could be started, or the prober is closed: this says nothing about the file."""


class Prober:
    """A pool of workers, started when they are needed. Every method blocks; thread-safe."""

    def __init__(
        self, workers: int = 2, limits: Limits | None = None, *, command: Sequence[str] = WORKER
    ) -> None:
        self._limits = limits or Limits()
        self._command = (*command, json.dumps(dataclasses.asdict(self._limits)))
        self._workers = workers
        self._free = threading.BoundedSemaphore(workers)
        self._lock = threading.Lock()
        self._idle: list[WorkerProcess] = []
        self._all: set[WorkerProcess] = set()
        self._closed = False
        self._trouble = ""
        # A worker is killed when the thread that started it ends, so one thread starts them all.
        self._starter = ThreadPoolExecutor(1, thread_name_prefix="probe-starter")

    def probe(self, path: Path, file_name: str, accept: frozenset[str] = frozenset()) -> Report:
        """Judge the file at `path`, of which a client says that it is called `file_name`.

        `accept` are the codes of refusals that shall be warnings. A file that kills its worker
        is tried once more in a fresh one. Raises OSError if the file cannot be read, and
        ProbeUnavailable if no worker can be had.
        """
        request = {"file_name": file_name, "accept": sorted(accept)}
        with self._free, path.open("rb", buffering=0) as file:
            try:
                return self._ask(request, file.fileno())
            except WorkerDied:
                pass
            try:
                return self._ask(request, file.fileno())
            except WorkerDied as death:
                return Report(refusals=(remark("probe-crashed", str(death)),))

    def prepare(self) -> None:
        """Start all workers before they are needed, side by side; waits for none of them."""
        for _ in range(self._workers):
            self._starter.submit(self._start_ahead)

    @property
    def trouble(self) -> str:
        """Why no worker could be started when one was needed last; empty: none of that."""
        return self._trouble

    def close(self) -> None:
        """End all workers. What is being probed at this moment raises ProbeUnavailable."""
        with self._lock:
            self._closed = True
            idle, self._idle = self._idle, []
            self._all.difference_update(idle)
            busy = list(self._all)
        for worker in idle:
            worker.dispose()
        for worker in busy:
            worker.kill()
        self._starter.shutdown(wait=True)

    def _ask(self, request: dict[str, Any], file: int) -> Report:
        worker = self._take()
        healthy = False
        try:
            conversation = _Conversation(worker, self._limits)
            report = conversation.hold(request, file)
            healthy = conversation.ended_well
        except WorkerDied:
            self._raise_if_closed()
            raise
        finally:
            worker.files += 1
            self._give_back(worker, healthy=healthy)
        return report

    def _take(self) -> WorkerProcess:
        self._raise_if_closed()
        try:
            worker = self._find_idle() or self._starter.submit(self._idle_or_new).result()
            if not worker.is_ready:
                self._await_ready(worker)
        except ProbeUnavailable as error:
            self._trouble = str(error)
            raise
        except RuntimeError as error:  # the starter was shut down meanwhile
            raise ProbeUnavailable("the prober is closed") from error
        self._trouble = ""
        return worker

    def _find_idle(self) -> WorkerProcess | None:
        with self._lock:
            while self._idle:
                worker = self._idle.pop()
                if worker.is_alive:
                    return worker
                self._all.discard(worker)
                worker.dispose()
        return None

    def _idle_or_new(self) -> WorkerProcess:
        # In the starter's thread, behind those that `prepare` has asked for.
        return self._find_idle() or self._start()

    def _start_ahead(self) -> None:
        with suppress(ProbeUnavailable):  # who needs it tries again, and is told
            self._give_back(self._start(), healthy=True)

    def _start(self) -> WorkerProcess:
        """Start a worker; it is ready later, and others can be started meanwhile."""
        try:
            worker = WorkerProcess(self._command)
        except OSError as error:
            raise ProbeUnavailable(f"a probe worker cannot be started: {error}") from error
        with self._lock:
            self._all.add(worker)
            closed = self._closed
        if closed:
            worker.kill()
        return worker

    def _await_ready(self, worker: WorkerProcess) -> None:
        try:
            worker.await_ready(time.monotonic() + _STARTING_S)
        except (WorkerDied, WorkerLate) as error:
            last_words = worker.last_words()
            with self._lock:
                self._all.discard(worker)
            worker.dispose()
            raise ProbeUnavailable(
                f"a probe worker does not start: {error}: {last_words}"
            ) from error

    def _give_back(self, worker: WorkerProcess, *, healthy: bool) -> None:
        with self._lock:
            if healthy and worker.files < self._limits.files and not self._closed:
                self._idle.append(worker)
                return
            self._all.discard(worker)
        worker.dispose()

    def _raise_if_closed(self) -> None:
        if self._closed:
            raise ProbeUnavailable("the prober is closed")


class _Conversation:
    """One file and one worker, from the request to the last answer."""

    def __init__(self, worker: WorkerProcess, limits: Limits) -> None:
        self.ended_well = False
        self._worker = worker
        self._limits = limits
        self._report: Report | None = None
        self._deadline = time.monotonic() + limits.wall_s

    def hold(self, request: dict[str, Any], file: int) -> Report:
        try:
            self._worker.send(request, file)
            while True:
                if report := self._take_in(self._worker.receive(self._deadline)):
                    return report
        except (WorkerDied, WorkerLate) as end:
            return self._cut_short(end)

    def _take_in(self, answer: dict[str, Any]) -> Report | None:
        """The report, once it is complete. Raises OSError if the file cannot be read."""
        if "error" in answer:
            return _failed(answer["error"])
        try:
            return self._understand(answer)
        except (AttributeError, KeyError, TypeError) as error:
            # A parser that was taken over may say anything.
            raise WorkerDied("its answer makes no sense") from error

    def _understand(self, answer: dict[str, Any]) -> Report | None:
        now = time.monotonic()
        if "duration_s" in answer:
            self._deadline = now + self._limits.wall_for(answer["duration_s"])
        elif self._report is None:
            self._report = from_json(answer["verdict"])
            self._deadline = now + self._limits.wall_s
        else:
            report = dataclasses.replace(
                self._report,
                warnings=self._report.warnings + remarks_from_json(answer["warnings"]),
                tags={name: tuple(values) for name, values in answer["tags"].items()},
            )
            self.ended_well = True
            return report
        return None

    def _cut_short(self, end: WorkerDied | WorkerLate) -> Report:
        """What a death means depends on how far the worker came, and on what killed it."""
        if self._report:
            return dataclasses.replace(
                self._report,
                warnings=(*self._report.warnings, remark("tags-unreadable", str(end))),
            )
        if isinstance(end, WorkerLate) or end.signal == signal.SIGXCPU:
            return Report(refusals=(remark("probe-timeout", str(end)),))
        raise end


def _failed(error: dict[str, Any]) -> Report:
    if error["kind"] == "memory":
        return Report(refusals=(remark("probe-out-of-memory"),))
    raise OSError(error["errno"], error["text"])


def pyogg_available() -> bool:
    """Whether workers have a second decoder for Ogg Vorbis; asked in a process of its own."""
    command = (sys.executable, "-P", "-m", "audio_store.probe.vorbis")
    answer = subprocess.run(command, env=environment(), capture_output=True, check=False)
    return answer.returncode == 0
