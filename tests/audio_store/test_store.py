"""The store on a real disk: the contract, and what only this one promises."""

import errno
import os
import shutil
import stat
from pathlib import Path

import pytest
from contract import NOISE, SOUND, AudioStoreContract, digests_of, published, read, token

from audio_store import AudioStore, ContentMissing, NothingStaged, StoreAway, StoreFull


class TestAudioStore(AudioStoreContract):
    """The contract, on the fixture `store`."""


def mode_of(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


# -- what lies on the disk


def test_content_lies_where_sha256sum_says(store, root):
    name = str(digests_of(SOUND).content_id)
    assert store.path(published(store, SOUND)) == root / "content" / name[:2] / name[2:4] / name


def test_content_is_read_only(store):
    content_id = published(store, SOUND)
    assert mode_of(store.path(content_id)) == 0o444
    assert mode_of(store.link(content_id, token(), "ogg")) == 0o444


def test_only_links_can_be_reached_by_others_and_only_by_name(store, root):
    published(store, SOUND)
    modes = {name: mode_of(root / name) for name in (".", "access", "content", "staging")}
    assert modes == {".": 0o711, "access": 0o711, "content": 0o700, "staging": 0o700}


def test_a_link_is_no_copy(store):
    content_id = published(store, SOUND)
    assert store.link(content_id, token(), "ogg").samefile(store.path(content_id))


def test_content_of_the_wrong_size_is_replaced(store):
    content_id = published(store, SOUND)
    store.path(content_id).chmod(0o600)
    os.truncate(store.path(content_id), 3)
    assert published(store, SOUND) == content_id
    assert read(store, content_id) == SOUND
    assert mode_of(store.path(content_id)) == 0o444


def test_equal_content_that_is_there_is_kept(store):
    inode = store.path(published(store, SOUND)).stat().st_ino
    assert store.path(published(store, SOUND)).stat().st_ino == inode


def test_damage_shows_when_the_content_is_read(store):
    content_id = published(store, SOUND)
    store.path(content_id).chmod(0o600)
    store.path(content_id).write_bytes(NOISE[: len(SOUND)])
    assert store.digest(content_id).content_id != content_id


def test_files_that_are_not_ours_are_not_listed_and_not_touched(store, root):
    content_id = published(store, SOUND)
    directory = store.path(content_id).parent
    strangers = [
        root / "content" / "README",
        root / "content" / "ab" / "notes.txt",
        directory / "notes.txt",
        directory / str(digests_of(NOISE).content_id),  # in the wrong place
        root / "staging" / "notes.txt",
        root / "access" / "notes.txt",
        root / "access" / f"{token()}.OGG",
    ]
    for path in strangers:
        path.write_text("keep me")
    assert list(store.contents()) == [content_id]
    assert list(store.staged_tokens()) == []
    assert list(store.links()) == []
    assert [path.read_text() for path in strangers] == ["keep me"] * len(strangers)


# -- absence is not deletion


def uses(store: AudioStore, content_id, name: str) -> list:
    """Everything a store can be asked, as functions without parameters."""
    return [
        store.require_present,
        lambda: store.stage(token()),
        lambda: store.stage(name, create=False),
        lambda: store.staged_size(token()),
        lambda: store.discard(name),
        lambda: store.open_content(content_id),
        lambda: store.size(content_id),
        lambda: store.digest(content_id),
        lambda: store.link(content_id, token(), "ogg"),
        lambda: store.unlink(name, "ogg"),
        lambda: store.remove(content_id),
        lambda: list(store.contents()),
        lambda: list(store.staged_tokens()),
        lambda: list(store.links()),
        store.free_bytes,
    ]


@pytest.fixture
def used(store):
    """A store with something of everything in it: it, the content, the token."""
    content_id, name = published(store, SOUND), token()
    store.link(content_id, name, "ogg")
    with store.stage(name) as staged:
        staged.append(NOISE)
    return store, content_id, name


@pytest.mark.parametrize("number", range(15))
def test_a_store_that_vanished_is_away_whatever_it_is_asked(used, root, number):
    store, content_id, name = used
    root.rename(root.with_name("unmounted"))
    with pytest.raises(StoreAway):
        uses(store, content_id, name)[number]()
    root.with_name("unmounted").rename(root)
    assert read(store, content_id) == SOUND


@pytest.mark.parametrize("number", range(15))
def test_an_empty_mount_point_is_a_store_that_is_away(used, root, number):
    store, content_id, name = used
    root.rename(root.with_name("unmounted"))
    root.mkdir()
    with pytest.raises(StoreAway):
        uses(store, content_id, name)[number]()
    assert list(root.iterdir()) == []


def test_nothing_is_written_to_or_removed_from_another_store(used, root):
    store, content_id, name = used
    shutil.copytree(root, root.with_name("copy"))
    (root / "store.json").unlink()
    (root / "store.json").write_text(
        '{"format": 1, "store_id": "00000000-0000-4000-8000-000000000000"}'
    )
    for use in (
        lambda: store.stage(token()),
        lambda: store.discard(name),
        lambda: store.link(content_id, token(), "ogg"),
        lambda: store.unlink(name, "ogg"),
        lambda: store.remove(content_id),
        lambda: store.size(digests_of(NOISE).content_id),
        lambda: list(store.contents()),
        lambda: list(store.links()),
        lambda: list(store.staged_tokens()),
        store.free_bytes,
    ):
        with pytest.raises(StoreAway, match="another"):
            use()
    other = AudioStore.open(root)
    assert read(other, content_id) == SOUND
    assert other.staged_size(name) == len(NOISE)
    assert list(other.links()) == [(name, "ogg")]


def test_publishing_waits_for_a_store_that_vanished_meanwhile(store, root):
    with store.stage(token()) as staged:
        staged.append(SOUND)
        root.rename(root.with_name("unmounted"))
        with pytest.raises(StoreAway):
            store.publish(staged, staged.digests())
        root.with_name("unmounted").rename(root)
        assert read(store, store.publish(staged, staged.digests())) == SOUND


def test_content_that_is_mounted_elsewhere_and_is_not_there_is_away_not_missing(store, root):
    content_id = published(store, SOUND)
    (root / "content").rename(root.with_name("unmounted"))
    (root / "content").mkdir()
    for ask in (store.size, store.open_content, store.digest):
        with pytest.raises(StoreAway):
            ask(content_id)
    with pytest.raises(StoreAway):
        list(store.contents())
    with pytest.raises(StoreAway):
        published(store, SOUND)


def test_a_listing_that_cannot_be_finished_is_no_listing(store, root):
    published(store, SOUND)
    listing = store.contents()
    next(listing)
    root.rename(root.with_name("unmounted"))
    with pytest.raises(StoreAway):
        list(listing)


def test_what_may_not_be_read_is_away(as_ordinary_user):
    store = AudioStore.create(as_ordinary_user / "store")
    content_id = published(store, SOUND)
    store.layout.content.chmod(0)
    for ask in (store.size, store.open_content, store.digest, store.remove):
        with pytest.raises(StoreAway):
            ask(content_id)
    store.layout.content.chmod(0o700)


@pytest.mark.parametrize("code", ["EIO", "ENODEV", "ESTALE", "ENOTCONN", "EROFS", "EACCES"])
@pytest.mark.parametrize("step", ["create", "write", "chmod", "sync bytes", "mkdir", "rename"])
def test_a_disk_that_fails_is_a_store_that_is_away(store, disk, step, code):
    disk.errors[step] = [getattr(errno, code)] * 2
    with disk.inserted(), pytest.raises(StoreAway):
        published(store, SOUND)
    assert list(store.contents()) == []


@pytest.mark.parametrize("code", ["ENOSPC", "EDQUOT", "EFBIG"])
@pytest.mark.parametrize("step", ["create", "write", "sync bytes", "mkdir", "rename"])
def test_a_disk_without_room_is_a_store_that_is_full(store, disk, step, code):
    disk.errors[step] = [getattr(errno, code)]
    with disk.inserted(), pytest.raises(StoreFull):
        published(store, SOUND)
    assert list(store.contents()) == []


def test_an_error_that_only_a_mistake_of_ours_can_cause_is_not_hidden(store, disk):
    disk.errors["write"] = [errno.EINVAL]
    with disk.inserted(), pytest.raises(OSError, match="Invalid"):
        published(store, SOUND)


def test_messages_show_no_paths(store, root):
    root.rename(root.with_name("unmounted"))
    with pytest.raises(StoreAway) as away:
        store.require_present()
    assert str(root.parent) not in str(away.value)


def test_missing_content_is_missing_only_in_a_store_that_is_there(store, root):
    absent = digests_of(NOISE).content_id
    with pytest.raises(ContentMissing):
        store.size(absent)
    (root / "store.json").rename(root / "store.json.old")
    with pytest.raises(StoreAway):
        store.size(absent)
    with pytest.raises(StoreAway):
        store.stage(token(), create=False)
    (root / "store.json.old").rename(root / "store.json")
    with pytest.raises(NothingStaged):
        store.stage(token(), create=False)
