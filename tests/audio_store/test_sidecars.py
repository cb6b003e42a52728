"""Sidecars: whole or not there, whatever happens, and nothing else than ours."""

import errno
import os
from unittest import mock

import pytest
from faulty_disk import FaultyDisk, PowerCut

from audio_store import BadName, SidecarMissing, Sidecars, StoreAway, StoreFull

ONE = "00000000000000a1"
TWO = "0190163d-8694-739b-aea5-966c26f8ad91"


@pytest.fixture
def sidecars(store):
    return Sidecars(store)


def test_what_was_written_is_read(sidecars):
    assert sidecars.write_all({ONE: "ä", TWO: "{}", "archive": "[]"}) == 3
    assert sidecars.read(ONE) == "ä\n".encode()
    assert sidecars.read("archive") == b"[]\n"
    assert list(sidecars.names()) == [TWO, ONE]


def test_nobody_else_may_read_them(sidecars):
    sidecars.write_all({ONE: "x", "archive": "hashes"})
    assert sidecars.path(ONE).stat().st_mode & 0o777 == 0o600
    assert sidecars.path("archive").stat().st_mode & 0o777 == 0o600
    assert sidecars.items.stat().st_mode & 0o777 == 0o700
    assert sidecars.path(ONE).parent.stat().st_mode & 0o777 == 0o700


def test_what_is_there_already_is_not_written_again(sidecars):
    sidecars.write_all({ONE: "x"})
    inode = sidecars.path(ONE).stat().st_ino
    assert sidecars.write_all({ONE: "x", TWO: "y"}) == 1
    assert sidecars.path(ONE).stat().st_ino == inode


def test_what_is_removed_is_missing_and_may_be_removed_again(sidecars):
    sidecars.write_all({ONE: "x", TWO: "y"})
    sidecars.path(ONE).with_suffix(".json.new").write_text("half")
    sidecars.remove_all([ONE])
    assert list(sidecars.path(ONE).parent.iterdir()) == []
    sidecars.remove_all([ONE])
    with pytest.raises(SidecarMissing):
        sidecars.read(ONE)
    assert list(sidecars.names()) == [TWO]


@pytest.mark.parametrize("name", ["", "../../../etc/passwd", "A" * 16, "a" * 15, "a" * 37, "x/y"])
def test_names_that_are_no_ids_reach_no_disk(sidecars, name):
    for use in (sidecars.read, sidecars.path, lambda name: sidecars.write_all({name: "x"})):
        with pytest.raises(BadName):
            use(name)


def test_files_of_other_names_are_not_ours(sidecars):
    sidecars.write_all({ONE: "x"})
    shard = sidecars.path(ONE).parent
    for name in (f"{ONE}.json.new", "notes.txt", f"{TWO}.json", "..json"):
        (shard / name).write_text("x")
    assert list(sidecars.names()) == [ONE]


def test_a_store_that_is_away_has_none_and_takes_none(sidecars, store):
    sidecars.write_all({ONE: "x"})
    (store.root / "store.json").unlink()
    for use in (
        lambda: sidecars.read(TWO),
        lambda: sidecars.write_all({ONE: "y"}),
        lambda: sidecars.remove_all([ONE]),
        lambda: list(sidecars.names()),
    ):
        with pytest.raises(StoreAway):
            use()
    assert sidecars.path(ONE).read_text() == "x\n"


def test_a_full_disk_is_named_and_leaves_the_old_one(sidecars):
    sidecars.write_all({ONE: "old"})
    full = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with mock.patch("os.write", side_effect=full), pytest.raises(StoreFull):
        sidecars.write_all({ONE: "new"})
    assert sidecars.read(ONE) == b"old\n"
    sidecars.write_all({ONE: "new"})
    assert sidecars.read(ONE) == b"new\n"


def test_a_power_cut_at_any_step_leaves_the_old_or_the_new(store, tmp_path):
    sidecars = Sidecars(store)
    (tmp_path / "shadow").mkdir()
    for lose_bytes in (False, True):
        for cut_at in range(40):
            sidecars.write_all({ONE: "old", TWO: "old"})
            disk = FaultyDisk(store.root, tmp_path / "shadow", cut_at=cut_at)
            was_cut = False
            with disk.inserted():
                try:
                    sidecars.write_all({ONE: "new", TWO: "new"})
                except PowerCut:
                    was_cut = True
            disk.crash(lost_names=99, lose_bytes=lose_bytes)
            found = {sidecars.read(ONE), sidecars.read(TWO)}
            if not was_cut:
                assert found == {b"new\n"}
                break
            assert found <= {b"old\n", b"new\n"}
        else:
            pytest.fail("it never came to its end")


def test_a_power_cut_brings_nothing_back_that_was_removed(store, tmp_path):
    sidecars = Sidecars(store)
    sidecars.write_all({ONE: "x", TWO: "y"})
    (tmp_path / "shadow").mkdir()
    disk = FaultyDisk(store.root, tmp_path / "shadow")
    with disk.inserted():
        sidecars.remove_all([ONE])
    disk.crash(lost_names=99, lose_bytes=True)
    assert list(sidecars.names()) == [TWO]


def test_a_power_cut_after_many_were_written_leaves_all(store, tmp_path):
    sidecars = Sidecars(store)
    (tmp_path / "shadow").mkdir()
    names = [f"{number:016x}" for number in range(20)]
    disk = FaultyDisk(store.root, tmp_path / "shadow")
    with disk.inserted():
        assert sidecars.write_all(dict.fromkeys(names, "x")) == 20
    disk.crash(lost_names=99, lose_bytes=True)
    assert {sidecars.read(name) for name in names} == {b"x\n"}
