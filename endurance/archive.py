"""The real server as a process: where it hurts, and how it comes back."""

import contextlib
import json
import os
import random
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Any

import psycopg2

from archive_server.database.embedded import RunningPostgres
from benchmarks.harness.processes import name_of, tree
from endurance.wire import Unanswered, Wire

PASSWORD = "a password of an hour"  # noqa: S105  a server that lives for so long
PROGRAM = (sys.executable, "-c", "from archive_server.cli.main import main; main()")

_START_S = 60
_POLL_S = 0.01


class Victim(StrEnum):
    """What is killed."""

    SERVER = "server"  # the first process; the kernel tells the others
    WORKER = "worker"  # one of those that serve; where there is one process, that one
    POSTGRES = "postgres"  # its first process
    BACKEND = "backend"  # one of its others: it then ends all of them and begins anew
    ALL = "all"  # everything at once


class Archive:
    """`archive-server serve`, on one port and one directory, as often as it takes."""

    def __init__(self, directory: Path, config: str) -> None:
        """Prepare it in an empty directory, which others than its owner can pass through."""
        self.data_dir = directory / "data"
        self.config = directory / "archive.toml"
        self.config.write_text(config)
        self.log = directory / "log"
        self._output = directory / "output"
        self.port = _free_port()
        self._environment = os.environ | {
            "ARCHIVE_ADMIN_PASSWORD": PASSWORD,
            "XDG_RUNTIME_DIR": str(directory),
        }
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def process(self) -> subprocess.Popen[bytes]:
        assert self._process is not None, "it was not started yet"
        return self._process

    def start(self, workers: int) -> None:
        """Start it, and wait until clients can come. Raises RuntimeError."""
        command = [*PROGRAM, "serve", "--listen", f"127.0.0.1:{self.port}"]
        command += ["--data", str(self.data_dir), "--config", str(self.config)]
        command += ["--workers", str(workers)]
        with self.log.open("ab") as log, self._output.open("wb") as output:
            self._process = subprocess.Popen(
                command,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=log,
                start_new_session=True,  # Ctrl-C is for who watches, who then ends it
            )
        # It says so when all its processes are; one of them answers before.
        self._await(lambda: "is ready" in self._output.read_text())

    def await_ready(self) -> None:
        """Wait until clients are served. Raises RuntimeError, with what it said last."""
        with contextlib.closing(Wire(self.port)) as wire:
            self._await(lambda: _is_ready(wire))

    def _await(self, is_there: Callable[[], bool]) -> None:
        deadline = time.monotonic() + _START_S
        while not is_there():
            if self.process.poll() is not None or time.monotonic() > deadline:
                said = self.log.read_text(errors="replace")[-2000:]
                raise RuntimeError(f"the archive does not get ready: {said}")
            time.sleep(_POLL_S)

    # -- killing ----------------------------------------------------------------------------------

    def kill(self, victim: Victim, which: random.Random) -> None:
        """`kill -9`. Of several alike, `which` chooses."""
        pids = self._pids(victim, which)
        for pid in pids:
            with contextlib.suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        if self.process.pid in pids:
            self.process.wait(_START_S)
        else:
            # Until whoever started it has noticed.
            self._await(lambda: not any(Path(f"/proc/{pid}").exists() for pid in pids))

    def _pids(self, victim: Victim, which: random.Random) -> list[int]:
        main, chance = self.process.pid, which.random()
        if victim is Victim.SERVER:
            return [main]
        if victim is Victim.ALL:
            return tree(main)
        found = {
            Victim.WORKER: self.worker_pids,
            Victim.POSTGRES: self.postgres_pids,
            Victim.BACKEND: self._backend_pids,
        }[victim]()
        return found[int(chance * len(found)) :][:1] or [main]

    def worker_pids(self) -> list[int]:
        """The processes that serve, where they are others than the first."""
        return [pid for pid in _children(self.process.pid) if b"cli.worker" in _command(pid)]

    def postgres_pids(self) -> list[int]:
        """PostgreSQL's first process."""
        return [pid for pid in _children(self.process.pid) if name_of(pid).startswith("postgres")]

    def _backend_pids(self) -> list[int]:
        return [pid for first in self.postgres_pids() for pid in _children(first)]

    def recover(self, workers: int) -> None:
        """Wait until clients are served again; start the first process if it was killed.

        It is given so many workers then. Raises RuntimeError.
        """
        killed_at = time.time()
        if self.process.poll() is None:
            self.await_ready()
        else:
            self.start(workers)
        self._await_older_transactions(killed_at)

    def _await_older_transactions(self, began_before: float) -> None:
        """Wait until PostgreSQL has ended what it was told by whoever is dead now.

        A COMMIT that was sent is carried out, whoever lives to hear of it.
        """
        self._await(lambda: self._has_ended_transactions(began_before))

    def _has_ended_transactions(self, began_before: float) -> bool:
        try:
            with contextlib.closing(psycopg2.connect(self.dsn)) as connection:
                cursor = connection.cursor()
                cursor.execute(_OLDER, (began_before,))
                return cursor.fetchone() == (0,)
        except psycopg2.Error:  # it has just noticed that one of its processes was killed
            return False

    @property
    def dsn(self) -> str:
        """How to reach its database."""
        return RunningPostgres(self.data_dir / "socket").dsn()

    # -- looking ----------------------------------------------------------------------------------

    def check(self) -> Any:
        """What `archive-server check --json` says. Raises RuntimeError where it cannot."""
        command = [*PROGRAM, "check", "--json", "--data", str(self.data_dir)]
        command += ["--config", str(self.config)]
        done = subprocess.run(
            command, env=self._environment, capture_output=True, text=True, timeout=300
        )
        if done.returncode not in (0, 3):
            raise RuntimeError(f"check ends with {done.returncode}: {done.stderr}")
        return json.loads(done.stdout)

    def tracebacks(self) -> list[str]:
        """What went wrong inside without being foreseen."""
        text = self.log.read_text(errors="replace")
        found = [line for line in text.splitlines() if "Traceback" in line]
        postgres = self.data_dir / "postgres.log"
        said = postgres.read_text(errors="replace") if postgres.exists() else ""
        return found + _DAMAGE.findall(said)

    def stop(self) -> int:
        """Ask it to stop; return its exit code."""
        self.process.send_signal(signal.SIGTERM)
        return self.process.wait(_START_S)

    def end(self) -> None:
        """End everything, however it stands."""
        if self._process is not None and self._process.poll() is None:
            self.kill(Victim.ALL, random.Random())  # noqa: S311 - not a secret
            self._process.wait(_START_S)


def _is_ready(wire: Wire) -> bool:
    try:
        return wire.ask("GET", "/readyz").status == 200
    except Unanswered:
        return False


_OLDER = """
    SELECT count(*) FROM pg_stat_activity
    WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()
    AND xact_start < to_timestamp(%s)
"""
_DAMAGE = re.compile(r".*(?:PANIC|corrupt|invalid page|could not read block).*")


def _children(pid: int) -> list[int]:
    return [each for each in tree(pid) if _parent(each) == pid]


def _parent(pid: int) -> int:
    with contextlib.suppress(OSError):
        return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    return 0


def _command(pid: int) -> bytes:
    with contextlib.suppress(OSError):
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def _free_port() -> int:
    """A port that nobody listens on, and that the kernel gives to no client meanwhile."""
    first_of_clients = int(Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()[0])
    while True:
        port = random.randrange(first_of_clients // 2, first_of_clients)  # noqa: S311 - no secret
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
