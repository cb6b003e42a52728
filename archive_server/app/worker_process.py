"""A worker as the supervisor sees it: a process, and a pipe on which it says that it is alive."""

import os
import signal
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace

from archive_server.app.worker import ALIVE, Task

_START_S = 60  # for a worker to get ready
_SECRETS = frozenset({"ARCHIVE_ADMIN_PASSWORD"})  # which only the first start needs


@dataclass(eq=False)
class WorkerProcess:
    """A worker process that was started; to be buried when `hear` says so."""

    number: int
    process: "subprocess.Popen[bytes]"
    pipe: int  # it says ALIVE there; and is at its end when the process is
    started_at: float  # of the monotonic clock, as all times here
    heard_at: float
    is_ready: bool = False

    @classmethod
    def start(cls, program: Sequence[str], task: Task) -> "WorkerProcess":
        """Start a worker with this task. Raises OSError."""
        reading, writing = os.pipe()
        try:
            process = subprocess.Popen(
                [*program, replace(task, ready=writing).to_json()],
                stdin=subprocess.DEVNULL,
                pass_fds=(writing, *task.sockets, *task.kept),
                env={key: value for key, value in os.environ.items() if key not in _SECRETS},
                start_new_session=True,  # Ctrl-C on the terminal is for the supervisor to pass on
            )
        except BaseException:
            os.close(reading)
            raise
        finally:
            os.close(writing)
        now = time.monotonic()
        return cls(task.number, process, reading, started_at=now, heard_at=now)

    def hear(self) -> bool:
        """Take in what it says, when there is something to read; False: it has ended."""
        if not os.read(self.pipe, 4096).startswith(ALIVE):
            return False
        self.is_ready = True
        self.heard_at = time.monotonic()
        return True

    def bury(self) -> None:
        """Let go of one that has ended."""
        os.close(self.pipe)
        self.process.wait()

    def is_late(self, now: float, silent_s: float) -> bool:
        """Whether it should have been heard of; `silent_s` holds for one that is ready."""
        return now > self.heard_at + (silent_s if self.is_ready else _START_S)

    def tell(self, number: int) -> None:
        """Send a signal, if it still runs."""
        self.process.send_signal(number)

    @property
    def was_killed(self) -> bool:
        """Whether a signal has ended it; else it has ended by itself, and said why."""
        return bool(self.process.returncode < 0)

    @property
    def end(self) -> str:
        """How it has ended, in words."""
        status = self.process.returncode
        return signal.Signals(-status).name if status < 0 else f"exit code {status}"
