"""One worker process, spoken to in lines, with deadlines."""

import contextlib
import json
import os
import select
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

_LONGEST_ANSWER = 2**24
_PIECE = 2**16
_LAST_WORDS = 2000
_ENDING_S = 5
_LONGEST_WAIT_S = 3600  # poll(2) counts milliseconds in an int
# A worker gets no secrets: of the server's environment only what it takes to run Python.
_PASSED_ON = ("PATH", "HOME", "LANG", "LC_ALL", "LC_CTYPE", "LD_LIBRARY_PATH", "TMPDIR", "TZ")
_KEPT = 2**22  # bytes
_ROOT = str(Path(__file__).resolve().parents[2])


class WorkerDied(Exception):
    """The worker ended without an answer; `signal` is what killed it, 0 if it left by itself."""

    def __init__(self, message: str, killed_by: int = 0) -> None:
        super().__init__(message)
        self.signal = killed_by


class WorkerLate(Exception):
    """No answer in time."""


def environment() -> Mapping[str, str]:
    """What a worker is given to run in."""
    passed_on = {name: os.environ[name] for name in _PASSED_ON if name in os.environ}
    return passed_on | {
        "PYTHONPATH": _ROOT,
        # Each worker is one of several, and the arrays are small.
        "OPENBLAS_NUM_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "MALLOC_ARENA_MAX": "1",
        # What one file has taken the next one takes again. Given back in between, the kernel makes
        # new pages of it, 50 for a small file: 0.1 of the 1.3 ms that it takes.
        "MALLOC_TRIM_THRESHOLD_": str(_KEPT),
        "MALLOC_MMAP_THRESHOLD_": str(_KEPT),
    }


class WorkerProcess:
    """A running worker. One thread at a time talks to it; `kill` may come from any."""

    def __init__(self, command: Sequence[str]) -> None:
        self.files = 0
        self.is_ready = False
        # Not a pipe: nobody has to read it, and the worker caps the size of files.
        self._stderr = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `dispose`
        self._requests, theirs = socket.socketpair()
        try:
            self._process = self._started(command, theirs)
        except OSError:
            self._requests.close()
            self._stderr.close()
            raise
        finally:
            theirs.close()
        self._received = bytearray()
        self._searched = 0  # so many bytes of it hold no line's end

    def _started(self, command: Sequence[str], requests: socket.socket) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            command,
            stdin=requests.fileno(),
            stdout=subprocess.PIPE,
            stderr=self._stderr,
            env=environment(),
            bufsize=0,
            # Ctrl-C in the server's terminal is for the server alone.
            start_new_session=True,
        )

    @property
    def is_alive(self) -> bool:
        return self._process.poll() is None

    def await_ready(self, deadline: float) -> None:
        """Wait until it has said that it can be asked. Raises WorkerDied, WorkerLate."""
        self.receive(deadline)
        self.is_ready = True

    def send(self, request: Mapping[str, Any], *files: int) -> None:
        """Write one request, and with it the descriptors of open files. Raises WorkerDied."""
        line = json.dumps(request).encode() + b"\n"
        try:
            sent = socket.send_fds(self._requests, [line], files)
            # Not for nothing: a worker that has read all of it may have judged and died by now,
            # and what it said would be lost.
            if rest := line[sent:]:
                self._requests.sendall(rest)
        except OSError as error:
            raise self._death() from error

    def receive(self, deadline: float) -> dict[str, Any]:
        """Read one answer, by `deadline` of the monotonic clock. Raises WorkerDied, WorkerLate."""
        while (end := self._received.find(b"\n", self._searched)) < 0:
            self._searched = len(self._received)
            piece = self._read(deadline)
            if not piece:
                raise self._death()
            self._received += piece
            if len(self._received) > _LONGEST_ANSWER:
                raise WorkerDied("its answer does not end")
        line = bytes(self._received[:end])
        del self._received[: end + 1]
        self._searched = 0
        return _understood(line)

    def kill(self) -> None:
        """End the process; who talks to it sees it die."""
        self._process.kill()

    def dispose(self) -> None:
        """End the process and let go of it. Idempotent; only for who talks to it."""
        self._process.kill()
        # If it hangs in the kernel, on a disk that is away, it ends when the disk returns.
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDING_S)
        for pipe in (self._requests, self._process.stdout, self._stderr):
            assert pipe is not None  # we asked for pipes
            pipe.close()

    def last_words(self) -> str:
        """The end of what it wrote to standard error."""
        size = self._stderr.seek(0, os.SEEK_END)
        self._stderr.seek(max(0, size - _LAST_WORDS))
        return self._stderr.read().decode("utf-8", "replace").strip()

    def _read(self, deadline: float) -> bytes:
        assert self._process.stdout is not None  # we asked for a pipe
        descriptor = self._process.stdout.fileno()
        poll = select.poll()
        poll.register(descriptor, select.POLLIN)
        while (remaining := deadline - time.monotonic()) > 0:
            if poll.poll(min(remaining, _LONGEST_WAIT_S) * 1000):
                return os.read(descriptor, _PIECE)
        raise WorkerLate("no answer in time")

    def _death(self) -> WorkerDied:
        try:
            status = self._process.wait(_ENDING_S)
        except subprocess.TimeoutExpired:
            return WorkerDied("it closed its output")
        if status < 0:
            return WorkerDied(signal.Signals(-status).name, -status)
        return WorkerDied(f"exit status {status}")


def _understood(line: bytes) -> dict[str, Any]:
    try:
        answer = json.loads(line)
    except ValueError as error:
        raise WorkerDied("its answer is no JSON") from error
    if not isinstance(answer, dict):
        raise WorkerDied("its answer is no object")
    return answer
