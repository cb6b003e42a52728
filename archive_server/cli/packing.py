"""`archive-server pack` and `unpack`: what meets some criteria, in a file, and back."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from archive_server.app.services import Services
from archive_server.cli.offline import (
    DAMAGED,
    CommandFailed,
    Target,
    caller_named,
    failures,
    finished,
)
from archive_server.cli.options import (
    config_option,
    data_option,
    json_option,
    print_json,
    user_option,
)
from archive_server.model.clips import FileType
from archive_server.model.jobs import Report
from archive_server.model.search import Criteria
from archive_server.model.users import Caller
from archive_server.services.tar_writing import sync_directory
from archive_server.services.unpacking_items import Restored

# A category, an operator, and all the rest.
_CONDITION = re.compile(r"\s*(\S+)\s+(\S+)\s(.*)", re.DOTALL)


@click.command()
@click.argument("file", type=click.Path(dir_okay=False, path_type=Path))
@click.option(
    "--type",
    "file_type",
    type=click.Choice(["all", *(each.value for each in FileType)]),
    default="all",
    show_default=True,
    help="Only what is of this type.",
)
@click.option(
    "--where",
    "conditions",
    multiple=True,
    metavar='"CATEGORY OPERATOR VALUE"',
    help='Only what meets this, for example "dc:title partial jingle". Operators: = partial'
    " prefix < <= > >=. May be repeated.",
)
@click.option("--any", "match_any", is_flag=True, help="One condition is enough; else all count.")
@click.option("--limit", type=click.IntRange(min=0), default=0, help="At most so many; 0: all.")
@click.option("--overwrite", is_flag=True, help="Replace FILE if it is there.")
@user_option("Whose rights count.")
@json_option
@data_option
@config_option
def pack(
    file: Path,
    file_type: str,
    conditions: tuple[str, ...],
    match_any: bool,
    limit: int,
    overwrite: bool,
    login: str,
    as_json: bool,
    data_dir: Path,
    config_file: Path | None,
) -> None:
    """Pack what meets some criteria into FILE, a tar archive; without criteria, everything.

    That is for parts of an archive, and for moving them; see also `backup`.

    The server may be running. FILE has its name only when it is complete.
    """
    if file.exists() and not overwrite:
        raise CommandFailed(f"{file} is there already; see --overwrite")
    with failures():
        criteria = Criteria.build(
            file_type=file_type,
            operator="or" if match_any else "and",
            conditions=[_condition(text) for text in conditions],
            limit=limit,
        )
    with Target(data_dir, config_file).services("pack") as services, failures():
        clips = _write(services, caller_named(services.administration, login), criteria, file)
    size = file.stat().st_size
    if as_json:
        print_json({"file": str(file), "clips": clips, "bytes": size})
    else:
        click.echo(f"{file}: {clips} clips, {size} bytes")


def _write(services: Services, caller: Caller, criteria: Criteria, file: Path) -> int:
    part = file.with_name(file.name + ".part")
    try:
        part.unlink(missing_ok=True)  # of one that was broken off
        with _progress("packing") as report:
            clips = finished(services.backups.write(caller, criteria, part, report))
        part.replace(file)
        sync_directory(file.parent)
    except OSError as error:
        raise CommandFailed(f"{file} cannot be written: {error.strerror}") from error
    finally:
        part.unlink(missing_ok=True)
    return clips


@click.command()
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
@user_option("Who owns what is new, and whose rights count.")
@json_option
@data_option
@config_option
def unpack(file: Path, login: str, as_json: bool, data_dir: Path, config_file: Path | None) -> None:
    """Unpack all that is in FILE: what there is is replaced, the rest is added.

    Ends with 0 if everything was restored, with 3 if something could not be, which is named.
    To do it again changes nothing. The server may be running.
    """
    with (
        Target(data_dir, config_file).services("unpack") as services,
        failures(),
        file.open("rb") as opened,
        _progress("unpacking") as report,
    ):
        caller = caller_named(services.administration, login)
        restored = finished(services.restores.restore(caller, opened, report))
    if as_json:
        print_json(asdict(restored))
    else:
        _show(restored)
    if restored.failures:
        click.get_current_context().exit(DAMAGED)


def _show(restored: Restored) -> None:
    for failure in restored.failures:
        click.echo(f"not restored: {failure.item}: {failure.reason}")
    if restored.unnamed:
        click.echo(f"not restored: {restored.unnamed} more")
    click.echo(
        f"restored {restored.restored}, unchanged {restored.unchanged}, failed {restored.failed}"
    )


def _condition(text: str) -> tuple[str, str, str]:
    match = _CONDITION.fullmatch(text)
    if match is None or not match[3]:
        raise click.BadParameter(
            f"{text!r}: category, operator and value expected", param_hint="--where"
        )
    return match[1], match[2], match[3]


@contextmanager
def _progress(what: str) -> Iterator[Report]:
    """A bar that grows from 0 to 1."""
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task(what, total=1.0)
        yield lambda share: progress.update(bar, completed=share)
