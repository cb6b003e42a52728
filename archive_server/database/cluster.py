"""The files of an embedded PostgreSQL: making them, and whether anybody is at work on them."""

import contextlib
import os
import shutil
import signal
import subprocess
import time
from dataclasses import dataclass
from pathlib import Path

from archive_server.database.accounts import Account
from archive_server.database.binaries import Binaries
from archive_server.database.embedded_errors import EmbeddedError

# What our children see of the environment: none of PGDATA, PGPORT and their like.
ENVIRONMENT = {"PATH": "/usr/local/bin:/usr/bin:/bin", "LC_ALL": "C.UTF-8"}

SUPERUSER = "archive"


@dataclass(frozen=True, slots=True)
class Postmaster:
    """The server that is, or was, at work on a cluster."""

    pid: int
    socket_dir: Path | None  # None: not listening yet


@dataclass(frozen=True, slots=True)
class Cluster:
    """A directory that initdb makes and postgres works in."""

    path: Path

    @property
    def major(self) -> int | None:
        """The major version of PostgreSQL that made it; None if it does not exist."""
        try:
            return int((self.path / "PG_VERSION").read_text(encoding="ascii"))
        except FileNotFoundError:
            return None

    def create(self, binaries: Binaries, account: Account) -> None:
        """Make the files, all or nothing. Raises EmbeddedError.

        They are made under another name, so that what a kill leaves is not taken for a cluster.
        """
        if self.path.is_dir() and any(self.path.iterdir()):
            raise EmbeddedError(f"{self.path} is not empty, but is not a database either")
        unfinished = self.path.with_name(f"{self.path.name}.unfinished")
        if unfinished.exists():
            shutil.rmtree(unfinished)
        unfinished.mkdir(mode=0o700)
        account.own(unfinished)
        _run_initdb(unfinished, binaries, account)
        unfinished.rename(self.path)
        _sync_directory(self.path.parent)

    def postmaster(self) -> Postmaster | None:
        """The server that postmaster.pid names; None where there is no such file.

        Its lines are: process id, data directory, start time, port, socket directory, …
        """
        try:
            lines = (self.path / "postmaster.pid").read_text(encoding="utf-8").splitlines()
        except FileNotFoundError:
            return None
        if not lines or not lines[0].isdecimal():
            return None
        socket_dir = Path(lines[4]) if len(lines) > 4 and lines[4] else None
        return Postmaster(int(lines[0]), socket_dir)

    def processes(self) -> list[int]:
        """The ids of PostgreSQL's processes on this cluster: all have it as working directory."""
        path = self.path.resolve()
        return [int(each.name) for each in Path("/proc").glob("[0-9]*") if _works_on(each, path)]

    def clear(self, deadline_s: float = 60) -> None:
        """Wait for a server that lost its parent to end; then remove what it left.

        The caller holds the directory's lock, so no other program of ours wants that server any
        more. Raises EmbeddedError if it does not end.
        """
        started = time.monotonic()
        signals = [signal.SIGINT, signal.SIGQUIT]
        while processes := self.processes():
            waited = time.monotonic() - started
            if waited > deadline_s:
                raise EmbeddedError(f"{self.path}: process {processes[0]} works on it and stays")
            # The kernel has told it to end already (see `launch`); here it is told again.
            if signals and waited > deadline_s / 4 * (3 - len(signals)):
                _signal(self.postmaster(), processes, signals.pop(0))
            time.sleep(0.05)
        # Left by a crash. PostgreSQL would refuse to start if the process id in it has gone to
        # another process of the same user meanwhile, which is likely after a reboot.
        (self.path / "postmaster.pid").unlink(missing_ok=True)


_LETTERS = "--lc-ctype=C.UTF-8"


def _run_initdb(path: Path, binaries: Binaries, account: Account) -> None:
    # The builtin locale sorts by code point, alike on every machine, so that an upgrade of the
    # C library cannot silently corrupt indexes.
    locale = (
        # pg_trgm asks the C library what a letter is: under LC_CTYPE C it sees none but ASCII's.
        ["--locale-provider=builtin", "--builtin-locale=C.UTF-8", "--locale=C", _LETTERS]
        if binaries.major >= 17
        else ["--locale=C.UTF-8"]
    )
    command = account.command(
        binaries["initdb"],
        *("-D", str(path), "-U", SUPERUSER, "-A", "trust", "-E", "UTF8", "--data-checksums"),
        *locale,
    )
    answer = subprocess.run(
        command, capture_output=True, text=True, check=False, cwd="/", env=ENVIRONMENT
    )
    if answer.returncode != 0:
        raise EmbeddedError(f"initdb failed: {answer.stderr.strip() or answer.stdout.strip()}")


def _works_on(process: Path, cluster: Path) -> bool:
    """Whether a process, a directory of /proc, is one of PostgreSQL's on a cluster."""
    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
        try:
            return (process / "cwd").readlink() == cluster
        except PermissionError:
            # Containers withhold this from root. What the server was started with all may see.
            return os.fsencode(cluster) in (process / "cmdline").read_bytes().split(b"\0")
    return False  # it has ended


def _signal(postmaster: Postmaster | None, processes: list[int], number: signal.Signals) -> None:
    """Send a signal to the postmaster, if it is among the processes seen."""
    if postmaster is not None and postmaster.pid in processes:
        os.kill(postmaster.pid, number)


def _sync_directory(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
