"""Receiving: full disks, short writes, failing syncs, writers that meet."""

import errno
import fcntl
import os
import threading

import pytest
from contract import NOISE, SOUND, digests_of, read, token

from audio_store import AudioStore, NothingStaged, StagingBusy, StoreAway, StoreFull
from audio_store.layout import Layout


def test_a_disk_that_writes_little_at_a_time_writes_everything(store, disk):
    disk.largest_write = 700
    with disk.inserted(), store.stage(token()) as staged:
        staged.append(SOUND)
        assert staged.path.read_bytes() == SOUND
        assert staged.known_digests() == digests_of(SOUND)
    assert disk.steps.count("write") > 100


def test_blocks_of_wider_items_are_their_bytes(store):
    with store.stage(token()) as staged:
        staged.append(memoryview(SOUND).cast("I"))
        assert staged.known_digests() == digests_of(SOUND)


def test_files_that_wait_to_be_published_keep_no_threads(store):
    before = threading.active_count()
    with store.stage(token()) as staged:
        staged.append(SOUND)
        staged.append(bytes(2**20))
        assert staged.digests() == digests_of(SOUND + bytes(2**20))
        assert threading.active_count() == before
        staged.append(bytes(2**20))  # it may go on all the same
        assert staged.digests() == digests_of(SOUND + bytes(2**21))


@pytest.mark.parametrize("code", [errno.ENOSPC, errno.EDQUOT])
def test_what_fitted_stays_when_the_disk_is_full(store, disk, code):
    disk.largest_write, disk.errors["write"] = 1000, [0, 0, 0, code]
    name = token()
    with disk.inserted(), store.stage(name) as staged:
        with pytest.raises(StoreFull):
            staged.append(SOUND)
        assert staged.path.read_bytes() == SOUND[:3000]
        assert staged.known_digests() == digests_of(SOUND[:3000])
        staged.append(SOUND[3000:])
        assert staged.known_digests() == digests_of(SOUND)
    assert store.staged_size(name) == len(SOUND)


def test_digests_are_not_taken_for_known_when_the_file_is_not_what_was_written(store):
    with store.stage(token()) as staged:
        staged.append(SOUND)
        os.truncate(staged.path, 10)
        assert staged.known_digests() is None
        assert staged.digests() == digests_of(SOUND[:10])


@pytest.mark.parametrize(("code", "error"), [("EIO", StoreAway), ("ENOSPC", StoreFull)])
def test_bytes_the_disk_may_have_lost_are_not_believed(store, disk, code, error):
    # A second fsync after a failed one succeeds, whatever became of the bytes.
    disk.errors["sync bytes"] = [getattr(errno, code)]
    name = token()
    with disk.inserted(), store.stage(name) as staged:
        staged.append(SOUND)
        with pytest.raises(error):
            store.publish(staged, staged.digests())
        assert staged.size == 0
        staged.append(SOUND)
        content_id = store.publish(staged, staged.digests())
    assert read(store, content_id) == SOUND


def test_publishing_can_be_tried_again_after_any_error_before_the_name_is_taken(store, disk):
    with disk.inserted(), store.stage(token()) as staged:
        staged.append(SOUND)
        for step in ("mkdir", "chmod", "rename"):
            disk.errors[step] = [errno.EIO]
            with pytest.raises(StoreAway):
                store.publish(staged, staged.digests())
        content_id = store.publish(staged, staged.digests())
    assert read(store, content_id) == SOUND


def test_closing_twice_is_harmless(store):
    staged = store.stage(token())
    staged.close()
    staged.close()


def test_an_upload_left_read_only_by_a_crash_goes_on(as_ordinary_user):
    store, name = AudioStore.create(as_ordinary_user / "store"), token()
    with store.stage(name) as staged:
        staged.append(SOUND)
        staged.path.chmod(0o444)
    with store.stage(name) as staged:
        staged.append(NOISE)
        assert staged.digests() == digests_of(SOUND + NOISE)
    Layout(store.root).staged_file(name).chmod(0o444)
    store.discard(name)
    assert store.staged_size(name) == 0


