"""`archive-server user`: who can log in."""

import secrets
import sys
from pathlib import Path
from typing import TextIO

import click

from archive_server.cli.offline import CommandFailed, Target, finished
from archive_server.cli.options import Command, config_option, data_option, json_option, print_json
from archive_server.model.users import Role

_LONGEST = 1024
_LONGEST_LOGIN = 255


@click.group()
def user() -> None:
    """Add, change, remove and list users."""


def _password_option(command: Command) -> Command:
    """`--password-file FILE`."""
    return click.option(
        "--password-file",
        type=click.File(encoding="utf-8"),
        help="Read the password from the first line of a file (-: standard input)."
        " Without it one is asked for, or made up where there is no terminal.",
    )(command)


def _checked_login(context: click.Context, parameter: click.Parameter, login: str) -> str:
    # Bytes of an argument that are no text are not printable either.
    if not 0 < len(login) <= _LONGEST_LOGIN or not login.isprintable():
        raise click.BadParameter(f"1 to {_LONGEST_LOGIN} printable characters expected")
    return login


def _login_argument(command: Command) -> Command:
    """`LOGIN`."""
    return click.argument("login", callback=_checked_login)(command)


@user.command("add")
@_login_argument
@click.option(
    "--role",
    type=click.Choice([role.value for role in Role]),
    default=Role.CLIENT.value,
    show_default=True,
    help="client: reads and searches; maintainer: stores and deletes too; admin: everything.",
)
@_password_option
@data_option
@config_option
def add_user(
    login: str,
    role: str,
    password_file: TextIO | None,
    data_dir: Path,
    config_file: Path | None,
) -> None:
    """Add a user."""
    password = _password(password_file)
    with Target(data_dir, config_file).administration("user add") as archive:
        finished(archive.users.add(None, login, password, Role(role)))
    click.echo(f"added {role} {login}")


@user.command("passwd")
@_login_argument
@_password_option
@data_option
@config_option
def change_password(
    login: str, password_file: TextIO | None, data_dir: Path, config_file: Path | None
) -> None:
    """Change a user's password; the user's sessions end."""
    password = _password(password_file)
    with Target(data_dir, config_file).administration("user passwd") as archive:
        finished(archive.users.change_password(None, login, password))
    click.echo(f"changed the password of {login}")


@user.command("role")
@_login_argument
@click.argument("role", type=click.Choice([role.value for role in Role]))
@data_option
@config_option
def change_role(login: str, role: str, data_dir: Path, config_file: Path | None) -> None:
    """Change what a user may do; it counts at once."""
    with Target(data_dir, config_file).administration("user role") as archive:
        finished(archive.users.change_role(None, login, Role(role)))
    click.echo(f"{login} is a {role} now")


@user.command("remove")
@_login_argument
@data_option
@config_option
def remove_user(login: str, data_dir: Path, config_file: Path | None) -> None:
    """Remove a user; the user's clips stay."""
    with Target(data_dir, config_file).administration("user remove") as archive:
        finished(archive.users.remove(None, login))
    click.echo(f"removed {login}")


@user.command("list")
@json_option
@data_option
@config_option
def list_users(as_json: bool, data_dir: Path, config_file: Path | None) -> None:
    """List the users."""
    with Target(data_dir, config_file).administration("user list") as archive:
        found = finished(archive.users.list_users(None))
    if as_json:
        print_json([{"login": each.login, "role": each.role.value} for each in found])
        return
    for each in found:
        click.echo(f"{each.login}\t{each.role}")


def _password(file: TextIO | None) -> str:
    """The password from a file, from the terminal, or a new one, which is printed."""
    if file is not None:
        password = _first_line(file)
    elif sys.stdin.isatty():
        password = click.prompt("Password", hide_input=True, confirmation_prompt=True)
    else:
        password = secrets.token_urlsafe(12)
        click.echo(f"password: {password}")
    if not 0 < len(password) <= _LONGEST:
        raise CommandFailed(f"a password has 1 to {_LONGEST} characters")
    return password


def _first_line(file: TextIO) -> str:
    try:
        return file.readline().rstrip("\r\n")
    except UnicodeDecodeError as error:
        raise CommandFailed("the password file is not UTF-8") from error
