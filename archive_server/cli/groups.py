"""`archive-server group`: groups of users, and who is in them."""

from pathlib import Path

import click

from archive_server.cli.offline import Target, finished
from archive_server.cli.options import config_option, data_option, json_option, print_json
from archive_server.model.groups import Group


@click.group()
def group() -> None:
    """Add, remove and list groups of users; put users and groups into them.

    Every user is in All and StationPrefs, users of the role maintainer are in Maintainers and
    those of the role admin in Admins. These groups stay. A user or a group is written NAME, or
    user:NAME and group:NAME where there are both.
    """


@group.command("add")
@click.argument("name")
@data_option
@config_option
def add_group(name: str, data_dir: Path, config_file: Path | None) -> None:
    """Add a group."""
    with Target(data_dir, config_file).administration("group add") as archive:
        finished(archive.groups.add(None, name))
    click.echo(f"added group {name}")


@group.command("remove")
@click.argument("name")
@data_option
@config_option
def remove_group(name: str, data_dir: Path, config_file: Path | None) -> None:
    """Remove a group, its preferences and the permissions for it."""
    with Target(data_dir, config_file).administration("group remove") as archive:
        finished(archive.groups.remove(None, name))
    click.echo(f"removed group {name}")


@group.command("list")
@json_option
@data_option
@config_option
def list_groups(as_json: bool, data_dir: Path, config_file: Path | None) -> None:
    """List the groups and who is in them."""
    with Target(data_dir, config_file).administration("group list") as archive:
        groups = finished(archive.groups.list_groups(None))
    if as_json:
        print_json(
            [
                {
                    "name": each.name,
                    "includes": each.includes,
                    "members": [str(member) for member in each.members],
                }
                for each in groups
            ]
        )
        return
    for each in groups:
        click.echo(f"{each.name}\t{_members(each)}")


@group.command("join")
@click.argument("member")
@click.argument("name", metavar="GROUP")
@data_option
@config_option
def join_group(member: str, name: str, data_dir: Path, config_file: Path | None) -> None:
    """Put a user or a group into a group."""
    with Target(data_dir, config_file).administration("group join") as archive:
        finished(archive.groups.join(None, member, name))
    click.echo(f"{member} is in group {name}")


@group.command("leave")
@click.argument("member")
@click.argument("name", metavar="GROUP")
@data_option
@config_option
def leave_group(member: str, name: str, data_dir: Path, config_file: Path | None) -> None:
    """Take a user or a group out of a group it was put into."""
    with Target(data_dir, config_file).administration("group leave") as archive:
        finished(archive.groups.leave(None, member, name))
    click.echo(f"{member} was taken out of group {name}")


def _members(group: Group) -> str:
    """Who is in a group, in words."""
    by_itself = {None: [], "everybody": ["everybody"]}.get(
        group.includes, [f"role:{group.includes}"]
    )
    return ", ".join([*by_itself, *map(str, group.members)])
