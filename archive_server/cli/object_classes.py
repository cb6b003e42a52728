"""`archive-server class`: homes and clips that permissions can be about together."""

from pathlib import Path

import click

from archive_server.cli.offline import Target, finished
from archive_server.cli.options import config_option, data_option, json_option, print_json
from archive_server.model.permissions import Object


@click.group("class")
def object_class() -> None:
    """Add, remove and list classes of objects; put objects into them.

    A permission about class:NAME is about everything in the class. It holds where none is about
    the object, its owner's home or the archive. OBJECT is home:LOGIN or a clip's id.
    """


@object_class.command("add")
@click.argument("name")
@data_option
@config_option
def add_class(name: str, data_dir: Path, config_file: Path | None) -> None:
    """Add a class."""
    with Target(data_dir, config_file).administration("class add") as archive:
        finished(archive.permissions.add_class(None, name))
    click.echo(f"added class {name}")


@object_class.command("remove")
@click.argument("name")
@data_option
@config_option
def remove_class(name: str, data_dir: Path, config_file: Path | None) -> None:
    """Remove a class and the permissions about it; what is in it stays."""
    with Target(data_dir, config_file).administration("class remove") as archive:
        finished(archive.permissions.remove_class(None, name))
    click.echo(f"removed class {name}")


@object_class.command("list")
@json_option
@data_option
@config_option
def list_classes(as_json: bool, data_dir: Path, config_file: Path | None) -> None:
    """List the classes and what is in them."""
    with Target(data_dir, config_file).administration("class list") as archive:
        classes = finished(archive.permissions.list_classes(None))
    if as_json:
        print_json(
            [
                {"name": each.name, "members": [str(member) for member in each.members]}
                for each in classes
            ]
        )
        return
    for each in classes:
        click.echo(f"{each.name}\t{', '.join(map(str, each.members))}")


@object_class.command("put")
@click.argument("name")
@click.argument("target", metavar="OBJECT")
@data_option
@config_option
def put(name: str, target: str, data_dir: Path, config_file: Path | None) -> None:
    """Put an object into a class."""
    with Target(data_dir, config_file).administration("class put") as archive:
        member = Object.parse(target)
        finished(archive.permissions.classify(None, name, member, is_in=True))
    click.echo(f"{member} is in class {name}")


@object_class.command("take")
@click.argument("name")
@click.argument("target", metavar="OBJECT")
@data_option
@config_option
def take(name: str, target: str, data_dir: Path, config_file: Path | None) -> None:
    """Take an object out of a class."""
    with Target(data_dir, config_file).administration("class take") as archive:
        member = Object.parse(target)
        finished(archive.permissions.classify(None, name, member, is_in=False))
    click.echo(f"{member} was taken out of class {name}")
