"""Copies between stores: whole and proven, or not there."""

import pytest

from audio_store import (
    AudioStore,
    ContentCopier,
    ContentDamaged,
    ContentId,
    ContentMissing,
)

BYTES = b"sound" * 1000


@pytest.fixture
def target(tmp_path):
    return AudioStore.create(tmp_path / "target")


@pytest.fixture
def content_id(store) -> ContentId:
    with store.stage("0" * 32) as staged:
        staged.append(BYTES)
        return store.publish(staged, staged.digests())


def test_a_copy_is_equal_and_shares_nothing(store, target, content_id):
    told = []
    copier = ContentCopier(store, target, told.append)
    assert not copier.is_there(content_id)
    copier.copy(content_id)
    copier.finish()
    assert copier.is_there(content_id)
    assert target.path(content_id).read_bytes() == BYTES
    assert target.path(content_id).stat().st_nlink == 1
    assert sum(told) == len(BYTES)


def test_damaged_bytes_are_not_copied(store, target, content_id):
    path = store.path(content_id)
    path.chmod(0o600)
    path.write_bytes(b"x" * len(BYTES))
    copier = ContentCopier(store, target)
    with pytest.raises(ContentDamaged):
        copier.copy(content_id)
    copier.finish()
    assert list(target.contents()) == []
    assert list(target.staged_tokens()) == []


def test_what_is_missing_leaves_nothing_behind(store, target, content_id):
    store.remove(content_id)
    with pytest.raises(ContentMissing):
        ContentCopier(store, target).copy(content_id)
    assert list(target.staged_tokens()) == []


def test_a_copy_that_was_broken_off_is_begun_anew(store, target, content_id):
    def broken(size):
        raise KeyboardInterrupt

    token = str(content_id)[:32]
    with target.stage(token) as staged:
        staged.append(b"of a copy that was killed")
    with pytest.raises(KeyboardInterrupt):
        ContentCopier(store, target, broken).copy(content_id)
    copier = ContentCopier(store, target)
    copier.copy(content_id)
    copier.finish()
    assert target.path(content_id).read_bytes() == BYTES


def test_a_store_can_be_made_with_the_identity_of_one_that_was_lost(store, tmp_path):
    again = AudioStore.create(tmp_path / "again", store.store_id)
    assert again.store_id == store.store_id
    assert AudioStore.create(tmp_path / "again", "0" * 32).store_id == store.store_id
