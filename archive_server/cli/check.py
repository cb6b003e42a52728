"""`archive-server check`: is everything there, and as it was stored?"""

from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn, TimeRemainingColumn

from archive_server.app.services import Services
from archive_server.cli.offline import DAMAGED, Target, failures, finished
from archive_server.cli.options import config_option, data_option, json_option, print_json
from archive_server.services.integrity import Finding, Severity
from archive_server.services.pacing import Pace

_STOPPED = 130  # what a shell makes of a program that Ctrl-C ends
_MB = 1_000_000


@click.command()
@click.option("--quick", is_flag=True, help="Compare sizes only; do not read every byte.")
@click.option(
    "--rate",
    type=click.IntRange(min=1),
    metavar="MB",
    help="Read no more than so many megabytes a second; if not told, as fast as it goes.",
)
@click.option(
    "--resume",
    is_flag=True,
    help="Go on with a check that was stopped: what was read since its beginning is spared.",
)
@click.option(
    "--damaged",
    "only_damaged",
    is_flag=True,
    help="Read only what is known to be damaged: it may have been brought back.",
)
@json_option
@data_option
@config_option
def check(
    quick: bool,
    rate: int | None,
    resume: bool,
    only_damaged: bool,
    as_json: bool,
    data_dir: Path,
    config_file: Path | None,
) -> None:
    """Compare every row with its bytes, and every byte with its digest.

    What is damaged goes into quarantine, and is not handed out until the same bytes are stored
    again, or found. Ends with 0 if nothing is lost, with 3 if something is, with 130 if it was
    stopped. What a crash left behind is shown, but is no loss: the server removes it.
    """
    if quick + resume + only_damaged > 1 or (quick and rate):
        raise click.UsageError("these options do not go together")
    pace = Pace(rate * _MB if rate else None)
    with Target(data_dir, config_file).services("check") as services, failures():
        try:
            count, size = finished(services.integrity.extent())
            if only_damaged:
                findings = finished(services.integrity.check_damaged(pace))
            else:
                findings = _check(services, pace, digests=not quick, resume=resume)
                findings += finished(services.sidecar_checking.check())
        except KeyboardInterrupt:
            click.echo("stopped before the end; with --resume it goes on from here", err=True)
            click.get_current_context().exit(_STOPPED)
    damaged = any(finding.severity is Severity.DAMAGE for finding in findings)
    if as_json:
        print_json(
            {
                "contents": count,
                "bytes": size,
                "clean": not damaged,
                "findings": [asdict(finding) for finding in findings],
            }
        )
    else:
        for finding in findings:
            click.echo(_line(finding))
        verdict = "DAMAGED" if damaged else "clean"
        click.echo(f"{verdict}: {count} contents, {size} bytes")
    if damaged:
        click.get_current_context().exit(DAMAGED)


def _line(finding: Finding) -> str:
    clips = f" (clips: {', '.join(finding.clips)})" if finding.clips else ""
    return f"{finding.severity}: {finding.subject}: {finding.message}{clips}"


def _check(services: Services, pace: Pace, *, digests: bool, resume: bool) -> list[Finding]:
    since = finished(services.integrity.begin(resume=resume)) if digests else None
    _, size = finished(services.integrity.extent(since))
    with Progress(
        TextColumn("checking"),
        BarColumn(),
        DownloadColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    ) as progress:
        bar = progress.add_task("", total=size)
        return finished(
            services.integrity.check(
                digests=digests,
                since=since,
                pace=pace,
                on_content=lambda done: progress.advance(bar, done),
            )
        )
