"""`archive-server rebuild`: the database anew, from the disk alone."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from archive_server.cli.offline import DAMAGED, CommandFailed, Target, failures, finished
from archive_server.cli.options import config_option, data_option, json_option, print_json
from archive_server.services.rebuilding import RebuildService, Rebuilt
from archive_server.services.restoring import require_restored
from audio_store import AudioStore, Sidecars

_NAMED = 20


@click.command()
@click.option(
    "--replace",
    is_flag=True,
    help="Put a database that is there aside, as DIR/postgres-before-...; without it nothing that"
    " was used is touched.",
)
@json_option
@data_option
@config_option
def rebuild(replace: bool, as_json: bool, data_dir: Path, config_file: Path | None) -> None:
    """Make the database anew from the sidecars in the store. The server must not be running.

    Clips, playlists and webstreams come back with all their revisions, documents, rights and the
    trash, users with their passwords; sessions, leases, uploads and the journal do not. What is not
    whole is named, and left where it is. It is all or nothing, and can be begun again.

    Ends with 0 if everything was whole, with 3 if something was left out.
    """
    target = Target(data_dir, config_file)
    if not (data_dir / "store").is_dir():
        raise CommandFailed(f"there is no store in {data_dir}; see --data")
    with failures():
        require_restored(data_dir)
        files = Sidecars(AudioStore.open(data_dir / "store"))
    if replace:
        target.put_database_aside("rebuild")
    with target.new_database("rebuild") as database, failures():
        service = RebuildService(database, files)
        with _progress(service.count()) as on_item:
            rebuilt = finished(service.rebuild(on_item))
    if as_json:
        print_json(asdict(rebuilt))
    else:
        _show(rebuilt)
    if not rebuilt.is_whole:
        click.get_current_context().exit(DAMAGED)


def _show(rebuilt: Rebuilt) -> None:
    for what, found in (
        ("left out", [f"{each.subject}: {each.reason}" for each in rebuilt.left_out]),
        ("incomplete", [f"{each.subject}: {each.reason}" for each in rebuilt.incomplete]),
        ("unclaimed", rebuilt.unclaimed),
    ):
        for each in found[:_NAMED]:
            click.echo(f"{what}: {each}")
        if (more := len(found) - _NAMED) > 0:
            click.echo(f"{what}: {more} more; --json names all")
    click.echo(
        f"rebuilt {rebuilt.items} items, {rebuilt.users} users; left out {len(rebuilt.left_out)},"
        f" incomplete {len(rebuilt.incomplete)}, unclaimed contents {len(rebuilt.unclaimed)}"
    )


@contextmanager
def _progress(count: int) -> Iterator[Callable[[], object]]:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("rebuilding", total=count)
        yield lambda: progress.advance(bar)
