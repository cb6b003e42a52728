"""What tests share: a clip to be attacked, what may not change, and an archive that fails."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.clients import Client
from fixtures.fix_audio import noise, wav
from fixtures.fix_server import ArchiveProcess, external
from fixtures.stories import Mortal

LAUNCHER = Path(__file__).with_name("faulty_archive.py")


@pytest.fixture
def unchanged(root: Client, archive: ArchiveProcess) -> Iterator[None]:
    """Fails a test after which there are other clips than before, or files in odd places."""
    before = everything(root)
    yield
    assert everything(root) == before
    # What tests would have written somewhere, they call evil.
    assert not list(archive.data_dir.parent.rglob("*evil*"))


def everything(root: Client) -> list[tuple[str, str]]:
    hits = root.call("searchMetadata", criteria={})["results"]
    return sorted((hit["gunid"], hit["title"]) for hit in hits)


@pytest.fixture
def clip(root: Client) -> Iterator[str]:
    """A clip for the time of a test."""
    gunid = root.store(wav(noise(44100)), "victim.wav")
    yield gunid
    root.call("deleteAudioClip", gunid=gunid, forced=True)


@pytest.fixture
def mortal(new_archive, dsn, tmp_path) -> Mortal:
    control = tmp_path / "control"
    control.mkdir()
    program = (sys.executable, str(LAUNCHER), str(control), str(tmp_path / "data" / "store"))
    config = external(dsn) + "[retention]\nrevisions_days = 0\n"
    return Mortal(new_archive(config, program=program), control)
