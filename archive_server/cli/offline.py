"""What commands use instead of a reactor: transactions at once, in the command's own thread."""

import contextlib
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import click
import psycopg2
from psycopg2.extensions import connection as Connection

from archive_server.app.administration import Administration, build_administration
from archive_server.app.services import (
    Seams,
    Services,
    build_folder_import,
    build_prober,
    build_services,
    now,
)
from archive_server.config import Config, ConfigError, load
from archive_server.database import embedded, stores
from archive_server.database.connections import connect
from archive_server.database.directory_lock import DirectoryLock
from archive_server.database.embedded_errors import DirectoryBusy, EmbeddedError
from archive_server.database.external import UnsuitableDatabase, require_suitable
from archive_server.database.migrations import SchemaError, require_current
from archive_server.database.reading import Reading, blocking
from archive_server.database.transactions import Transactions
from archive_server.database.upgrade import migrate_after_dump
from archive_server.errors import ArchiveError
from archive_server.model.users import Caller
from archive_server.services.folder_import import FolderImport
from audio_store import AudioStore, AudioStoreError
from audio_store.disk import sync_directory
from audio_store.probe import overrulable_codes

P = ParamSpec("P")
T = TypeVar("T")

# Exit codes; 2 is click's, for a command that is called wrongly.
FAILED = 1
DAMAGED = 3
BUSY = 4


class CommandFailed(click.ClickException):
    """A command that could not do its work; the message is for the administrator."""

    exit_code = FAILED


class ArchiveBusy(CommandFailed):
    """Another program has the data directory."""

    exit_code = BUSY


@contextlib.contextmanager
def failures() -> Iterator[None]:
    """Show what an administrator can mend as a sentence; let the rest crash."""
    try:
        yield
    except DirectoryBusy as error:
        raise ArchiveBusy(str(error)) from error
    except (
        ArchiveError,
        AudioStoreError,
        ConfigError,
        EmbeddedError,
        SchemaError,
        UnsuitableDatabase,
    ) as error:
        raise CommandFailed(str(error)) from error
    except psycopg2.OperationalError as error:
        raise CommandFailed(f"the database cannot be reached: {error}".strip()) from error


