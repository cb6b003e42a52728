"""The PostgreSQL that comes with the archive: a child process of ours, reached by a socket.

    DIR/postgres/      the cluster                              `cluster`
    DIR/postgres.log   what it has to say                       `server_log`
    DIR/socket         where its socket is, a link              `socket_directory`
    DIR/lock           held by whoever runs it                  `directory_lock`

It ends when we end, however we end: the kernel tells it (`launch`).
"""

import contextlib
import os
import signal
import subprocess
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import psycopg2
from psycopg2 import sql
from psycopg2.extensions import make_dsn

from archive_server.database.accounts import account_for
from archive_server.database.binaries import find_binaries
from archive_server.database.cluster import ENVIRONMENT, SUPERUSER, Cluster
from archive_server.database.connections import connect
from archive_server.database.directory_lock import DirectoryLock
from archive_server.database.embedded_errors import DirectoryBusy, EmbeddedError
from archive_server.database.server_log import ServerLog
from archive_server.database.settings import memory_mb, settings
from archive_server.database.socket_directory import (
    make_socket_directory,
    remove_socket_directory,
)

DATABASE = "archive"

# Recovery after a power cut may take its time. That the server has given up is noticed at once.
_START_DEADLINE_S = 300
_STOP_DEADLINE_S = 30
_ATTACH_DEADLINE_S = 20


@dataclass(frozen=True, slots=True)
class RunningPostgres:
    """A server that answers, whoever runs it."""

    socket_dir: Path

    def dsn(self, database: str = DATABASE) -> str:
        """What to give psycopg2 to reach a database of this server."""
        return make_dsn(host=str(self.socket_dir), port=5432, user=SUPERUSER, dbname=database)

    def answers(self) -> bool:
        """Whether a connection can be made."""
        try:
            connect(self.dsn("postgres")).close()
        except psycopg2.OperationalError:
            return False
        return True

    def create_database(self, name: str) -> None:
        """Make a database, if it is not there."""
        with contextlib.closing(connect(self.dsn("postgres"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT FROM pg_database WHERE datname = %s", (name,))
                if cursor.rowcount == 0:
                    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))


class EmbeddedPostgres:
    """A server of our own, from its start to its stop."""

    def __init__(
        self, command: list[str], data_dir: Path, socket_dir: Path, lock: DirectoryLock
    ) -> None:
        """Take over what `start` has prepared."""
        self.server = RunningPostgres(socket_dir)
        self._command = command
        self._data_dir = data_dir
        self._lock: DirectoryLock | None = lock
        self._log = ServerLog(data_dir / "postgres.log")
        self._process: subprocess.Popen[bytes] | None = None

    @classmethod
    def start(
        cls,
        data_dir: Path,
        run_as: str = "",
        *,
        runtime_dir: Path | None = None,
        extra_settings: Mapping[str, str] | None = None,
        purpose: str = "archive-server",
    ) -> "EmbeddedPostgres":
        """Start the server, making whatever is missing, and wait until it answers. Blocks.

        To be called in the main thread, since the server ends with the thread that started it.
        `purpose` is what others are told who find the directory in use. Raises DirectoryBusy if
        it is in use, EmbeddedError for whatever else is in the way.
        """
        assert threading.current_thread() is threading.main_thread()
        data_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
        data_dir = data_dir.resolve()
        lock = DirectoryLock.take(data_dir, purpose)
        try:
            started = cls._prepare(data_dir, run_as, runtime_dir, extra_settings or {}, lock)
        except BaseException:
            lock.release()
            raise
        try:
            started._launch()
            started._await_ready()
        except BaseException:
            started.stop()
            raise
        return started

    @classmethod
    def _prepare(
        cls,
        data_dir: Path,
        run_as: str,
        runtime_dir: Path | None,
        extra_settings: Mapping[str, str],
        lock: DirectoryLock,
    ) -> "EmbeddedPostgres":
        """Make or clean up whatever the server needs, but do not start it."""
        cluster = Cluster(data_dir / "postgres")
        binaries = find_binaries(cluster.major)
        account = account_for(run_as, [cluster.path, binaries.directory / "postgres"])
        if cluster.major is None:
            cluster.create(binaries, account)
        cluster.clear()
        socket_dir = make_socket_directory(data_dir, account, runtime_dir)
        chosen = {**settings(memory_mb()), **extra_settings}
        command = account.command(
            binaries["postgres"],
            *("-D", str(cluster.path), "-k", str(socket_dir)),
            *(word for name, value in chosen.items() for word in ("-c", f"{name}={value}")),
        )
        return cls(command, data_dir, socket_dir, lock)

    @property
    def pid(self) -> int | None:
        """The server's process id; None once it is stopped."""
        return self._process.pid if self._process is not None else None

    def dsn(self, database: str = DATABASE) -> str:
        """What to give psycopg2 to reach a database of this server."""
        return self.server.dsn(database)

    def restart_if_ended(self) -> bool:
        """Start the server again if it has ended by itself; say whether it had. Does not wait.

        A server that cannot start yet, since processes of its predecessor still end, ends again:
        call this every second or so, in the thread that called `start`.
        """
        if self._process is None or self._process.poll() is None:
            return False
        self._launch()
        return True

    def stop(self) -> None:
        """End the server and wait for that; connections are cut off. Repeatable."""
        if self._lock is None:
            return
        if self._process is not None:
            _end(self._process)
            self._process = None
        remove_socket_directory(self._data_dir)
        self._lock.release()
        self._lock = None

    def _launch(self) -> None:
        log = self._log.open()
        try:
            self._process = subprocess.Popen(
                self._command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=ENVIRONMENT,
                # Or Ctrl-C on the terminal would end it before we have finished with it.
                start_new_session=True,
            )
        finally:
            os.close(log)

    def _await_ready(self) -> None:
        """Wait until the server answers, and make our database if it is not there."""
        assert self._process is not None
        deadline = time.monotonic() + _START_DEADLINE_S
        while not self.server.answers():
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise EmbeddedError(
                    f"PostgreSQL did not start; the end of {self._log.path}:\n"
                    + self._log.last_lines()
                )
            time.sleep(0.02)
        self.server.create_database(DATABASE)


def attach(data_dir: Path) -> RunningPostgres | None:
    """The server that some process runs on a data directory; None where there is none."""
    postmaster = Cluster(data_dir.resolve() / "postgres").postmaster()
    if postmaster is None or postmaster.socket_dir is None:
        return None
    server = RunningPostgres(postmaster.socket_dir)
    return server if server.answers() else None


@contextlib.contextmanager
def running(
    data_dir: Path, run_as: str = "", *, runtime_dir: Path | None = None, purpose: str
) -> Iterator[tuple[RunningPostgres, bool]]:
    """A server on a data directory for the time of a block: the one that runs, or one of our own.

    With it comes whether it is our own, so that nobody else uses it. For commands that may be
    given beside a running `serve`. Raises what `EmbeddedPostgres.start` does.
    """
    deadline = time.monotonic() + _ATTACH_DEADLINE_S
    while (server := attach(data_dir)) is None:
        try:
            own = EmbeddedPostgres.start(data_dir, run_as, runtime_dir=runtime_dir, purpose=purpose)
        except DirectoryBusy:
            # Somebody is about to start the server, or to stop it.
            if time.monotonic() > deadline:
                raise
            time.sleep(0.1)
        else:
            try:
                yield own.server, True
            finally:
                own.stop()
            return
    yield server, False


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a server: fast, else immediately (the next start recovers), else by force."""
    for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
        process.send_signal(number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_STOP_DEADLINE_S)
            return
