"""The running server: everything started in order, and stopped in reverse."""

import contextlib
import resource
from collections.abc import Callable
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.endpoints import TCP4ServerEndpoint, TCP6ServerEndpoint
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from archive_server.app.services import Seams, build_prober, build_services
from archive_server.app.site import build_site
from archive_server.config import Config
from archive_server.database.connections import connect
from archive_server.database.directory_lock import DirectoryLock
from archive_server.database.embedded import EmbeddedPostgres
from archive_server.database.external import require_suitable
from archive_server.database.migrations import require_current
from archive_server.database.notices import Listener
from archive_server.database.pool import PooledDatabase
from archive_server.database.upgrade import migrate_after_dump
from archive_server.options import Address
from archive_server.services.first_start import find_or_make_store, make_first_user
from archive_server.services.memories import Memories
from archive_server.services.remembering import Hearing
from archive_server.services.storing import store_errors
from archive_server.threads import Threads
from archive_server.turns import Turns
from archive_server.workers.janitor import Janitor
from archive_server.workers.jobs import JobRunner
from audio_store import AudioStore
from audio_store.probe import Prober

log = Logger()

_DISK_THREADS = 16  # reading ahead for many downloads: mostly waiting
_HASHING_THREADS = 2  # Argon2id keeps a core busy; more would only queue elsewhere
_PARSING_THREADS = 2
_JOB_THREADS = 4  # of each job, the one that works and one that clears away
_POSTGRES_LOOK_S = 1
# Connections are files, and so is each clip of an archive that is being imported.
_OPEN_FILES = 65536
_SHARE_OF_FILES = 16  # one in so many may be kept open for leases that nobody reads just now


class Announcement:
    """What `serve` tells the one who started it."""

    def password_made_up(self, login: str, password: str, file: Path) -> None:
        """The first user's password, once."""

    def ready(self, urls: list[str], data_dir: Path) -> None:
        """Clients can come."""


def run(reactor: Any, config: Config, data_dir: Path, announcement: Announcement) -> None:
    """Serve until SIGINT or SIGTERM. To be called by the main thread; blocks.

    Raises what an administrator can mend: see `cli.offline.failures`; CannotListenError, OSError.
    """
    _allow_open_files()
    data_dir = data_dir.resolve()
    data_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
    with ExitStack() as stack:
        postgres = None
        if config.database.dsn:
            lock = DirectoryLock.take(data_dir, "archive-server serve")
            stack.callback(lock.release)
            dsn = config.database.dsn
        else:
            postgres = EmbeddedPostgres.start(
                data_dir,
                config.database.run_as,
                runtime_dir=config.environment.runtime_dir,
                purpose="archive-server serve",
            )
            stack.callback(postgres.stop)
            dsn = postgres.dsn()
        store = _prepare(config, dsn, data_dir, announcement)
        prober = stack.enter_context(contextlib.closing(build_prober(config)))
        server = Server(reactor, config, data_dir, dsn, store, prober, postgres)
        server.run(lambda urls: announcement.ready(urls, data_dir))