@dataclass(frozen=True)
class Target:
    """Which archive a command is about."""

    data_dir: Path
    config_file: Path | None

    def config(self) -> Config:
        """Its configuration. Raises CommandFailed with everything that is wrong."""
        with failures():
            loaded = load(self.config_file, os.environ)
        if unknown := sorted(set(loaded.audio.accept) - set(overrulable_codes())):
            raise CommandFailed(
                f"{self.config_file}: [audio] accept: {', '.join(unknown)}:"
                " not a refusal that can be overruled"
            )
        return loaded

    def require_running(self) -> None:
        """Raise CommandFailed unless the database is one that others use, too."""
        if not self.config().database.dsn and embedded.attach(self.data_dir) is None:
            raise CommandFailed(f"nobody serves the archive in {self.data_dir}")

    @contextlib.contextmanager
    def database(self, purpose: str) -> Iterator["AtOnce"]:
        """Its database: the one that is running, or one started for this command."""
        config = self.config()
        with failures(), self._server(config, purpose) as (dsn, is_our_own):
            with contextlib.closing(connect(dsn)) as connection:
                # What others use meanwhile, or is another server's, changes only by `migrate`.
                if is_our_own:
                    migrate_after_dump(connection, self.data_dir)
                else:
                    with connection, connection.cursor() as cursor:
                        require_current(cursor)
            with contextlib.closing(Transactions(dsn)) as transactions:
                yield AtOnce(transactions)

    @contextlib.contextmanager
    def schema(self, purpose: str) -> Iterator[Connection]:
        """A connection to its database, whatever the schema of that is."""
        config = self.config()
        with (
            failures(),
            self._server(config, purpose) as (dsn, _),
            contextlib.closing(connect(dsn)) as connection,
        ):
            if config.database.dsn:
                with connection, connection.cursor() as cursor:
                    require_suitable(cursor)
            yield connection

    @contextlib.contextmanager
    def _server(self, config: Config, purpose: str) -> Iterator[tuple[str, bool]]:
        """How to reach its database, and whether only this command does."""
        if config.database.dsn:
            yield config.database.dsn, False
            return
        if not (self.data_dir / "postgres").is_dir():
            raise CommandFailed(f"there is no archive in {self.data_dir}; see --data")
        with embedded.running(
            self.data_dir,
            config.database.run_as,
            runtime_dir=config.environment.runtime_dir,
            purpose=f"archive-server {purpose}",
        ) as (server, is_our_own):
            yield server.dsn(), is_our_own

    @contextlib.contextmanager
    def new_database(self, purpose: str) -> Iterator["AtOnce"]:
        """A database to be filled, made where there is none; nobody else uses it meanwhile."""
        dsn = self.config().database.dsn
        if not dsn:
            with self.scratch_database(self.data_dir, purpose) as database:
                yield database
            return
        with failures(), contextlib.ExitStack() as stack:
            lock = DirectoryLock.take(self.data_dir, f"archive-server {purpose}")
            stack.callback(lock.release)
            connection = stack.enter_context(contextlib.closing(connect(dsn)))
            with connection, connection.cursor() as cursor:
                require_suitable(cursor)
                require_current(cursor)
            yield AtOnce(stack.enter_context(contextlib.closing(Transactions(dsn))))

    @contextlib.contextmanager
    def scratch_database(self, directory: Path, purpose: str) -> Iterator["AtOnce"]:
        """An embedded database in a directory, made where there is none, whatever is configured."""
        config = self.config()
        with failures(), contextlib.ExitStack() as stack:
            server = embedded.EmbeddedPostgres.start(
                directory,
                config.database.run_as,
                runtime_dir=config.environment.runtime_dir,
                purpose=f"archive-server {purpose}",
            )
            stack.callback(server.stop)
            with contextlib.closing(connect(server.dsn())) as connection:
                migrate_after_dump(connection, directory)
            yield AtOnce(stack.enter_context(contextlib.closing(Transactions(server.dsn()))))

    @contextlib.contextmanager
    def living(self, purpose: str) -> Iterator[tuple["AtOnce", AudioStore]]:
        """Its database and its store, as others may use them meanwhile."""
        with self.database(purpose) as database:
            yield database, self._store(database)

    def put_database_aside(self, purpose: str) -> None:
        """Give the embedded database another name, if there is one that nobody uses."""
        if self.config().database.dsn:
            raise CommandFailed("[database] dsn: empty that database yourself, or name another one")
        with failures():
            lock = DirectoryLock.take(self.data_dir, f"archive-server {purpose}")
            try:
                cluster = self.data_dir / "postgres"
                if cluster.is_dir():
                    cluster.rename(
                        self.data_dir / f"postgres-before-{purpose}-{now():%Y%m%dT%H%M%SZ}"
                    )
                    sync_directory(self.data_dir)
            finally:
                lock.release()

    @contextlib.contextmanager
    def administration(self, purpose: str) -> Iterator[Administration]:
        """What may be done with its users, groups and permissions; failures are shown."""
        with self.database(purpose) as database, failures():
            yield build_administration(database, at_once)

    @contextlib.contextmanager
    def services(self, purpose: str) -> Iterator[Services]:
        """What may be done with it, at once and in this thread."""
        config = self.config()
        with self.database(purpose) as database, contextlib.closing(build_prober(config)) as prober:
            store = self._store(database)
            seams = Seams(database, at_once, at_once, at_once, at_once, at_once, alone)
            yield build_services(config, self.data_dir, store, prober, seams)

    @contextlib.contextmanager
    def folder_import(
        self, purpose: str, decoders: int, login: str
    ) -> Iterator[tuple[FolderImport, Caller]]:
        """What imports folders, with so many decoders, and for whom."""
        config = self.config()
        with contextlib.closing(build_prober(config, decoders)) as prober:
            # While PostgreSQL starts: on a busy machine twenty files are in after 3.1 s, not 4.2.
            prober.prepare()
            with self.database(purpose) as database:
                caller = caller_named(build_administration(database, at_once), login)
                store = self._store(database)
                yield build_folder_import(config, store, prober, database, decoders), caller

    def _store(self, database: "AtOnce") -> AudioStore:
        store_id = finished(database.run(stores.find))
        if store_id is None:
            raise CommandFailed("this archive was never started")
        return AudioStore.expected(self.data_dir / "store", store_id)


def caller_named(administration: Administration, login: str) -> Caller:
    """The user whose rights count. Raises CommandFailed if there is none of that name."""
    for user in finished(administration.users.list_users(None)):
        if user.login == login:
            return user
    raise CommandFailed(f"there is no user {login}; see --user")


@dataclass(frozen=True)
class AtOnce:
    """A `Database` that does each transaction at once."""

    transactions: Transactions

    async def run(
        self, work: Callable[Concatenate[Any, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return self.transactions.perform(work, *args, **kwargs)

    async def read(
        self, work: Callable[Concatenate[Any, P], T], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return self.transactions.perform_reading(work, *args, **kwargs)

    async def ask(
        self, reading: Callable[P, Reading[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return self.transactions.perform_reading(blocking(reading, *args, **kwargs))

    async def note(
        self, writing: Callable[P, Reading[T]], /, *args: P.args, **kwargs: P.kwargs
    ) -> T:
        return self.transactions.perform_reading(blocking(writing, *args, **kwargs))


async def at_once(work: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> T:
    """An `InThread` for who has nothing else to do."""
    return work(*args, **kwargs)


@asynccontextmanager
async def alone(key: str) -> AsyncIterator[None]:
    """An `InTurn` for who is alone."""
    yield


def finished(work: Coroutine[Any, Any, T]) -> T:
    """Run a coroutine that never has to wait."""
    try:
        work.send(None)
    except StopIteration as end:
        result: T = end.value
        return result
    raise AssertionError("what commands await is done at once")
