"""`archive-server trash`: what was deleted and can still be brought back."""

from datetime import timedelta
from pathlib import Path

import click

from archive_server.app.services import now
from archive_server.cli.offline import Target, failures, finished
from archive_server.cli.options import config_option, data_option, json_option, print_json
from archive_server.model.gunid import Gunid


@click.group()
def trash() -> None:
    """List, restore and purge deleted clips."""


@trash.command("list")
@json_option
@data_option
@config_option
def list_trash(as_json: bool, data_dir: Path, config_file: Path | None) -> None:
    """List what is in the trash, oldest first."""
    with Target(data_dir, config_file).services("trash list") as services:
        clips = finished(services.clips.trashed())
    if as_json:
        print_json(
            [
                {
                    "gunid": str(clip.gunid),
                    "file_name": clip.file_name,
                    "trashed_at": clip.trashed_at and clip.trashed_at.isoformat(),
                }
                for clip in clips
            ]
        )
        return
    for clip in clips:
        click.echo(f"{clip.gunid}\t{clip.trashed_at:%Y-%m-%d %H:%M}\t{clip.file_name}")


@trash.command("restore")
@click.argument("gunid")
@data_option
@config_option
def restore(gunid: str, data_dir: Path, config_file: Path | None) -> None:
    """Bring a deleted clip back."""
    with Target(data_dir, config_file).services("trash restore") as services, failures():
        finished(services.clips.restore(Gunid.parse(gunid)))
    click.echo(f"restored {gunid}")


@trash.command("purge")
@click.option(
    "--older-than",
    "days",
    type=click.IntRange(min=0, max=36_500),
    required=True,
    metavar="DAYS",
    help="Only what was deleted so many days ago or longer; 0: everything.",
)
@data_option
@config_option
def purge(days: int, data_dir: Path, config_file: Path | None) -> None:
    """Remove deleted clips for good."""
    with Target(data_dir, config_file).services("trash purge") as services, failures():
        purged = finished(services.maintenance.purge_trash(now() - timedelta(days=days)))
        finished(services.maintenance.tidy())
    click.echo(f"purged {purged} clips")
