"""`archive-server serve` and `migrate`."""

import signal
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any, TextIO

import click
from twisted.internet.error import CannotListenError
from twisted.logger import (
    FilteringLogObserver,
    LogLevel,
    LogLevelFilterPredicate,
    globalLogBeginner,
)

from archive_server.app.foundation import Announcement
from archive_server.app.log_lines import observer
from archive_server.app.reactor import install
from archive_server.app.server import run
from archive_server.app.several import supervise
from archive_server.app.supervisor import WorkersFail
from archive_server.cli.offline import CommandFailed, Target, failures
from archive_server.cli.options import config_option, data_option, json_option, print_json
from archive_server.config import LogFormat
from archive_server.database.migrations import migrate as apply_migrations
from archive_server.options import Address


@click.command()
@click.option(
    "--listen",
    multiple=True,
    metavar="HOST:PORT",
    help="Where to listen, instead of what the configuration says. May be repeated.",
)
@click.option(
    "--workers",
    type=click.IntRange(1, 64),
    help="How many processes serve, instead of what the configuration says.",
)
@click.option(
    "--log-level",
    type=click.Choice([level.name for level in LogLevel.iterconstants()]),
    default="info",
    show_default=True,
    help="What is worth a line on standard error.",
)
@data_option
@config_option
def serve(
    listen: tuple[str, ...],
    workers: int | None,
    log_level: str,
    data_dir: Path,
    config_file: Path | None,
) -> None:
    """Run the archive until it is told to stop (Ctrl-C, SIGTERM).

    The first start on an empty directory sets everything up. With several workers SIGHUP replaces
    them by new ones, which read the configuration anew, without refusing anybody; with one it
    reads the certificates of TLS anew.
    """
    config = Target(data_dir, config_file).config()
    for address in listen:
        try:
            Address.parse(address)
        except ValueError as error:
            raise click.BadParameter(str(error), param_hint="--listen") from error
    if listen:
        config = replace(config, server=replace(config.server, listen=listen))
    if workers is not None:
        config = replace(config, server=replace(config.server, workers=workers))
    log_to(sys.stderr, log_level, config.log.format)
    with failures():
        try:
            if config.server.workers == 1:
                _survive_hang_ups()
                run(the_reactor(), config, data_dir, _Spoken())
            else:
                supervise(config, config_file, data_dir, log_level, _Spoken())
        except (OSError, CannotListenError, WorkersFail) as error:
            raise CommandFailed(str(error)) from error


def the_reactor() -> Any:
    """The reactor, which nothing but who serves needs."""
    return install()


def _survive_hang_ups() -> None:
    """Let SIGHUP by a service manager, to reload, be no stop; by a terminal it is one."""
    if not sys.stdin.isatty():
        signal.signal(signal.SIGHUP, signal.SIG_IGN)


class _Spoken(Announcement):
    """Tells a person at a terminal, and whoever reads our standard output."""

    def password_made_up(self, login: str, password: str, file: Path) -> None:
        click.echo(f"first user: {login}, password: {password} (also in {file})")

    def ready(self, urls: list[str], data_dir: Path) -> None:
        click.echo(f"archive-server is ready at {' and '.join(urls)} with data in {data_dir}")


@click.command()
@json_option
@data_option
@config_option
def migrate(as_json: bool, data_dir: Path, config_file: Path | None) -> None:
    """Bring the database's schema up to date."""
    target = Target(data_dir, config_file)
    with target.schema("migrate") as connection, failures():
        applied = apply_migrations(connection)
    if as_json:
        print_json({"applied": applied})
    else:
        click.echo(f"applied {', '.join(applied)}" if applied else "the schema is up to date")


def log_to(stream: TextIO, level: str, form: LogFormat) -> None:
    """Write what happens to a stream, from this level on."""
    # mypy does not see what zope.interface declares.
    predicate: Any = LogLevelFilterPredicate(LogLevel.levelWithName(level))
    lines: Any = observer(stream, form)
    filtered: Any = FilteringLogObserver(lines, [predicate])
    globalLogBeginner.beginLoggingTo([filtered], redirectStandardIO=False)
