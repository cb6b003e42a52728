"""What tests of bad input share: a clip to be attacked, and a look at what may not change."""

from collections.abc import Iterator

import pytest
from fixtures.clients import Client
from fixtures.fix_audio import noise, wav
from fixtures.fix_server import ArchiveProcess


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
