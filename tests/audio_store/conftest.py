import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from faulty_disk import FaultyDisk


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Where the fixture `store` has its store, and where one can be made."""
    return tmp_path / "store"


@pytest.fixture
def disk(root: Path, tmp_path: Path) -> FaultyDisk:
    """A disk under `root` that can be made to fail; to be `inserted()`."""
    (tmp_path / "shadow").mkdir()
    return FaultyDisk(root, tmp_path / "shadow")


@pytest.fixture
def as_ordinary_user() -> Iterator[Path]:
    """Run the test without root's right to open everything; yield a directory to write in."""
    with tempfile.TemporaryDirectory() as name:
        superuser = os.geteuid() == 0
        if superuser:
            os.chown(name, 65534, 65534)
            os.seteuid(65534)
        try:
            yield Path(name)
        finally:
            if superuser:
                os.seteuid(0)
