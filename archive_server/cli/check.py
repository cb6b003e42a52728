"""`archive-server check`: is everything there, and as it was stored?"""

from dataclasses import asdict
from pathlib import Path

import click
from rich.console import Console
from rich.progress import Progress

from archive_server.app.services import Services
from archive_server.cli.offline import DAMAGED, Target, failures, finished
from archive_server.cli.options import config_option, data_option, json_option, print_json
from archive_server.services.integrity import Finding, Severity


@click.command()
@click.option("--quick", is_flag=True, help="Compare sizes only; do not read every byte.")
@json_option
@data_option
@config_option
def check(quick: bool, as_json: bool, data_dir: Path, config_file: Path | None) -> None:
    """Compare every row with its bytes, and every byte with its digest. Changes nothing.

    Ends with 0 if nothing is lost, with 3 if something is. What a crash left behind is shown,
    but is no loss: the server removes it.
    """
    with Target(data_dir, config_file).services("check") as services, failures():
        count, size = finished(services.integrity.extent())
        findings = _check(services, size, digests=not quick)
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
            click.echo(f"{finding.severity}: {finding.subject}: {finding.message}")
        verdict = "DAMAGED" if damaged else "clean"
        click.echo(f"{verdict}: {count} contents, {size} bytes")
    if damaged:
        click.get_current_context().exit(DAMAGED)


def _check(services: Services, size: int, *, digests: bool) -> list[Finding]:
    with Progress(console=Console(stderr=True), transient=True) as progress:
        bar = progress.add_task("checking", total=size)
        return finished(
            services.integrity.check(
                digests=digests, on_content=lambda done: progress.advance(bar, done)
            )
        )
