"""`archive-server backup`: all of an archive into a directory, again and again."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    DownloadColumn,
    Progress,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)

from archive_server.app.services import now
from archive_server.cli.offline import DAMAGED, CommandFailed, Target, failures, finished
from archive_server.cli.options import config_option, data_option, json_option, print_json
from archive_server.services import backup_checking
from archive_server.services.backing_up import BackedUp, BackingUp, BackupProgress
from archive_server.services.backup_checking import Checked
from archive_server.services.backup_place import BackupPlace
from archive_server.services.pacing import Pace

Command = TypeVar("Command", bound=Callable[..., object])

_MIB = 2**20


def directory_argument(command: Command) -> Command:
    """`[DIRECTORY]`, of backups."""
    return click.argument(
        "directory", required=False, type=click.Path(file_okay=False, path_type=Path)
    )(command)


def pace_option(command: Command) -> Command:
    """`--pace MIB`."""
    return click.option(
        "--pace",
        "mib_a_second",
        type=click.FloatRange(min=0),
        default=0,
        metavar="MIB",
        help="Read so many MiB a second at most; 0: as fast as it goes.",
    )(command)


def paced(mib_a_second: float) -> Pace:
    """What `--pace` asks for."""
    return Pace(mib_a_second * _MIB or None)


def place_of(directory: Path | None, target: Target) -> BackupPlace:
    """The directory that is named, or configured."""
    configured = target.config().backup.directory
    if directory is None and not configured:
        raise CommandFailed("DIRECTORY: say where backups are, here or as [backup] directory")
    return BackupPlace((directory or Path(configured)).absolute())


@click.command()
@directory_argument
@click.option(
    "--keep",
    type=click.IntRange(min=0),
    help="Remove all snapshots but so many, and what only they hold; 0: none. [backup] keep",
)
@click.option("--verify", is_flag=True, help="Make none; read all there are, every byte.")
@pace_option
@json_option
@data_option
@config_option
def backup(
    directory: Path | None,
    keep: int | None,
    verify: bool,
    mib_a_second: float,
    as_json: bool,
    data_dir: Path,
    config_file: Path | None,
) -> None:
    """Make a snapshot of the whole archive in DIRECTORY, which holds one beside the other.

    Audio that is in DIRECTORY already is not copied again. The server may be running. A snapshot
    has its name when it is complete: what breaks off a backup leaves those before as they were,
    and the next one goes on.

    Ends with 0 if everything is in it, with 3 if the archive lacks audio, or --verify finds damage.
    """
    target = Target(data_dir, config_file)
    place = place_of(directory, target)
    pace = paced(mib_a_second)
    if verify:
        with failures(), bar_of_bytes("verifying") as progress:
            progress.begin(backup_checking.size_of(place))
            checked = backup_checking.check(place, pace, progress.advance)
        _tell_checked(checked, as_json)
        return
    keep = target.config().backup.keep if keep is None else keep
    with target.living("backup") as (database, store), failures(), bar_of_bytes("copying") as bar:
        service = BackingUp(database, store, now)
        made = finished(service.back_up(place, keep=keep, pace=pace, progress=bar))
    _tell_made(place, made, as_json)


def _tell_made(place: BackupPlace, made: BackedUp, as_json: bool) -> None:
    if as_json:
        print_json({"directory": str(place.path), **asdict(made)})
    else:
        for sha256 in made.lacking:
            click.echo(f"missing or damaged in the archive: {sha256}")
        click.echo(
            f"{place.path}: snapshot {made.snapshot}: {made.items} items, {made.contents} contents"
            f" ({made.size} bytes), copied {made.copied} ({made.copied_size} bytes),"
            f" snapshots removed {made.removed}"
        )
    if made.lacking:
        click.get_current_context().exit(DAMAGED)


def _tell_checked(checked: Checked, as_json: bool) -> None:
    if as_json:
        print_json({"whole": checked.is_whole, **asdict(checked)})
    else:
        for sentence in checked.damaged_snapshots:
            click.echo(f"damaged: {sentence}")
        for sha256 in checked.damaged_contents:
            click.echo(f"damaged, and put aside: {sha256}")
        for sha256 in checked.missing_contents:
            click.echo(f"missing: {sha256}")
        verdict = "whole" if checked.is_whole else "DAMAGED"
        click.echo(
            f"{verdict}: {checked.snapshots} snapshots, {checked.contents} contents,"
            f" {checked.size} bytes"
        )
    if not checked.is_whole:
        click.get_current_context().exit(DAMAGED)


class _Bar(BackupProgress):
    def __init__(self, progress: Progress, task: TaskID) -> None:
        self._progress = progress
        self._task = task

    def begin(self, size: int) -> None:
        self._progress.update(self._task, total=size)

    def advance(self, size: int) -> None:
        self._progress.advance(self._task, size)


@contextmanager
def bar_of_bytes(what: str) -> Iterator[BackupProgress]:
    """A bar that is told how far it is, on standard error."""
    with Progress(
        TextColumn(what),
        BarColumn(),
        DownloadColumn(),
        TransferSpeedColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        yield _Bar(progress, progress.add_task(what, total=None))
