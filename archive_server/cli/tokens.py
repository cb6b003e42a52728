"""`archive-server token`: what programs show in place of a session."""

from dataclasses import asdict
from pathlib import Path

import click

from archive_server.cli.offline import Target, finished
from archive_server.cli.options import config_option, data_option, json_option, print_json
from archive_server.model.rights import Scope
from archive_server.model.tokens import ApiToken

_YEAR = 365


@click.group()
def token() -> None:
    """Make, list and remove API tokens, by which programs act for a user."""


@token.command("add")
@click.argument("login")
@click.argument("name")
@click.option(
    "--scope",
    type=click.Choice([scope.value for scope in Scope]),
    default=Scope.READ.value,
    show_default=True,
    help="read; write: stores, changes and deletes, too; admin: all that the user may.",
)
@click.option(
    "--days",
    type=click.IntRange(0, 36_500),
    default=_YEAR,
    show_default=True,
    help="After how many days it expires; 0: never.",
)
@json_option
@data_option
@config_option
def add_token(
    login: str,
    name: str,
    scope: str,
    days: int,
    as_json: bool,
    data_dir: Path,
    config_file: Path | None,
) -> None:
    """Make a token for user LOGIN, called NAME after what it is for, and print it: only this once.

    It goes where a session id goes: into `Authorization: Bearer` and `sessid`.
    """
    with Target(data_dir, config_file).administration("token add") as archive:
        made = finished(archive.tokens.add(None, login, name, Scope(scope), days))
    if as_json:
        print_json({"token": made})
    else:
        click.echo(made)


@token.command("remove")
@click.argument("login")
@click.argument("name")
@data_option
@config_option
def remove_token(login: str, name: str, data_dir: Path, config_file: Path | None) -> None:
    """End a token, at once."""
    with Target(data_dir, config_file).administration("token remove") as archive:
        finished(archive.tokens.remove(None, login, name))
    click.echo(f"removed token {name} of {login}")


@token.command("list")
@click.argument("login", required=False)
@json_option
@data_option
@config_option
def list_tokens(login: str | None, as_json: bool, data_dir: Path, config_file: Path | None) -> None:
    """List the tokens of a user, or all: user, name, scope, until when, and the last use."""
    with Target(data_dir, config_file).administration("token list") as archive:
        found = finished(archive.tokens.list_tokens(None, login))
    if as_json:
        print_json([_for_programs(each) for each in found])
        return
    for each in found:
        until = f"{each.expires_at:%Y-%m-%d}" if each.expires_at else "-"
        used = f"{each.last_used_at:%Y-%m-%d %H:%M}" if each.last_used_at else "-"
        click.echo(f"{each.login}\t{each.name}\t{each.scope}\t{until}\t{used}")


def _for_programs(token: ApiToken) -> dict[str, object]:
    times = {"created_at", "expires_at", "last_used_at"}
    return {
        key: value.isoformat() if key in times and value is not None else value
        for key, value in asdict(token).items()
    }