def _allow_open_files() -> None:
    """Ask for as many as we want and may have: shells commonly begin with 1024."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _prepare(config: Config, dsn: str, data_dir: Path, announcement: Announcement) -> AudioStore:
    """The schema, the store and the first user: what must be there before anybody comes."""
    with contextlib.closing(connect(dsn)) as connection:
        if config.database.dsn:
            with connection, connection.cursor() as cursor:
                require_suitable(cursor)
                require_current(cursor)
        else:
            migrate_after_dump(connection, data_dir)
        with connection, connection.cursor() as cursor:
            store = find_or_make_store(cursor, data_dir / "store")
        with connection, connection.cursor() as cursor:
            first = make_first_user(cursor, data_dir, config.environment.admin_password)
    if first is not None:
        announcement.password_made_up(first.login, first.password, first.file)
    return store


class Server:
    """The parts that need a reactor."""

    def __init__(
        self,
        reactor: Any,
        config: Config,
        data_dir: Path,
        dsn: str,
        store: AudioStore,
        prober: Prober,
        postgres: EmbeddedPostgres | None,
    ) -> None:
        self._reactor = reactor
        self._config = config
        self._store = store
        self._prober = prober
        self._postgres = postgres
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        memories = Memories(Hearing(), most_leases=soft // _SHARE_OF_FILES)
        self._listener = Listener(reactor, dsn, memories)
        self._database = PooledDatabase(
            reactor,
            dsn,
            config.database.connections,
            config.database.statement_timeout_s,
            memories,
        )
        self._disk = Threads(reactor, _DISK_THREADS, "disk")
        self._probe = Threads(reactor, config.audio.probe_workers, "probe")
        self._hashing = Threads(reactor, _HASHING_THREADS, "hashing")
        self._parsing = Threads(reactor, _PARSING_THREADS, "parsing")
        self._jobs = Threads(reactor, _JOB_THREADS, "jobs")
        seams = Seams(
            self._database,
            self._disk,
            self._probe,
            self._hashing,
            self._jobs,
            Turns(),
            memories,
        )
        self._services = build_services(config, data_dir, store, prober, seams)
        self._site = build_site(
            config, self._services, self._disk, self._parsing, self._require_ready
        )
        self._stack = AsyncExitStack()
        self._failure: Failure | None = None

    def run(self, on_ready: Callable[[list[str]], None]) -> None:
        """Start, run the reactor until it is told to stop, stop. Raises what starting raised."""
        self._reactor.callWhenRunning(self._begin, on_ready)
        self._reactor.addSystemEventTrigger(
            "before", "shutdown", lambda: Deferred.fromCoroutine(self._stack.aclose())
        )
        self._reactor.run()
        if self._failure is not None:
            self._failure.raiseException()

    def _begin(self, on_ready: Callable[[list[str]], None]) -> None:
        started = Deferred.fromCoroutine(self._start())
        started.addCallback(on_ready)
        started.addErrback(self._give_up)

    def _give_up(self, failure: Failure) -> None:
        self._failure = failure
        self._reactor.stop()

    async def _start(self) -> list[str]:
        """Start everything, and return the URLs it is reached at."""
        if self._config.testing.allow_reset:
            log.warn("[testing] allow_reset: anybody may delete everything, without a password")
        for pool in (
            self._database,
            self._disk,
            self._probe,
            self._hashing,
            self._parsing,
            self._jobs,
        ):
            pool.start()
            self._stack.callback(pool.stop)
        self._listener.start()
        self._stack.callback(self._listener.stop)
        # Before the threads that wait for it: a long file is probed for minutes.
        self._stack.callback(self._prober.close)
        if self._postgres is not None:
            looking = LoopingCall(self._look_after_postgres, self._postgres)
            looking.start(_POSTGRES_LOOK_S)
            self._stack.callback(looking.stop)
        janitor = Janitor(self._services.maintenance, self._reactor)
        janitor.start()
        self._stack.push_async_callback(janitor.stop)
        # Mixes that do not end in time would hold up the threads that wait for them.
        self._stack.callback(self._services.render_work.renderer.close)
        runner = JobRunner(self._services.jobs, self._services.work(), self._reactor)
        runner.start()
        self._stack.push_async_callback(runner.stop, self._config.server.stop_grace_s)
        self._stack.push_async_callback(self._site.stop, self._config.server.stop_grace_s)
        urls = []
        for text in self._config.server.listen:
            address = Address.parse(text)
            kind = TCP6ServerEndpoint if ":" in address.host else TCP4ServerEndpoint
            endpoint = kind(self._reactor, address.port, interface=address.host, backlog=1024)
            port = await endpoint.listen(self._site)
            self._stack.push_async_callback(_stop_listening, port)
            host = f"[{address.host}]" if ":" in address.host else address.host
            urls.append(f"http://{host}:{port.getHost().port}/")
        return urls

    def _look_after_postgres(self, postgres: EmbeddedPostgres) -> None:
        try:
            if postgres.restart_if_ended():
                log.error("PostgreSQL had ended and was started again")
        except OSError:  # no memory for a process, say; a second later there may be
            log.failure("PostgreSQL has ended and cannot be started")

    async def _require_ready(self) -> None:
        """Raise Unavailable unless the database and the store are there."""
        await self._database.run(_select_one)
        with store_errors():
            await self._disk(self._store.require_present)


def _select_one(cursor: Any) -> None:
    cursor.execute("SELECT 1")


async def _stop_listening(port: Any) -> None:
    await maybeDeferred(port.stopListening)
