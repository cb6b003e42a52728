"""Real damage to real files, and what is made of it."""

import ctypes
import mmap
import os
import shutil
from pathlib import Path

import pytest
from contract import NOISE, SOUND, published, read, token

from audio_store import AudioStore, Quarantine, Sight, StoreAway, look_at, verify

WHOLE_MB = bytes(range(256)) * 4096


@pytest.fixture
def content(store):
    return published(store, SOUND)


@pytest.fixture
def path(store, content) -> Path:
    file = store.path(content)
    file.chmod(0o600)
    return file


@pytest.fixture
def quarantine(store):
    return Quarantine(store)


def flaw(store, content, **more):
    return verify(store, content, len(SOUND), **more).flaw


def test_what_was_published_is_whole(store, content):
    verdict = verify(store, content, len(SOUND))
    assert verdict.flaw is None
    assert verdict.seen == Sight.of(store.path(content))


@pytest.mark.parametrize("sound", [WHOLE_MB * 2, WHOLE_MB * 3 + b"x", b"y"])
def test_every_byte_is_read_once_whatever_the_size(store, sound):
    blocks = []
    assert verify(store, published(store, sound), len(sound), on_block=blocks.append).flaw is None
    assert sum(blocks) == len(sound)


@pytest.mark.parametrize("place", [0, len(SOUND) // 2, len(SOUND) - 1])
def test_one_flipped_bit_is_found(store, content, path, place):
    with path.open("r+b") as file:
        file.seek(place)
        file.write(bytes([SOUND[place] ^ 1]))
    assert flaw(store, content) == "the file has other bytes than were stored"
    assert flaw(store, content, every_byte=False) is None


def test_other_sizes_are_found_without_reading(store, content, path):
    for size in (0, 1, len(SOUND) - 1, len(SOUND) + 1, 3 * len(SOUND)):
        os.truncate(path, size)
        expected = f"the file has {size} bytes instead of {len(SOUND)}"
        assert flaw(store, content) == flaw(store, content, every_byte=False) == expected


def test_what_is_missing_was_not_seen(store, content, path):
    path.unlink()
    assert verify(store, content, len(SOUND)) == look_at(path, content, len(SOUND))
    assert flaw(store, content) == "the file is missing"
    path.parent.rmdir()
    assert flaw(store, content) == "the file is missing"


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo])
def test_what_is_no_file_is_damage_and_lets_nobody_wait(store, content, path, make):
    path.unlink()
    make(path)
    assert flaw(store, content) == "the file is no file any more"


def test_a_file_that_the_disk_cannot_read_is_damage(store, content, path):
    path.unlink()
    path.symlink_to("/proc/self/mem")  # the first page of a process gives EIO
    assert flaw(store, content) == "the file cannot be read: Input/output error"


def test_a_link_that_leads_nowhere_is_damage(store, content, path):
    path.unlink()
    path.symlink_to(path)
    assert flaw(store, content) == "the file cannot be read: Too many levels of symbolic links"


def test_a_file_in_the_place_of_the_directory_is_damage(store, content, path):
    shutil.rmtree(path.parent)
    path.parent.write_bytes(b"")
    assert flaw(store, content) == "the file cannot be read: Not a directory"


def test_what_only_we_may_not_read_is_not_damage(as_ordinary_user):
    store = AudioStore.create(as_ordinary_user / "store")
    content = published(store, SOUND)
    store.path(content).chmod(0)
    with pytest.raises(StoreAway, match="Permission denied"):
        flaw(store, content)


@pytest.mark.parametrize("gone", ["store", "shard", "identity"])
def test_nothing_is_said_of_a_store_that_is_away(store, content, tmp_path, gone):
    away = {
        "store": store.root,
        "shard": store.layout.shard(content),
        "identity": store.layout.identity,
    }[gone]
    if gone == "identity":
        store.path(content).unlink()
    away.rename(tmp_path / "elsewhere")
    with pytest.raises(StoreAway):
        flaw(store, content)


def test_reading_can_be_broken_off(store, content):
    class Enough(Exception):
        pass

    def stop(size: int) -> None:
        raise Enough

    with pytest.raises(Enough):
        flaw(store, content, on_block=stop)


