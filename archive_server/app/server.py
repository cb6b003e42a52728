"""The running server: everything started in order, and stopped in reverse.

It is the same whether one process serves alone or several do (`worker`): alone it also has the
foundation to look after.
"""

import contextlib
import gc
import resource
import signal
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.internet.defer import Deferred, maybeDeferred
from twisted.internet.task import LoopingCall
from twisted.logger import Logger
from twisted.python.failure import Failure

from archive_server.app.foundation import Announcement, Foundation, founded
from archive_server.app.listening import Entrance, certificates, entrances, take_connections
from archive_server.app.monitoring import build_monitoring
from archive_server.app.process_setup import prepare_process
from archive_server.app.services import Seams, build_prober, build_services
from archive_server.app.site import build_site
from archive_server.config import Config
from archive_server.database.notices import Listener
from archive_server.database.pool import PooledDatabase
from archive_server.services.memories import Memories
from archive_server.services.remembering import Hearing
from archive_server.services.storing import store_errors
from archive_server.threads import Threads
from archive_server.turns import SharedTurns, Turns
from archive_server.workers.janitor import Janitor
from archive_server.workers.jobs import JobRunner
from archive_server.workers.sidecars import SidecarWriter
from archive_server.workers.verifier import Verifier
from audio_store.probe import Prober

log = Logger()

_DISK_THREADS = 16  # reading ahead for many downloads: mostly waiting
_HASHING_THREADS = 2  # Argon2id keeps a core busy; more would only queue elsewhere
_PARSING_THREADS = 2
_JOB_THREADS = 4  # of each job, the one that works and one that clears away
_VERIFYING_THREADS = 1
_JOBS = 2  # at once: they share a disk and the cores
_LOOK_S = 1  # after PostgreSQL; and to show that the reactor turns
_LOOK_AT_FILES_S = 10  # of certificates
_TELL_EVERY_S = 1  # other processes the numbers of this one
_SHARE_OF_FILES = 16  # one in so many may be kept open for leases that nobody reads just now


