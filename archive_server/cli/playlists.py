"""`archive-server playlist`: who changes which playlist, and how to stop that."""

from pathlib import Path

import click

from archive_server.cli.offline import Target, failures, finished
from archive_server.cli.options import config_option, data_option, json_option, print_json
from archive_server.model.gunid import Gunid


@click.group()
def playlist() -> None:
    """List and unlock playlists that are being changed."""


@playlist.command("locked")
@json_option
@data_option
@config_option
def list_locked(as_json: bool, data_dir: Path, config_file: Path | None) -> None:
    """List the playlists that are being changed, and who does; the longest first."""
    with Target(data_dir, config_file).services("playlist locked") as services:
        edits = finished(services.playlists.edits())
    if as_json:
        print_json(
            [
                {"gunid": str(edit.gunid), "login": edit.login, "since": edit.since.isoformat()}
                for edit in edits
            ]
        )
        return
    for edit in edits:
        click.echo(f"{edit.gunid}\t{edit.since:%Y-%m-%d %H:%M}\t{edit.login or '-'}")


@playlist.command("unlock")
@click.argument("gunid")
@data_option
@config_option
def unlock(gunid: str, data_dir: Path, config_file: Path | None) -> None:
    """Let others change a playlist whose editor is gone.

    What was not saved cannot be saved any more; the playlist stays as it was saved last.
    """
    with Target(data_dir, config_file).services("playlist unlock") as services, failures():
        edit = finished(services.playlists.unlock(Gunid.parse(gunid)))
    click.echo(f"unlocked {edit.gunid}, changed by {edit.login or 'a user who is gone'}")
