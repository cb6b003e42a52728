"""`archive-server restore`: an archive from a backup, where there is none."""

from dataclasses import asdict
from pathlib import Path

import click

from archive_server.cli.backup import (
    bar_of_bytes,
    directory_argument,
    pace_option,
    paced,
    place_of,
)
from archive_server.cli.offline import DAMAGED, CommandFailed, Target, failures, finished
from archive_server.cli.options import config_option, data_option, json_option, print_json
from archive_server.services import restoring
from archive_server.services.loading import require_empty
from archive_server.services.restoring import Restored

_NAMED = 20


@click.command()
@directory_argument
@click.option("--snapshot", "name", default="", help="Which one; without it the newest.")
@pace_option
@json_option
@data_option
@config_option
def restore(
    directory: Path | None,
    name: str,
    mib_a_second: float,
    as_json: bool,
    data_dir: Path,
    config_file: Path | None,
) -> None:
    """Make an archive of a snapshot in DIRECTORY. The data directory must be new or empty.

    Until it is complete it cannot be served. When it was broken off, give the same command again:
    it goes on.

    Ends with 0 if everything is there again, with 3 if the backup itself lacks something.
    """
    target = Target(data_dir, config_file)
    place = place_of(directory, target)
    with failures():
        begun = restoring.begun(data_dir)
        if begun and name not in ("", begun):
            raise CommandFailed(f"{data_dir} is half filled with snapshot {begun}: go on with that")
        snapshot = place.snapshot(begun or name)
        snapshot.manifest()  # nothing is begun with one that is damaged
        if not begun:
            _require_empty(target)
            restoring.begin(data_dir, snapshot)
        with bar_of_bytes("copying") as bar:
            pace = paced(mib_a_second)
            store = restoring.copy_contents(place, snapshot, data_dir, pace, bar)
    with target.new_database("restore") as database, failures():
        restored = finished(restoring.fill(database, snapshot, store, lambda: None))
    with failures():
        restoring.end(data_dir)
    if as_json:
        print_json(asdict(restored))
    else:
        _show(restored)
    if not restored.is_whole:
        click.get_current_context().exit(DAMAGED)


def _require_empty(target: Target) -> None:
    """Raise CommandFailed for a database of another server's that holds an archive."""
    if target.config().database.dsn:
        target.data_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
        with target.new_database("restore") as database, failures():
            finished(database.run(require_empty))


def _show(restored: Restored) -> None:
    for what, found in (("left out", restored.left_out), ("incomplete", restored.incomplete)):
        for each in found[:_NAMED]:
            click.echo(f"{what}: {each.subject}: {each.reason}")
        if (more := len(found) - _NAMED) > 0:
            click.echo(f"{what}: {more} more; --json names all")
    click.echo(
        f"restored {restored.items} items, {restored.users} users, {restored.contents} contents"
        f" ({restored.size} bytes) of snapshot {restored.snapshot};"
        f" left out {len(restored.left_out)}, incomplete {len(restored.incomplete)}"
    )
