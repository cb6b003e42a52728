"""`archive-server config`: what is decided, and whether it can be."""

from pathlib import Path

import click

from archive_server.cli.offline import CommandFailed, Target
from archive_server.cli.options import config_option, data_option, json_option, print_json
from archive_server.config import Config, as_dict, render
from archive_server.database.binaries import find_binaries
from archive_server.database.cluster import Cluster
from archive_server.database.embedded_errors import NoPostgres
from audio_store.probe import pyogg_available, sandbox_lacks


@click.group()
def config() -> None:
    """Show and check the configuration."""


@config.command("show")
@json_option
@config_option
def show(as_json: bool, config_file: Path | None) -> None:
    """Print every option with the value it has."""
    loaded = Target(Path(), config_file).config()
    if as_json:
        print_json(as_dict(loaded))
    else:
        click.echo(render(loaded), nl=False)


@config.command("check")
@json_option
@data_option
@config_option
def check_config(as_json: bool, data_dir: Path, config_file: Path | None) -> None:
    """Check the configuration, and what the machine has of what it needs."""
    loaded = Target(data_dir, config_file).config()
    problems: list[str] = []
    found = {
        "postgresql": _postgres(loaded, data_dir, problems),
        "pyogg": _pyogg(),
        "sandbox": _sandbox(),
    }
    if as_json:
        print_json({"problems": problems, "found": found})
    else:
        for name, text in found.items():
            click.echo(f"{name}: {text}")
        click.echo("the configuration is " + ("not usable" if problems else "good"))
    if problems:
        raise CommandFailed("\n".join(problems))


def _postgres(loaded: Config, data_dir: Path, problems: list[str]) -> str:
    if loaded.database.dsn:
        return "an external server, by [database] dsn"
    try:
        binaries = find_binaries(Cluster(data_dir / "postgres").major)
    except NoPostgres as error:
        problems.append(str(error))
        return "missing"
    return f"{binaries.major}, from {binaries.directory}"


def _pyogg() -> str:
    if pyogg_available():
        return "used as a second decoder of Ogg Vorbis"
    return (
        "its libraries are missing, so Ogg Vorbis is decoded by one decoder only;"
        " apt-get install libogg0 libvorbisfile3 brings them"
    )


def _sandbox() -> str:
    if missing := sandbox_lacks():
        return f"this machine has no {' and no '.join(missing)}: decoders are confined less"
    return "decoders of audio see no files and reach nobody (Landlock, seccomp)"
