"""What there is once, however many processes serve: the lock, PostgreSQL, the schema, the store."""

import contextlib
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from twisted.logger import Logger

from archive_server.app.privacy import exposed
from archive_server.app.service_manager import ServiceManager
from archive_server.config import Config
from archive_server.database.connections import connect
from archive_server.database.directory_lock import DirectoryLock
from archive_server.database.embedded import EmbeddedPostgres
from archive_server.database.external import connections_allowed, require_suitable
from archive_server.database.migrations import require_current
from archive_server.database.upgrade import migrate_after_dump
from archive_server.services import down_time
from archive_server.services.first_start import find_or_make_store, make_first_user
from archive_server.services.restoring import require_restored
from audio_store import AudioStore
from audio_store.probe import sandbox_lacks

log = Logger()

_OF_COMMANDS = 20  # connections for who works beside the server, and for PostgreSQL's own
_USUAL = 100  # connections, of PostgreSQL as it comes


class Announcement:
    """What `serve` tells the one who started it."""

    def password_made_up(self, login: str, password: str, file: Path) -> None:
        """The first user's password, once."""

    def ready(self, urls: list[str], data_dir: Path) -> None:
        """Clients can come."""


@dataclass(frozen=True)
class Foundation:
    """What a serving process stands on."""

    config: Config
    data_dir: Path
    dsn: str
    store: AudioStore
    postgres: EmbeddedPostgres | None = None  # if it is this process that runs it
    # Who started us; nobody, for a process that another one of us has started.
    manager: ServiceManager = field(default_factory=ServiceManager)

    def announce(self, announcement: Announcement, urls: list[str]) -> None:
        """Tell everybody who waits for it that clients can come."""
        announcement.ready(urls, self.data_dir)
        self.manager.ready(f"serving at {' and '.join(urls)}")

    def look_after(self) -> None:
        """Start PostgreSQL again if it has ended, and show that we are not stuck.

        To be called every second, by the main thread.
        """
        self.manager.beat()
        try:
            if self.postgres is not None and self.postgres.restart_if_ended():
                log.error("PostgreSQL had ended and was started again")
        except OSError:  # no memory for a process, say; a second later there may be
            log.failure("PostgreSQL has ended and cannot be started")


@contextlib.contextmanager
def founded(config: Config, data_dir: Path, announcement: Announcement) -> Iterator[Foundation]:
    """Lay it for the time of a block; in the end PostgreSQL is stopped.

    Raises what an administrator can mend: see `cli.offline.failures`.
    """
    data_dir = data_dir.resolve()
    data_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
    require_restored(data_dir)
    for path, mode in exposed(data_dir):
        log.warn("{path} has mode {mode}: others can look into it", path=path, mode=f"{mode:o}")
    if missing := sandbox_lacks():
        log.warn("decoders are confined less: there is no {missing}", missing=" and ".join(missing))
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
                extra_settings={"max_connections": str(max(_USUAL, connections(config)))},
                purpose="archive-server serve",
            )
            stack.callback(postgres.stop)
            dsn = postgres.dsn()
        store = _prepare(config, dsn, data_dir, announcement)
        manager = ServiceManager(config.environment.notify_socket, config.environment.watchdog_s)
        stack.callback(manager.stopping)
        yield Foundation(config, data_dir, dsn, store, postgres, manager)


def connections(config: Config) -> int:
    """How many connections to PostgreSQL there can be at most.

    Each worker has as many as are configured for its threads, as many for its reactor, and one that
    listens; and in a graceful restart there are two workers for one.
    """
    generations = 1 if config.server.workers == 1 else 2
    each = 2 * config.database.connections + 1
    return generations * config.server.workers * each + _OF_COMMANDS


def _prepare(config: Config, dsn: str, data_dir: Path, announcement: Announcement) -> AudioStore:
    """The schema, the store and the first user: what must be there before anybody comes."""
    with contextlib.closing(connect(dsn)) as connection:
        if config.database.dsn:
            with connection, connection.cursor() as cursor:
                require_suitable(cursor)
                require_current(cursor)
                _warn_of_too_few(connections_allowed(cursor), connections(config))
        else:
            migrate_after_dump(connection, data_dir)
        with connection, connection.cursor() as cursor:
            store = find_or_make_store(cursor, data_dir / "store")
        with connection, connection.cursor() as cursor:
            first = make_first_user(cursor, data_dir, config.environment.admin_password)
        with connection, connection.cursor() as cursor:
            # Once, and by nobody who could die before: not by one of several workers.
            down_time.forgive(cursor, datetime.now(UTC))
    if first is not None:
        announcement.password_made_up(first.login, first.password, first.file)
    return store


def _warn_of_too_few(allowed: int, wanted: int) -> None:
    if allowed < wanted:
        log.warn(
            "[database] connections: PostgreSQL allows {allowed}, and {wanted} may be wanted: "
            "fewer for each worker, fewer workers, or a larger max_connections will do",
            allowed=allowed,
            wanted=wanted,
        )
