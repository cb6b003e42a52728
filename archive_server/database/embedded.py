"""The PostgreSQL that comes with the archive: a child process of ours, reached by a socket.

    DIR/postgres/      the cluster
    DIR/postgres.log   what it has to say
    DIR/socket         a link to the directory of its socket, for psql and for cleaning up
    DIR/lock           held by whoever runs it

It ends when we end, however we end: the kernel tells it (see `launch`).
"""

import contextlib
import os
import shutil
import signal
import subprocess
import tempfile
import threading
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import psycopg2
from psycopg2 import sql

from archive_server.database.accounts import Account, account_for
from archive_server.database.binaries import Binaries, NoPostgres, find_binaries
from archive_server.database.cluster import ENVIRONMENT, SUPERUSER, Cluster, PostgresFailed
from archive_server.database.connections import connect
from archive_server.database.directory_lock import DirectoryBusy, DirectoryLock
from archive_server.database.settings import memory_mb, settings

DATABASE = "archive"

# Recovery after a power cut may take its time; that the server has ended is noticed at once.
_START_DEADLINE_S = 300
_STOP_DEADLINE_S = 30

_LOG_LIMIT = 10 * 2**20  # bytes, looked at when starting


@dataclass(slots=True)
class EmbeddedPostgres:
    """A running embedded server: ours to stop, or that of another process (`process` None)."""

    data_dir: Path
    socket_dir: Path
    command: list[str] = field(default_factory=list)
    process: subprocess.Popen[bytes] | None = None
    lock: DirectoryLock | None = None

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

        To be called by the main thread, since the server ends with the thread that started it.
        `purpose` is what others are told who find the directory in use. Raises DirectoryBusy,
        NoPostgres, NoAccount or PostgresFailed, each with a message for the administrator.
        """
        assert threading.current_thread() is threading.main_thread()
        data_dir = data_dir.resolve()
        data_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
        lock = DirectoryLock.take(data_dir, purpose)
        try:
            return cls._start_locked(data_dir, run_as, runtime_dir, extra_settings or {}, lock)
        except BaseException:
            lock.release()
            raise

    @classmethod
    def _start_locked(
        cls,
        data_dir: Path,
        run_as: str,
        runtime_dir: Path | None,
        extra_settings: Mapping[str, str],
        lock: DirectoryLock,
    ) -> "EmbeddedPostgres":
        cluster = Cluster(data_dir / "postgres")
        binaries = _binaries_for(cluster)
        account = account_for(run_as, [cluster.path, binaries.directory / "postgres"])
        if cluster.major is None:
            cluster.create(binaries, account)
        cluster.clear()
        socket_dir = _make_socket_dir(data_dir, account, runtime_dir)
        chosen = {**settings(memory_mb()), **extra_settings}
        command = account.command(
            binaries["postgres"],
            *("-D", str(cluster.path), "-k", str(socket_dir)),
            *(word for name, value in chosen.items() for word in ("-c", f"{name}={value}")),
        )
        server = cls(data_dir, socket_dir, command, lock=lock)
        try:
            server._launch()
            server._await_ready()
        except BaseException:
            server._end()
            raise
        return server

    @classmethod
    def attach(cls, data_dir: Path) -> "EmbeddedPostgres | None":
        """The server that another process runs on a data directory; None where there is none."""
        postmaster = Cluster(data_dir / "postgres").postmaster()
        if postmaster is None or postmaster.socket_dir is None:
            return None
        server = cls(data_dir, postmaster.socket_dir)
        return server if server._answers() else None

    def dsn(self, database: str = DATABASE) -> str:
        """What to give psycopg2 to reach a database of this server."""
        return f"host={self.socket_dir} port=5432 user={SUPERUSER} dbname={database}"

    def restart_if_ended(self) -> bool:
        """Start the server again if it has ended by itself; say whether it had. Does not wait.

        A server that cannot start yet, since processes of its predecessor still end, ends again:
        call this every second or so, in the thread that called `start`.
        """
        if self.process is None or self.process.poll() is None:
            return False
        self._launch()
        return True

    def stop(self) -> None:
        """End the server, if it is ours, and wait for that. Connections are cut off. Repeatable."""
        self._end()
        if self.lock is not None:
            self.lock.release()
            self.lock = None

    def _launch(self) -> None:
        # A session of its own, or Ctrl-C on the terminal would end it before we have finished.
        log = _open_log(self.data_dir / "postgres.log")
        try:
            self.process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd="/",
                env=ENVIRONMENT,
                start_new_session=True,
            )
        finally:
            os.close(log)

    def _await_ready(self) -> None:
        """Wait until the server answers, and make our database if it is not there."""
        assert self.process is not None
        deadline = time.monotonic() + _START_DEADLINE_S
        while not self._answers():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise PostgresFailed(f"PostgreSQL did not start: {self._last_words()}")
            time.sleep(0.02)
        self.create_database(DATABASE)

    def create_database(self, name: str) -> None:
        """Make a database, if it is not there."""
        with contextlib.closing(connect(self.dsn("postgres"))) as connection:
            connection.autocommit = True
            with connection.cursor() as cursor:
                cursor.execute("SELECT FROM pg_database WHERE datname = %s", (name,))
                if cursor.fetchone() is None:
                    cursor.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))

    def _answers(self) -> bool:
        try:
            connect(self.dsn("postgres")).close()
        except psycopg2.OperationalError:
            return False
        return True

    def _last_words(self) -> str:
        """The end of the log."""
        log = self.data_dir / "postgres.log"
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        return "\n".join([f"see {log}", *lines[-10:]])

    def _end(self) -> None:
        """End the process, politely first, and remove the socket's directory."""
        if self.process is None:
            return
        # Fast shutdown; then immediate, which the next start recovers from; then none.
        for number in (signal.SIGINT, signal.SIGQUIT, signal.SIGKILL):
            self.process.send_signal(number)
            with contextlib.suppress(subprocess.TimeoutExpired):
                self.process.wait(_STOP_DEADLINE_S)
                break
        self.process = None
        _remove_socket_dir(self.data_dir)


