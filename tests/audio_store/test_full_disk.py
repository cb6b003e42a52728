"""A file system that is really full."""

import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from contract import digests_of, published, read, token

from audio_store import AudioStore, StoreFull


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of 2 MiB, where the test may mount one."""
    directory = tmp_path / "small"
    directory.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        pytest.skip("only root can mount a small file system")
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(directory)]
    if subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("mounting is not permitted here")
    yield directory
    subprocess.run(["umount", "-l", str(directory)], check=True)


def test_what_fitted_is_kept_and_goes_on_when_there_is_room(small_disk):
    store, name = AudioStore.create(small_disk / "store"), token()
    ballast = published(store, bytes(500_000))
    sound = os.urandom(1_700_000)
    with store.stage(name) as staged:
        with pytest.raises(StoreFull):
            staged.append(sound)
        kept = staged.size
        assert 1_000_000 < kept < len(sound)
        assert staged.known_digests() == digests_of(sound[:kept])
        with pytest.raises(StoreFull):
            staged.append(sound[kept:])
    assert store.free_bytes() < 4096
    store.remove(ballast)
    with store.stage(name) as staged:
        staged.append(sound[kept:])
        content_id = store.publish(staged, staged.digests())
    assert read(store, content_id) == sound


def test_a_full_disk_still_reads_publishes_nothing_and_lets_go(small_disk):
    store = AudioStore.create(small_disk / "store")
    content_id = published(store, b"sound")
    with store.stage(token()) as staged, pytest.raises(StoreFull):
        while True:
            staged.append(bytes(65536))
    assert read(store, content_id) == b"sound"
    assert list(store.contents()) == [content_id]
    for name, _ in list(store.staged_tokens()):
        store.discard(name)
    assert store.free_bytes() > 1_000_000


def test_a_store_cannot_be_half_made_on_a_full_disk(small_disk):
    (small_disk / "ballast").write_bytes(b"")
    with (small_disk / "ballast").open("ab", buffering=0) as ballast, pytest.raises(OSError):
        while True:
            ballast.write(bytes(4096))
    with pytest.raises(StoreFull):
        AudioStore.create(small_disk / "store")
    (small_disk / "ballast").unlink()
    assert AudioStore.create(small_disk / "store").free_bytes() > 1_000_000