def cached_share(path: Path) -> float:
    """How much of a file is in the page cache: mincore(2), since reading to find out fetches it."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_COPY) as mapped:
        pages = (ctypes.c_ubyte * -(-len(mapped) // mmap.PAGESIZE))()
        start = (ctypes.c_char * len(mapped)).from_buffer(mapped)
        assert ctypes.CDLL(None).mincore(start, ctypes.c_size_t(len(mapped)), pages) == 0
        del start
        return sum(page & 1 for page in pages) / len(pages)


def test_reading_leaves_the_page_cache_as_it_was(store):
    sound = os.urandom(1 << 20) * 8
    content = published(store, sound)
    path = store.path(content)
    with path.open("rb") as file:
        os.fsync(file.fileno())
        os.posix_fadvise(file.fileno(), 0, 0, os.POSIX_FADV_DONTNEED)
    if cached_share(path) > 0.1:
        pytest.skip("this file system keeps everything in memory")
    assert verify(store, content, len(sound)).flaw is None
    assert cached_share(path) < 0.1
    # What somebody is listening to stays.
    assert read(store, content) == sound
    assert verify(store, content, len(sound)).flaw is None
    assert cached_share(path) > 0.9


# -- quarantine


def test_what_is_set_aside_is_not_lost_and_leaves_its_place_free(store, content, quarantine):
    assert quarantine.set_aside(content, Sight.of(store.path(content)))
    (held,) = quarantine.held(content)
    assert held.read_bytes() == SOUND
    assert list(store.contents()) == []
    assert published(store, SOUND) == content
    assert read(store, content) == SOUND


def test_nothing_is_ever_overwritten_in_quarantine(store, content, quarantine):
    found = []
    for number in range(12):
        store.path(content).unlink(missing_ok=True)
        store.path(content).write_bytes(bytes([number]))
        quarantine.clear(content)
        found.append(bytes([number]))
    assert [path.read_bytes() for path in quarantine.held(content)] == found[::-1]


def test_what_was_not_looked_at_is_not_set_aside(store, content, quarantine):
    seen = Sight.of(store.path(content))
    store.remove(content)
    published(store, SOUND)
    assert not quarantine.set_aside(content, seen)
    assert not quarantine.set_aside(content, None)
    assert read(store, content) == SOUND
    assert list(quarantine.entries()) == []


def test_a_file_that_was_mended_in_place_is_not_set_aside(store, content, path, quarantine):
    path.write_bytes(NOISE)
    os.utime(path, ns=(1, 1))
    seen = verify(store, content, len(SOUND)).seen
    path.write_bytes(SOUND)
    assert not quarantine.set_aside(content, seen)


def test_where_nothing_was_nothing_is_set_aside(store, content, path, quarantine):
    path.unlink()
    assert quarantine.set_aside(content, None)
    assert list(quarantine.entries()) == []


def test_a_directory_in_the_place_of_a_file_is_kept_with_what_is_in_it(
    store, content, path, quarantine
):
    path.unlink()
    path.mkdir()
    (path / "what").write_text("somebody's")
    assert quarantine.set_aside(content, Sight.of(path))
    published(store, SOUND)
    quarantine.drop(content)
    (held,) = quarantine.held(content)
    assert (held / "what").read_text() == "somebody's"


@pytest.mark.parametrize("source", ["quarantine", "link"])
def test_good_bytes_get_their_place_again(store, content, quarantine, source):
    link = store.link(content, token(), "ogg")
    quarantine.clear(content)
    quarantine.take_back(content, link if source == "link" else quarantine.held(content)[0])
    assert read(store, content) == SOUND
    assert link.read_bytes() == SOUND
    assert len(quarantine.held(content)) == (source == "link")


def test_what_is_dropped_is_gone_and_others_stay(store, content, quarantine):
    other = published(store, NOISE)
    quarantine.clear(content)
    quarantine.clear(other)
    quarantine.drop(content)
    quarantine.drop(content)
    assert quarantine.held(content) == []
    assert len(quarantine.held(other)) == 1


def test_an_older_store_gets_its_quarantine_when_it_is_needed(store, content, quarantine):
    store.layout.quarantine.rmdir()
    assert list(quarantine.entries()) == []
    quarantine.clear(content)
    assert len(quarantine.held(content)) == 1
    assert store.layout.quarantine.stat().st_mode & 0o777 == 0o700


def test_nothing_is_set_aside_in_a_store_that_is_away(store, content, quarantine, tmp_path):
    seen = Sight.of(store.path(content))
    store.layout.identity.rename(tmp_path / "elsewhere")
    for use in (lambda: quarantine.set_aside(content, seen), lambda: quarantine.held(content)):
        with pytest.raises(StoreAway):
            use()
    assert store.path(content).exists()