@contextlib.contextmanager
def running(
    data_dir: Path, run_as: str = "", *, runtime_dir: Path | None = None, purpose: str
) -> Iterator[EmbeddedPostgres]:
    """The server of a data directory for the time of a block: the one that runs, or a new one.

    For commands that may be given beside a running `serve`. Raises what `start` does.
    """
    server = EmbeddedPostgres.attach(data_dir) or EmbeddedPostgres.start(
        data_dir, run_as, runtime_dir=runtime_dir, purpose=purpose
    )
    try:
        yield server
    finally:
        server.stop()


def _binaries_for(cluster: Cluster) -> Binaries:
    """The programs for a cluster: of the version that made it, if there is one."""
    try:
        return find_binaries(cluster.major)
    except NoPostgres as error:
        if cluster.major is None:
            raise
        raise NoPostgres(
            f"{cluster.path} was made by PostgreSQL {cluster.major}. {error}. Install PostgreSQL"
            f" {cluster.major} beside it, or move the data: pg_dump with version {cluster.major},"
            " then restore into a new data directory"
        ) from error


def _make_socket_dir(data_dir: Path, account: Account, runtime_dir: Path | None) -> Path:
    """A new private directory with a short name; the link DIR/socket tells where it is."""
    _remove_socket_dir(data_dir)
    parent = runtime_dir if runtime_dir is not None and account.uid is None else Path("/tmp")
    socket_dir = Path(tempfile.mkdtemp(prefix="archive-", dir=parent))
    account.own(socket_dir)
    (data_dir / "socket").symlink_to(socket_dir)
    return socket_dir


def _remove_socket_dir(data_dir: Path) -> None:
    """Remove the directory of the socket and the link to it, also those that a crash left."""
    link = data_dir / "socket"
    if link.is_symlink():
        shutil.rmtree(link.readlink(), ignore_errors=True)
        link.unlink()


def _open_log(path: Path) -> int:
    """Open the log to append to it, after putting aside one that has become large."""
    if path.exists() and path.stat().st_size > _LOG_LIMIT:
        path.rename(path.with_suffix(".log.1"))
    return os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