@dataclass(frozen=True, slots=True)
class Place:
    """Which of how many processes this is. What is done by one alone is done by the first."""

    number: int = 0
    of: int = 1

    def share(self, total: int) -> int:
        """The part of this one in what all may have at once; at least one."""
        return -(-total // self.of)


def run(reactor: Any, config: Config, data_dir: Path, announcement: Announcement) -> None:
    """Serve alone until SIGINT or SIGTERM. To be called by the main thread; blocks.

    Raises what an administrator can mend: see `cli.offline.failures`; CannotListenError, OSError.
    """
    require_certificates(config)
    prepare_process()
    with (
        founded(config, data_dir, announcement) as foundation,
        entrances(config) as opened,
        contextlib.closing(build_prober(config)) as prober,
    ):
        urls = [entrance.url for entrance in opened]
        server = Server(reactor, foundation, prober, opened, Place())
        if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:  # it is no terminal's that has gone
            signal.signal(signal.SIGHUP, lambda *_: reactor.callFromThread(server.renew))
        server.run(lambda: foundation.announce(announcement, urls))


def require_certificates(config: Config) -> None:
    """Raise ConfigError where TLS is wanted and cannot be spoken: before anything is started."""
    if config.tls.listen:
        certificates(config)


class Server:
    """The parts that need a reactor."""

    def __init__(
        self,
        reactor: Any,
        foundation: Foundation,
        prober: Prober,
        entrances: Sequence[Entrance],
        place: Place,
        kept: Sequence[int] = (),
    ) -> None:
        """Serve what comes to the entrances, which are closed when that ends.

        `kept` are descriptors of the certificate and the key that were good last. Raises
        ConfigError, where TLS is wanted and cannot be spoken.
        """
        config = foundation.config
        self._reactor = reactor
        self._foundation = foundation
        self._config = config
        self._prober = prober
        self._entrances = entrances
        is_secure = any(entrance.is_secure for entrance in entrances)
        self._certificates = certificates(config, kept) if is_secure else None
        self._place = place
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        memories = Memories(Hearing(), most_leases=soft // _SHARE_OF_FILES)
        self._listener = Listener(reactor, foundation.dsn, memories)
        self._database = PooledDatabase(
            reactor,
            foundation.dsn,
            config.database.connections,
            config.database.statement_timeout_s,
            memories,
        )
        self._disk = Threads(reactor, _DISK_THREADS, "disk")
        self._probe = Threads(reactor, place.share(config.audio.probe_workers), "probe")
        self._hashing = Threads(reactor, place.share(_HASHING_THREADS), "hashing")
        self._parsing = Threads(reactor, _PARSING_THREADS, "parsing")
        self._jobs = Threads(reactor, _JOB_THREADS, "jobs")
        self._verifying = Threads(reactor, _VERIFYING_THREADS, "verifying")
        seams = Seams(
            self._database,
            self._disk,
            self._probe,
            self._hashing,
            self._jobs,
            self._verifying,
            Turns() if place.of == 1 else SharedTurns(foundation.data_dir / "turns", reactor),
            memories,
        )
        self._services = build_services(
            config, foundation.data_dir, foundation.store, prober, seams
        )
        self._monitoring = build_monitoring(
            config, foundation.data_dir, foundation.store, prober, seams, reactor
        )
        self._monitoring.measurements.watch(self._database.usage)
        self._site = build_site(
            config,
            self._services,
            self._disk,
            self._parsing,
            self._require_ready,
            self._monitoring,
        )
        self._stack = AsyncExitStack()
        self._outward = AsyncExitStack()  # of it, what begins something new
        self._is_leaving = False
        self._is_stopping = False
        self._failure: Failure | None = None

    def run(self, on_ready: Callable[[], None]) -> None:
        """Start, run the reactor until it is told to stop, stop. Raises what starting raised."""
        self._reactor.callWhenRunning(self._begin, on_ready)
        self._reactor.addSystemEventTrigger("before", "shutdown", self._stop)
        self._reactor.run()
        if self._failure is not None:
            self._failure.raiseException()

    def renew(self) -> None:
        """Read certificates anew, if there are any."""
        if self._certificates is not None:
            self._certificates.renew()

    def leave(self) -> None:
        """Begin nothing new, and stop when the last client has gone, however long that takes.

        Who is told to stop meanwhile grants the grace time only.
        """
        if not self._is_leaving:
            self._is_leaving = True
            leaving = Deferred.fromCoroutine(self._leave())
            leaving.addErrback(lambda failure: log.failure("leaving fails", failure))

    async def _leave(self) -> None:
        await self._outward.aclose()
        await self._site.leave()
        if not self._is_stopping:
            self._reactor.stop()

    def _begin(self, on_ready: Callable[[], None]) -> None:
        started = Deferred.fromCoroutine(self._start())
        started.addCallback(lambda _: gc.freeze())  # it is no garbage: 3 % less for each range
        started.addCallback(lambda _: on_ready())
        started.addErrback(self._give_up)

    def _give_up(self, failure: Failure) -> None:
        self._failure = failure
        self._reactor.stop()

    def _stop(self) -> Deferred[None]:
        self._is_stopping = True
        return Deferred.fromCoroutine(self._stack.aclose())

    async def _start(self) -> None:
        if self._config.testing.allow_reset:
            log.warn("[testing] allow_reset: anybody may delete everything, without a password")
        for pool in (
            self._database,
            self._disk,
            self._probe,
            self._hashing,
            self._parsing,
            self._jobs,
            self._verifying,
        ):
            pool.start()
            self._stack.callback(pool.stop)
        self._listener.start()
        self._stack.callback(self._listener.stop)
        # Before the threads that wait for it: a long file is probed for minutes.
        self._stack.callback(self._prober.close)
        self._repeat(self._foundation.look_after, _LOOK_S)
        if self._certificates is not None:
            self._repeat(self._certificates.look, _LOOK_AT_FILES_S)
        self._start_telling()
        # Mixes that do not end in time would hold up the threads that wait for them.
        self._stack.callback(self._services.render_work.renderer.close)
        self._stack.push_async_callback(self._site.stop, self._config.server.stop_grace_s)
        self._stack.push_async_callback(self._outward.aclose)
        self._start_maintenance()
        self._start_jobs()
        is_shared = self._place.of > 1
        for entrance in self._entrances:
            port = take_connections(
                self._reactor, entrance, self._site, self._certificates, is_shared=is_shared
            )
            # It has a descriptor of its own; as long as there is another, clients may come.
            entrance.socket.close()
            self._outward.push_async_callback(_stop_listening, port)

    def _repeat(self, work: Callable[[], object], every_s: float) -> None:
        loop = LoopingCall(work)
        loop.start(every_s)
        self._stack.callback(loop.stop)

    def _start_telling(self) -> None:
        """Let whichever process is asked for numbers know those of all."""
        if self._place.of > 1:
            self._repeat(self._tell, _TELL_EVERY_S)
        self._stack.callback(self._monitoring.exchange.leave)

    async def _tell(self) -> None:
        try:
            await self._monitoring.tell()
        except OSError:  # no room, say; they go on with what was told before
            log.failure("the numbers of this process cannot be told")

    def _start_maintenance(self) -> None:
        """Let one process tidy up and verify: more would look at the same things at the same time.

        When one is replaced by another there are two for a moment. That is as if somebody gave a
        command meanwhile: what must not be done twice is locked in the database.
        """
        if self._place.number == 0:
            services, clock = self._services, self._reactor
            workers: tuple[Janitor | SidecarWriter | Verifier, ...] = (
                Janitor(services.maintenance, clock, services.brake),
                SidecarWriter(services.sidecars, clock),
                Verifier(services.verification, clock),
            )
            for worker in workers:
                worker.start()
                self._outward.push_async_callback(worker.stop)

    def _start_jobs(self) -> None:
        """Let every process do jobs: they are claimed, and what one dies over others begin anew."""
        runner = JobRunner(
            self._services.jobs,
            self._services.work(),
            self._reactor,
            most=self._place.share(_JOBS),
        )
        runner.start()
        self._outward.push_async_callback(runner.stop, self._config.server.stop_grace_s)

    async def _require_ready(self) -> None:
        """Raise Unavailable unless the database and the store are there."""
        await self._database.run(_select_one)
        with store_errors():
            await self._disk(self._foundation.store.require_present)


def _select_one(cursor: Any) -> None:
    cursor.execute("SELECT 1")


async def _stop_listening(port: Any) -> None:
    await maybeDeferred(port.stopListening)
