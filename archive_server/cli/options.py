"""Options that many commands have."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from archive_server.services.first_start import FIRST_USER

Command = TypeVar("Command", bound=Callable[..., Any])


def data_option(command: Command) -> Command:
    """`--data DIR`."""
    return click.option(
        "--data",
        "data_dir",
        type=click.Path(file_okay=False, path_type=Path),
        default="archive",
        envvar="ARCHIVE_DATA",
        show_default=True,
        show_envvar=True,
        help="The archive's directory.",
    )(command)


def config_option(command: Command) -> Command:
    """`--config FILE`."""
    return click.option(
        "--config",
        "config_file",
        type=click.Path(dir_okay=False, path_type=Path),
        envvar="ARCHIVE_CONFIG",
        show_envvar=True,
        help="The configuration file; without one everything has its default.",
    )(command)


def user_option(meaning: str) -> Callable[[Command], Command]:
    """`--user LOGIN`."""
    return click.option(
        "--user", "login", default=FIRST_USER, show_default=True, metavar="LOGIN", help=meaning
    )


def json_option(command: Command) -> Command:
    """`--json`."""
    return click.option("--json", "as_json", is_flag=True, help="Print JSON, for programs.")(
        command
    )


def print_json(value: object) -> None:
    """Print a value for programs."""
    click.echo(json.dumps(value, ensure_ascii=False, indent=2))
