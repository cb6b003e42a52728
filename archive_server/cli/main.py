"""The command `archive-server`."""

import click

from archive_server.cli.backup import backup
from archive_server.cli.brake import brake
from archive_server.cli.check import check
from archive_server.cli.configuration import config
from archive_server.cli.drill import drill
from archive_server.cli.groups import group
from archive_server.cli.importing import import_folders
from archive_server.cli.journal import journal
from archive_server.cli.object_classes import object_class
from archive_server.cli.packing import pack, unpack
from archive_server.cli.permissions import permission
from archive_server.cli.playlists import playlist
from archive_server.cli.rebuild import rebuild
from archive_server.cli.restore import restore
from archive_server.cli.serve import migrate, serve
from archive_server.cli.tokens import token
from archive_server.cli.trash import trash
from archive_server.cli.users import user


@click.group(context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="archive-server")
def main() -> None:
    """An archive for a radio station's audio: stores, finds and hands out clips."""


for command in (
    serve,
    migrate,
    user,
    token,
    group,
    permission,
    object_class,
    playlist,
    trash,
    journal,
    import_folders,
    pack,
    unpack,
    backup,
    restore,
    drill,
    rebuild,
    check,
    brake,
    config,
):
    main.add_command(command)
