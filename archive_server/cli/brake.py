"""`archive-server brake`: what maintenance holds back, since it would be too much at once."""

from dataclasses import asdict
from pathlib import Path

import click

from archive_server.cli.offline import DAMAGED, Target, failures, finished
from archive_server.cli.options import config_option, data_option, json_option, print_json
from archive_server.model.integrity import BrakeJob


@click.group()
def brake() -> None:
    """Show and release what maintenance holds back, since it would be too much at once."""


@brake.command("show")
@json_option
@data_option
@config_option
def show(as_json: bool, data_dir: Path, config_file: Path | None) -> None:
    """Show what is held back. Ends with 0 if nothing is, with 3 if something is."""
    with Target(data_dir, config_file).services("brake show") as services, failures():
        held = finished(services.brake.held())
    if as_json:
        print_json([asdict(each) | {"since": each.since.isoformat()} for each in held])
    elif not held:
        click.echo("nothing is held back")
    else:
        for each in held:
            click.echo(f"{each.job}: {each}, held back since {each.since:%Y-%m-%d %H:%M}")
    if held:
        click.get_current_context().exit(DAMAGED)


@brake.command("release")
@click.argument("job", type=click.Choice([job.value for job in BrakeJob]))
@click.option(
    "--most",
    type=click.IntRange(min=1),
    metavar="N",
    help="So much more than usual; if not told, as much as is held back.",
)
@data_option
@config_option
def release(job: str, most: int | None, data_dir: Path, config_file: Path | None) -> None:
    """Let a JOB of maintenance go on within a day; the server does it by itself.

    What goes then is gone: see that it is what you mean to lose.
    """
    with Target(data_dir, config_file).services("brake release") as services, failures():
        count = finished(services.brake.release(BrakeJob(job), most))
    click.echo(f"{job}: {count} more than usual may go on" if count else f"{job}: is not held back")
