"""What tests of the embedded server need."""

import shutil
import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def open_directory():
    """A directory that users other than ours can get to, unlike pytest's own."""
    directory = Path(tempfile.mkdtemp(prefix="archive-test-"))
    directory.chmod(0o711)
    yield directory
    shutil.rmtree(directory)
