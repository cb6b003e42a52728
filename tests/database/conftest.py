"""What tests of the embedded server need."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from archive_server.database.embedded import EmbeddedPostgres


@pytest.fixture
def open_directory() -> Iterator[Path]:
    """A directory that users other than ours can get to, unlike pytest's own."""
    yield from _open_directory()


@pytest.fixture
def archive_directory(open_directory: Path, made_cluster: Path) -> Path:
    """A directory whose embedded server has run before; to make it anew takes a second."""
    subprocess.run(["cp", "-a", made_cluster, open_directory / "postgres"], check=True)
    return open_directory


@pytest.fixture(scope="session")
def made_cluster() -> Iterator[Path]:
    """A cluster to copy."""
    for directory in _open_directory():
        EmbeddedPostgres.start(directory, extra_settings={"fsync": "off"}).stop()
        yield directory / "postgres"


def _open_directory() -> Iterator[Path]:
    directory = Path(tempfile.mkdtemp(prefix="archive-test-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)
