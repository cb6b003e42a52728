"""Has mixes made by worker processes, and outlives whatever happens to them."""

import contextlib
import dataclasses
import json
import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from audio_store.errors import AudioStoreError
from audio_store.probe.worker_process import WorkerDied, WorkerLate, WorkerProcess
from audio_store.render.mix import Mix, to_json

WORKER = (sys.executable, "-P", "-m", "audio_store.render.worker")
_STARTING_S = 60


@dataclass(frozen=True, slots=True)
class RenderLimits:
    """What one mix may cost before its worker is killed."""

    memory_bytes: int = 2**30
    cpu_s: float = 120
    cpu_share: float = 0.25  # CPU seconds more for each second that is read or written
    silent_s: float = 120  # without a word of progress

    def cpu_for(self, mix: Mix) -> float:
        return self.cpu_s + self.cpu_share * mix.work_s

    def file_bytes(self, mix: Mix) -> int:
        """More than Vorbis ever needs: as much as 16-bit PCM, and something for the headers."""
        return 2**20 + 2 * mix.frames * mix.channels


class RenderFailed(AudioStoreError):
    """The mix could not be made; `part` is the number of the part it failed at, if it was one."""

    def __init__(self, message: str, part: int | None = None) -> None:
        super().__init__(message)
        self.part = part


class Renderer:
    """Starts a worker for each mix. Every method blocks; thread-safe."""

    def __init__(
        self, limits: RenderLimits | None = None, *, command: Sequence[str] = WORKER
    ) -> None:
        self._limits = limits or RenderLimits()
        self._command = (*command, json.dumps(dataclasses.asdict(self._limits)))
        self._lock = threading.Lock()
        self._busy: set[WorkerProcess] = set()
        self._closed = False

    def render(self, mix: Mix, output: Path, report: Callable[[float], None]) -> int:
        """Write a mix to a new file, as Ogg Vorbis; return its length in frames.

        `report` is told the share that is done, several times a second; what it raises ends the
        work and is passed on. Raises RenderFailed; OSError if the file cannot be written.
        """
        with self._worker() as worker:
            try:
                self._greet(worker)
                worker.send({"mix": to_json(mix), "output": os.fspath(output.absolute())})
                return self._follow(worker, report)
            except (WorkerDied, WorkerLate) as end:
                raise RenderFailed(_told(end)) from end

    def close(self) -> None:
        """End all workers. Mixes under way, and those asked for later, raise RenderFailed."""
        with self._lock:
            self._closed = True
            for worker in self._busy:
                worker.kill()

    @contextlib.contextmanager
    def _worker(self) -> Iterator[WorkerProcess]:
        # Started by the thread that waits for it: the worker is killed when that thread ends.
        try:
            worker = WorkerProcess(self._command)
        except OSError as error:
            raise RenderFailed("no process can be started for the mix") from error
        try:
            with self._lock:
                if self._closed:
                    raise RenderFailed("the server is stopping")
                self._busy.add(worker)
            yield worker
        finally:
            with self._lock:
                self._busy.discard(worker)
            worker.dispose()

    def _greet(self, worker: WorkerProcess) -> None:
        try:
            worker.receive(time.monotonic() + _STARTING_S)
        except (WorkerDied, WorkerLate) as error:
            raise RenderFailed(f"the mixing process does not start: {error}") from error

    def _follow(self, worker: WorkerProcess, report: Callable[[float], None]) -> int:
        while True:
            answer = worker.receive(time.monotonic() + self._limits.silent_s)
            try:
                if "error" in answer:
                    _raise(answer["error"])
                if "frames" in answer:
                    return int(answer["frames"])
                share = float(answer["progress"])
            except (KeyError, TypeError, ValueError) as error:
                # A decoder that was taken over may say anything.
                raise WorkerDied("its answer makes no sense") from error
            report(share)


def _raise(error: dict[str, Any]) -> None:
    if error["kind"] == "disk":
        raise OSError(error["errno"], str(error["text"]))
    if error["kind"] == "part":
        raise RenderFailed(str(error["text"]), int(error["part"]))
    raise RenderFailed("the mix takes too much memory")


def _told(end: WorkerDied | WorkerLate) -> str:
    if isinstance(end, WorkerLate):
        return "the mixing process made no progress; it was given up"
    if end.signal == signal.SIGXCPU:
        return "the mix takes too much time; it was given up"
    return f"the mixing process ended: {end}"
