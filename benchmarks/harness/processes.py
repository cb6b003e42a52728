"""Servers as processes: started, watched and ended."""

import os
import signal
import socket
import subprocess
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

_READY_S = 60
_STOP_S = 30
_TICKS = os.sysconf("SC_CLK_TCK")


class ServerProcess:
    """A server of ours or a peer's, on a port of 127.0.0.1; a context that ends it."""

    host = "127.0.0.1"

    def __init__(
        self, command: Sequence[str | Path], port: int, log: Path, **environment: str
    ) -> None:
        """Start it; what it says goes to `log`. `await_port` waits for it."""
        self.port = port
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                [str(word) for word in command],
                env=os.environ | environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C is for the benchmark, which then ends it
            )

    @property
    def url(self) -> str:
        """Without a slash at its end."""
        return f"http://{self.host}:{self.port}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def await_port(self) -> Self:
        """Wait until it accepts connections. Raises RuntimeError, with what it said."""
        deadline = time.monotonic() + _READY_S
        while True:
            with suppress(OSError), socket.create_connection((self.host, self.port), 1):
                return self
            self.require_running(deadline)
            time.sleep(0.01)

    def require_running(self, deadline: float) -> None:
        """Raise RuntimeError if it has ended, or the time (monotonic) has come."""
        if self.process.poll() is not None or time.monotonic() > deadline:
            said = self.log.read_text()[-2000:]
            self.stop()
            raise RuntimeError(f"{self.process.args!r}: not ready; {said}")

    def pids(self) -> list[int]:
        """The process and all it has started."""
        return tree(self.process.pid)

    def cpu_seconds(self) -> float:
        """What its processes have used so far, in their own code and in the kernel."""
        return cpu_seconds(self.pids())

    def resident_bytes(self) -> int:
        """The memory its processes hold."""
        return resident_bytes(self.pids())

    def largest_bytes(self) -> int:
        """The memory of that process which holds most."""
        return max(resident_bytes([pid]) for pid in self.pids())

    def stop(self) -> None:
        """End it, and wait for that."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.wait(_STOP_S)
            except subprocess.TimeoutExpired:
                for pid in self.pids():
                    with suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGKILL)
                self.process.wait(_STOP_S)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def tree(pid: int) -> list[int]:
    """A process and its descendants that still run."""
    parents = {}
    for status in Path("/proc").glob("[0-9]*/stat"):
        with suppress(OSError):
            state, parent = status.read_text().rpartition(")")[2].split()[:2]
            if state != "Z":
                parents[int(status.parent.name)] = int(parent)
    found, newest = [], {pid} & parents.keys()
    while newest:
        found += sorted(newest)
        newest = {child for child, parent in parents.items() if parent in newest}
    return found


def name_of(pid: int) -> str:
    """What the kernel calls a process; empty if it has ended."""
    with suppress(OSError):
        return Path(f"/proc/{pid}/comm").read_text().strip()
    return ""


def cpu_seconds(pids: Iterable[int]) -> float:
    """What these processes have used so far, user and system."""
    ticks = 0
    for pid in pids:
        with suppress(OSError):
            fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += int(fields[11]) + int(fields[12])
    return ticks / _TICKS


def resident_bytes(pids: Iterable[int]) -> int:
    """The memory these processes hold; what they share is counted once for each."""
    pages = 0
    for pid in pids:
        with suppress(OSError):
            pages += int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
