"""What the tests of this directory run targets in."""

from pathlib import Path

import pytest

from archive_server.database.embedded import EmbeddedPostgres
from fuzz.runs import databases
from fuzz.surroundings import Surroundings, provide
from fuzz.targets import TARGETS


@pytest.fixture(scope="session")
def around(postgres: EmbeddedPostgres, tmp_path_factory: pytest.TempPathFactory) -> Surroundings:
    """Surroundings for all targets of this run."""
    directory = Path(tmp_path_factory.mktemp("fuzz"))
    around = Surroundings(databases(postgres, *TARGETS.values()), directory)
    provide(around)
    return around
