"""`archive-server import`: folders of audio, into the archive."""

import os
import re
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    TextColumn,
    TimeRemainingColumn,
)

from archive_server.cli.offline import DAMAGED, Target, failures, finished
from archive_server.cli.options import (
    config_option,
    data_option,
    json_option,
    print_json,
    user_option,
)
from archive_server.model.categories import is_name
from archive_server.services.file_examining import UNREADABLE, Refusal
from archive_server.services.folder_import import Imported, Wishes
from archive_server.services.folders import Found, FoundFile, look

_STOPPED = 130  # what a shell makes of a program that Ctrl-C ends
_CONTROLS = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029]")
_SHOWN_EVERY_S = 0.1
_NAMED = 20  # refused files that are named in a terminal, where there may be thousands


@click.command("import")
@click.argument(
    "places",
    metavar="FOLDER...",
    nargs=-1,
    required=True,
    type=click.Path(exists=True, path_type=Path),
)
@click.option(
    "--default",
    "defaults",
    multiple=True,
    metavar="CATEGORY=VALUE",
    help='What clips say of a category where their tags do not: "dc:type=jingle". May be repeated.',
)
@click.option("--dry-run", is_flag=True, help="Examine all files, and store nothing.")
@click.option(
    "--decoders",
    type=click.IntRange(1, 64),
    help="So many files are examined at a time; as many as there are cores, if not told.",
)
@user_option("Who owns the clips, and whose rights count.")
@json_option
@data_option
@config_option
def import_folders(
    places: tuple[Path, ...],
    defaults: tuple[str, ...],
    dry_run: bool,
    decoders: int | None,
    login: str,
    as_json: bool,
    data_dir: Path,
    config_file: Path | None,
) -> None:
    """Make clips of all Ogg Vorbis, MP3 and WAV files below each FOLDER (or of a single file).

    They are copied: the originals are only read. Their tags say what they are called. Files whose
    bytes are in the archive already are passed over, so an import that was broken off can be begun
    again, and goes on. Ctrl-C stops it after the clips at hand. The server may be running.

    Ends with 0 if all that is audio is in the archive, with 3 if files were refused, which are
    named, and with 130 if it was stopped.
    """
    wishes = Wishes(_categories(defaults), dry_run)
    found = look(places, leave_out=data_dir)
    decoders = decoders or len(os.sched_getaffinity(0))
    with (
        Target(data_dir, config_file).folder_import("import", decoders, login) as (service, caller),
        failures(),
        _stoppable() as stopped,
        _progress(found) as on_file,
    ):
        imported = finished(
            service.run(caller, found.files, wishes, on_file=on_file, stopped=stopped)
        )
    imported.refused[:0] = [Refusal(path, UNREADABLE, why) for path, why in found.unreadable]
    if as_json:
        print_json(_report(found, imported, wishes))
    else:
        _show(found, imported, wishes)
    if imported.was_stopped:
        click.get_current_context().exit(_STOPPED)
    if imported.refused:
        click.get_current_context().exit(DAMAGED)


def _categories(defaults: tuple[str, ...]) -> Mapping[str, str]:
    said = {}
    for text in defaults:
        category, equals, value = text.partition("=")
        if not (equals and value and is_name(category)):
            raise click.BadParameter(f"{text!r}: category=value expected", param_hint="--default")
        said[category] = value
    return said


def _report(found: Found, imported: Imported, wishes: Wishes) -> dict[str, object]:
    return {
        "dry_run": wishes.dry_run,
        "stopped": imported.was_stopped,
        "imported": imported.imported,
        "bytes": imported.size,
        "already": imported.already,
        "others": found.others,
        "refused": [
            {"file": click.format_filename(each.file), "code": each.code, "reason": each.reason}
            for each in imported.refused
        ],
    }


def _show(found: Found, imported: Imported, wishes: Wishes) -> None:
    for refusal in imported.refused[:_NAMED]:
        click.echo(f"refused: {_shown(refusal.file)}: {refusal.reason} [{refusal.code}]")
    if (more := len(imported.refused) - _NAMED) > 0:
        click.echo(f"refused: {more} more; --json names all")
    verb = "would import" if wishes.dry_run else "imported"
    click.echo(
        f"{verb} {imported.imported} ({imported.size} bytes), there already {imported.already},"
        f" refused {len(imported.refused)}, not audio {found.others}"
    )
    if imported.was_stopped:
        click.echo("stopped before the end; the same command goes on from here")


def _shown(file: Path) -> str:
    """A name on one line of a terminal, which would obey some of what names may have in them."""
    return _CONTROLS.sub(lambda found: repr(found[0])[1:-1], click.format_filename(file))


@contextmanager
def _stoppable() -> Iterator[Callable[[], bool]]:
    """Tells whether Ctrl-C was pressed, or the end was asked for; the second time is at once."""
    stop = threading.Event()

    def note(number: int, frame: object) -> None:
        stop.set()
        signal.signal(number, before[number])

    both = (signal.SIGINT, signal.SIGTERM)
    before: dict[int, Any] = {number: signal.signal(number, note) for number in both}
    try:
        yield stop.is_set
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextmanager
def _progress(found: Found) -> Iterator[Callable[[FoundFile], None]]:
    """A bar of files; small ones take their time too, so bytes are only told."""
    with Progress(
        TextColumn("importing"),
        BarColumn(),
        TextColumn("files"),
        MofNCompleteColumn(),
        TextColumn("{task.fields[told]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        bar = progress.add_task("", total=len(found.files), told="")
        count, done, size, due = 0, 0, found.size, 0.0

        def on_file(file: FoundFile) -> None:
            nonlocal count, done, due
            count, done = count + 1, done + file.size
            # To tell of each of many small files took a twentieth of the work.
            if (now := time.monotonic()) >= due:
                due = now + _SHOWN_EVERY_S
                told = f"{done / 1e9:.1f} of {size / 1e9:.1f} GB"
                progress.update(bar, completed=count, told=told)

        yield on_file