def test_an_upload_that_is_being_published_is_not_made_writable(as_ordinary_user):
    store, name = AudioStore.create(as_ordinary_user / "store"), token()
    with store.stage(name) as staged:
        staged.path.chmod(0o444)
        with pytest.raises(StagingBusy):
            store.stage(name)
        assert staged.path.stat().st_mode & 0o777 == 0o444


def test_an_upload_that_we_may_not_write_is_away(as_ordinary_user):
    store, name = AudioStore.create(as_ordinary_user / "store"), token()
    store.stage(name).close()
    store.layout.staging.chmod(0)
    with pytest.raises(StoreAway):
        store.stage(name)
    store.layout.staging.chmod(0o700)


def test_a_link_in_place_of_an_upload_is_not_followed(store, tmp_path):
    name, elsewhere = token(), tmp_path / "passwd"
    elsewhere.write_text("precious")
    store.layout.staged_file(name).symlink_to(elsewhere)
    with pytest.raises(StoreAway):
        store.stage(name)
    assert elsewhere.read_text() == "precious"


def before_the_next_lock(monkeypatch, work) -> None:
    """Do something between the moment when a file was opened and that when it is locked."""
    flock = fcntl.flock

    def late(file, operation):
        monkeypatch.setattr(fcntl, "flock", flock)
        work()
        return flock(file, operation)

    monkeypatch.setattr(fcntl, "flock", late)


def publish_staged(store, name):
    with store.stage(name) as staged:
        return store.publish(staged, staged.digests())


def test_a_writer_who_opened_what_was_then_published_gets_a_file_of_its_own(store, monkeypatch):
    name = token()
    with store.stage(name) as staged:
        staged.append(SOUND)
    before_the_next_lock(monkeypatch, lambda: publish_staged(store, name))
    with store.stage(name) as staged:
        assert staged.size == 0
        staged.append(NOISE)
    assert read(store, digests_of(SOUND).content_id) == SOUND


def test_a_writer_who_opened_what_was_then_published_is_told_so(store, monkeypatch):
    name = token()
    store.stage(name).close()
    before_the_next_lock(monkeypatch, lambda: publish_staged(store, name))
    with pytest.raises(NothingStaged):
        store.stage(name, create=False)


def test_what_was_published_meanwhile_is_not_made_writable(as_ordinary_user, monkeypatch):
    store, name = AudioStore.create(as_ordinary_user / "store"), token()
    with store.stage(name) as staged:
        staged.append(SOUND)
        staged.path.chmod(0o444)
    before_the_next_lock(monkeypatch, lambda: publish_staged(store, name))
    store.stage(name).close()
    content = store.path(digests_of(SOUND).content_id)
    assert content.stat().st_mode & 0o777 == 0o444


def test_a_writer_never_gets_hold_of_what_another_publishes(store):
    """Two threads fight for one token: each writes a whole file or is told that it is busy."""
    name, start, wrong = token(), threading.Barrier(2), []

    def write(mark: bytes) -> None:
        start.wait()
        for number in range(150):
            sound = mark * (number + 1)
            try:
                with store.stage(name) as staged:
                    if staged.size:
                        wrong.append("two writers in one file")
                    staged.append(sound)
                    store.publish(staged, staged.digests())
            except StagingBusy:
                continue

    threads = [threading.Thread(target=write, args=(mark,)) for mark in (b"a", b"b")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []
    for content_id in store.contents():
        assert store.digest(content_id).content_id == content_id


def test_large_files_are_digested_as_they_arrive_and_leave_no_threads(store):
    blocks = [bytes([number]) * (3 << 20) for number in range(8)]
    with store.stage(token()) as staged:
        for block in blocks:
            staged.append(block)
        assert staged.known_digests() == digests_of(b"".join(blocks))
        staged.truncate()
        staged.append(blocks[1])
        assert staged.known_digests() == digests_of(blocks[1])
    assert not [thread for thread in threading.enumerate() if thread.name == "digest"]
