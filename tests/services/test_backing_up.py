"""Backups of whole archives: made, broken off, checked, thinned out, restored."""

import contextlib
import errno
import gzip
import json
import os
from dataclasses import replace
from datetime import timedelta
from hashlib import sha256
from types import SimpleNamespace
from unittest import mock

import pytest
from fixtures.fix_database import migrated_database
from support import DirectDatabase, result_of

from archive_server.cli.offline import AtOnce
from archive_server.database import chores, records, stores, verification
from archive_server.database.connections import connect
from archive_server.database.transactions import Transactions
from archive_server.errors import Conflict, NotFound, Unavailable
from archive_server.model.gunid import Gunid
from archive_server.model.manifests import Recorded
from archive_server.model.record_fields import BadRecord
from archive_server.services import backup_checking, drilling, restoring
from archive_server.services.backing_up import BACKUP, BackingUp, BackupProgress
from archive_server.services.backup_place import BackupPlace
from archive_server.services.pacing import Pace
from audio_store import AudioStore, ContentId

ONE = Gunid.parse("00000000000000a1")
TWO = Gunid.parse("0190163d-8694-739b-aea5-966c26f8ad91")


@pytest.fixture
def archive(services, dsn, wav, high):
    """An archive of two clips, one of which was replaced; what is done in it is committed."""
    result_of(services.database.run(stores.add, services.store.store_id))
    services.store_clip(high, gunid=ONE)
    services.store_clip(wav, gunid=ONE)
    services.store_clip(high, gunid=TWO)
    return services


@pytest.fixture
def place(tmp_path):
    return BackupPlace(tmp_path / "backups")


@pytest.fixture
def back_up(archive, place, dsn):
    """Makes a snapshot, on a connection of its own, as a command does."""

    def make(keep=0, pace=None, progress=None):
        archive.clock.advance(timedelta(seconds=1))
        archive.database.connection.commit()
        with contextlib.closing(connect(dsn)) as connection:
            service = BackingUp(
                DirectDatabase(connection, commits=True), archive.store, archive.clock
            )
            return result_of(
                service.back_up(
                    place,
                    keep=keep,
                    pace=pace or Pace(),
                    progress=progress or BackupProgress(),
                )
            )

    return make


@pytest.fixture
def empty(postgres):
    """A database that nobody has used."""
    with migrated_database(postgres) as dsn, contextlib.closing(connect(dsn)) as connection:
        yield DirectDatabase(connection, commits=True)


def everything(database):
    return result_of(database.run(lambda cursor: dict(records.all_items(cursor))))


def restored(place, empty, data_dir, name=""):
    """What is restored into a directory of its own, beside the archive."""
    snapshot = place.snapshot(name)
    new = data_dir / "new"
    new.mkdir(exist_ok=True)
    store = restoring.copy_contents(place, snapshot, new, Pace(), BackupProgress())
    return store, result_of(restoring.fill(empty, snapshot, store, lambda: None))


def check(place):
    return backup_checking.check(place, Pace(), lambda size: None)


def contents(store):
    return {str(each) for each in store.contents()}


def current_content(store, database, gunid):
    (found,) = [
        each["sha256"]
        for each in json.loads(everything(database)[gunid])["revisions"]
        if each["superseded_at"] is None
    ]
    return store.path(ContentId.parse(found))


def test_what_is_restored_is_what_was_backed_up(archive, place, back_up, empty, tmp_path):
    before = everything(archive.database)
    made = back_up()
    assert (made.items, made.contents, made.copied, made.lacking) == (2, 2, 2, [])
    store, found = restored(place, empty, tmp_path)
    assert (found.items, found.users, found.is_whole) == (2, 1, True)
    assert everything(empty) == before
    assert contents(store) == contents(archive.store)
    assert store.store_id == archive.store.store_id
    assert result_of(drilling.restored_as_written(empty, place.snapshot())) == []
    assert BACKUP in result_of(archive.database.run(chores.list_ended))


def test_what_is_there_already_is_not_copied_again(archive, place, back_up, low):
    back_up()
    inodes = {path.stat().st_ino for path in (place.path / "store/content").rglob("*")}
    archive.store_clip(low)
    made = back_up()
    assert (made.contents, made.copied, made.copied_size) == (3, 1, len(low))
    assert inodes <= {path.stat().st_ino for path in (place.path / "store/content").rglob("*")}
    assert len(place.snapshots()) == 2


def test_copies_share_nothing_with_the_archive(archive, place, back_up):
    back_up()
    for content_id in place.store().contents():
        copy, original = place.store().path(content_id), archive.store.path(content_id)
        assert copy.stat().st_nlink == 1
        assert not copy.samefile(original)


def test_an_older_snapshot_is_restored_as_it_was(archive, place, back_up, empty, tmp_path, low):
    before = everything(archive.database)
    first = back_up().snapshot
    archive.store_clip(low, gunid=ONE)
    result_of(archive.clips.delete(archive.caller(), TWO, forced=True))
    back_up()
    restored(place, empty, tmp_path, first)
    assert everything(empty) == before
    with pytest.raises(NotFound, match=first):
        place.snapshot("20200101T000000.000000Z")


def test_what_is_kept_is_enough_for_what_stays(archive, place, back_up, low):
    back_up()
    result_of(archive.clips.delete(archive.caller(), ONE, forced=True))
    archive.store_clip(low, gunid=ONE)
    made = back_up(keep=1)
    assert made.removed == 1
    (snapshot,) = place.snapshots()
    assert contents(place.store()) == set(snapshot.contents())
    assert len(set(snapshot.contents())) == 2
    assert check(place).is_whole


def test_a_clock_that_was_wrong_once_does_not_cost_the_newest(archive, place, back_up, low):
    archive.clock.advance(timedelta(days=3650))
    back_up()
    archive.clock.advance(timedelta(days=-3650))
    archive.store_clip(low)
    made = back_up(keep=1)
    assert (made.items, made.removed) == (3, 1)
    assert [each.name for each in place.snapshots()] == [made.snapshot]
    assert place.snapshot().manifest().made_at == archive.clock()
    assert check(place).is_whole


def test_while_contents_are_copied_none_goes(archive, place, back_up, empty, tmp_path, low):
    """All is deleted for good between the rows and the copying."""
    before = everything(archive.database)

    class Deleting(BackupProgress):
        def begin(self, size):
            for gunid in (ONE, TWO):
                result_of(archive.clips.delete(archive.caller(), gunid, forced=True))
            result_of(archive.maintenance.tidy())
            archive.clock.advance(timedelta(days=3))
            result_of(archive.maintenance.sweep())

    made = back_up(progress=Deleting())
    assert made.lacking == []
    restored(place, empty, tmp_path)
    assert everything(empty) == before
    result_of(archive.maintenance.tidy())
    assert contents(archive.store) == set()


def test_a_backup_that_was_broken_off_leaves_the_last_one_and_goes_on(archive, place, back_up, low):
    back_up()
    archive.store_clip(low)

    class Breaking(BackupProgress):
        def advance(self, size):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        back_up(progress=Breaking())
    assert len(place.snapshots()) == 1
    assert check(place).is_whole
    assert back_up().copied == 1
    assert len(list(place.snapshots_path.iterdir())) == 2


def test_audio_that_the_disk_cannot_read_keeps_no_other_out(
    archive, place, back_up, empty, tmp_path
):
    """In the archive, where it is told; and in the backup, which restores the rest."""
    lost = current_content(archive.store, archive.database, ONE)
    whole = lost.read_bytes()
    lost.unlink()
    lost.symlink_to("/proc/self/mem")  # reading its beginning is an EIO
    assert back_up().lacking == [lost.name]
    lost.unlink()
    lost.write_bytes(whole)
    assert back_up().copied == 1
    kept = place.store().path(ContentId.parse(lost.name))
    kept.unlink()
    kept.symlink_to("/proc/self/mem")
    _, found = restored(place, empty, tmp_path)
    assert [each.subject for each in found.left_out] == [str(ONE)]
    assert check(place).damaged_contents == [lost.name]
    assert back_up().copied == 1
    assert check(place).is_whole


def test_two_at_a_time_are_refused(place, back_up):
    back_up()
    with place.locked(), pytest.raises(Conflict, match="another backup"):
        back_up()


def test_the_backups_of_another_archive_are_left_alone(archive, place, back_up, tmp_path):
    back_up()
    other = AudioStore.create(tmp_path / "other")
    service = BackingUp(archive.database, other, archive.clock)
    with pytest.raises(Conflict, match="another archive"):
        result_of(service.back_up(place, keep=1, pace=Pace(), progress=BackupProgress()))
    assert len(place.snapshots()) == 1


def test_a_disk_without_room_is_named_before_anything_is_copied(archive, place, back_up):
    disk = SimpleNamespace(f_bavail=10, f_frsize=1)
    with mock.patch("os.statvfs", return_value=disk), pytest.raises(Unavailable, match="for 10"):
        back_up()
    assert place.snapshots() == []
    assert contents(place.store()) == set()


@pytest.mark.parametrize("stage", range(0, 30, 3))
def test_a_full_disk_at_any_write_leaves_the_last_snapshot(archive, place, back_up, low, stage):
    back_up()
    archive.store_clip(low)
    archive.database.connection.commit()
    real, calls = os.fsync, []

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) > stage:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return real(descriptor)

    with mock.patch("os.fsync", full), contextlib.suppress(Unavailable):
        back_up()
    whole = [snapshot.check() for snapshot in place.snapshots()]
    assert whole
    assert check(place).is_whole
    assert back_up().lacking == []
    assert check(place).is_whole


def test_audio_that_the_archive_lacks_is_named_and_the_rest_is_kept(
    archive, place, back_up, empty, tmp_path
):
    current_content(archive.store, archive.database, ONE).unlink()
    made = back_up()
    assert len(made.lacking) == 1
    assert check(place).is_whole  # as far as there was anything
    _, found = restored(place, empty, tmp_path)
    assert [each.subject for each in found.left_out] == [str(ONE)]
    assert found.items == 1


def test_where_very_much_lacks_the_rest_is_copied_and_the_snapshot_waits_for_a_judgement(
    archive, place, back_up, empty, tmp_path, monkeypatch
):
    """Until what has gone is marked: a disk that is away comes back, a dead one must not."""
    monkeypatch.setattr("archive_server.services.backing_up._MOST_UNMARKED", 0)
    current_content(archive.store, archive.database, ONE).unlink()
    with pytest.raises(Unavailable, match="1 contents are missing or damaged, and not marked"):
        back_up()
    assert place.snapshots() == []
    rest = current_content(archive.store, archive.database, TWO).name
    assert contents(place.store()) == {rest}

    for content in result_of(archive.database.run(verification.list_after, b"", 100, None)):
        result_of(archive.verification.look_at(content, Pace()))
    assert len(back_up().lacking) == 1
    _, found = restored(place, empty, tmp_path)
    assert [each.subject for each in found.left_out] == [str(ONE)]


def test_damaged_audio_does_not_get_into_a_backup(archive, place, back_up):
    path = current_content(archive.store, archive.database, ONE)
    path.chmod(0o600)
    path.write_bytes(b"x" * path.stat().st_size)
    made = back_up()
    assert made.lacking == [path.name]
    assert path.name not in contents(place.store())


def test_a_good_copy_in_the_backup_outlives_damage_in_the_archive(archive, place, back_up):
    back_up()
    current_content(archive.store, archive.database, ONE).unlink()
    assert back_up().lacking == []
    assert check(place).is_whole


@pytest.mark.parametrize(
    "name", ["manifest.json", "manifest.sha256", "archive.json", "items.jsonl.gz", "contents.gz"]
)
def test_a_damaged_snapshot_is_found_and_not_restored(place, back_up, empty, tmp_path, name):
    back_up()
    path = place.snapshot().path / name
    body = bytearray(path.read_bytes())
    body[len(body) // 2] ^= 1
    path.write_bytes(body)
    assert len(check(place).damaged_snapshots) == 1
    with pytest.raises(BadRecord, match=r"damaged|JSON|no record"):
        restored(place, empty, tmp_path)
    assert everything(empty) == {}
    path.unlink()
    assert len(check(place).damaged_snapshots) == 1


def test_nothing_is_removed_while_what_stays_cannot_be_read(place, back_up):
    back_up()
    back_up()
    (place.snapshot().path / "contents.gz").write_bytes(b"")
    with pytest.raises(BadRecord):
        place.keep(1)
    assert len(place.snapshots()) == 2


def test_a_damaged_content_is_found_put_aside_and_copied_anew(archive, place, back_up):
    back_up()
    content_id = next(iter(place.store().contents()))
    path = place.store().path(content_id)
    path.chmod(0o600)
    path.write_bytes(b"x" * path.stat().st_size)
    found = check(place)
    assert found.damaged_contents == [str(content_id)]
    assert check(place).missing_contents == [str(content_id)]
    assert back_up().copied == 1
    assert check(place).is_whole


def test_a_content_that_is_cut_is_copied_anew_without_being_looked_for(place, back_up):
    back_up()
    path = place.store().path(next(iter(place.store().contents())))
    path.chmod(0o600)
    path.write_bytes(b"x")
    assert back_up().copied == 1
    assert check(place).is_whole


def test_nothing_is_restored_over_what_is_there(place, back_up, archive, tmp_path):
    back_up()
    snapshot = place.snapshot()
    store = restoring.copy_contents(place, snapshot, tmp_path / "new", Pace(), BackupProgress())
    other = archive.database  # of the same archive, but it was never being restored
    result_of(other.run(lambda cursor: cursor.execute("UPDATE store SET store_id = %s", (TWO,))))
    with pytest.raises(Conflict, match="not empty"):
        result_of(restoring.fill(other, snapshot, store, lambda: None))
    with pytest.raises(Conflict, match="not empty"):
        restoring.begun(tmp_path)


@pytest.fixture(autouse=True)
def new_directory(tmp_path):
    (tmp_path / "new").mkdir()


def test_a_restore_that_was_broken_off_goes_on(place, back_up, empty, tmp_path):
    back_up()
    data_dir = tmp_path / "new"
    assert restoring.begun(data_dir) == ""
    restoring.begin(data_dir, place.snapshot())

    class Breaking(BackupProgress):
        def advance(self, size):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        restoring.copy_contents(place, place.snapshot(), data_dir, Pace(), Breaking())
    with pytest.raises(Conflict, match="restore"):
        restoring.require_restored(data_dir)
    assert restoring.begun(data_dir) == place.snapshot().name
    restored(place, empty, data_dir)
    again = restored(place, empty, data_dir)[1]  # killed before the mark was gone
    assert (again.items, again.users) == (2, 1)
    restoring.end(data_dir)
    restoring.require_restored(data_dir)


def test_a_snapshot_whose_items_are_fewer_than_it_says_is_refused(place, back_up, empty, tmp_path):
    back_up()
    snapshot = place.snapshot()
    path = snapshot.path / "items.jsonl.gz"
    lines = gzip.decompress(path.read_bytes()).splitlines(keepends=True)
    path.write_bytes(fewer := gzip.compress(b"".join(lines[:-1])))
    said = snapshot.manifest()
    files = {**said.files, path.name: Recorded(sha256(fewer).hexdigest(), len(fewer))}
    manifest = f"{replace(said, files=files).to_json()}\n"
    (snapshot.path / "manifest.json").write_text(manifest)
    (snapshot.path / "manifest.sha256").write_text(sha256(manifest.encode()).hexdigest() + "  x\n")
    store = restoring.copy_contents(place, snapshot, tmp_path / "new", Pace(), BackupProgress())
    with pytest.raises(BadRecord, match="2 items"):
        result_of(restoring.fill(empty, snapshot, store, lambda: None))
    assert everything(empty) == {}


# -- drills -----------------------------------------------------------------------------------


def compared(archive, place):
    archive.database.connection.commit()
    found = result_of(drilling.compare(archive.database, place.snapshot()))
    return (found.same, found.changed, found.newer, found.gone), [
        each.subject for each in found.differences
    ]


def test_what_has_changed_since_is_no_difference(archive, place, back_up, low):
    back_up()
    assert compared(archive, place) == ((2, 0, 0, 0), [])
    archive.store_clip(low)
    archive.store_clip(low, gunid=ONE)
    result_of(archive.clips.delete(archive.caller(), TWO, forced=True))
    assert compared(archive, place) == ((0, 1, 1, 1), [])


def test_versions_that_go_and_rights_that_change_are_no_difference(archive, place, back_up):
    back_up()
    result_of(
        archive.database.run(
            lambda cursor: cursor.execute(
                "DELETE FROM revision WHERE superseded_at IS NOT NULL;"
                "UPDATE clip SET owner_id = NULL"
            )
        )
    )
    assert compared(archive, place) == ((0, 2, 0, 0), [])


def test_what_nothing_explains_is_a_difference(archive, place, back_up, low):
    back_up()
    result_of(
        archive.database.run(lambda cursor: cursor.execute("UPDATE clip SET file_name = 'other'"))
    )
    assert compared(archive, place) == ((0, 2, 0, 0), [str(ONE), str(TWO)])
    gunid = archive.store_clip(low)
    result_of(
        archive.database.run(
            lambda cursor: cursor.execute(
                "DELETE FROM journal WHERE gunid = %s; DELETE FROM clip WHERE gunid = %s",
                (gunid, ONE),
            )
        )
    )
    assert compared(archive, place) == ((0, 1, 1, 1), [str(ONE), str(TWO), str(gunid)])


def test_a_restored_archive_that_says_otherwise_is_found_out(place, back_up, empty, tmp_path):
    back_up()
    restored(place, empty, tmp_path)
    result_of(
        empty.run(
            lambda cursor: cursor.execute(
                "UPDATE clip SET file_name = 'other' WHERE gunid = %s;"
                "UPDATE users SET password_hash = 'other'",
                (ONE,),
            )
        )
    )
    found = result_of(drilling.restored_as_written(empty, place.snapshot()))
    assert [each.subject for each in found] == [str(ONE), "archive"]


def test_a_backup_whose_hold_on_contents_was_lost_is_no_snapshot(archive, place, dsn):
    class Restart(BackupProgress):
        def begin(self, size):
            with contextlib.closing(connect(dsn)) as other, other, other.cursor() as cursor:
                cursor.execute("SELECT pg_terminate_backend(%s)", (holder.info.backend_pid,))

    archive.database.connection.commit()
    with contextlib.closing(Transactions(dsn)) as transactions:
        (holder,) = transactions.perform(lambda cursor: [cursor.connection])
        service = BackingUp(AtOnce(transactions), archive.store, archive.clock)
        with pytest.raises(Unavailable, match="away for a moment"):
            result_of(service.back_up(place, keep=0, pace=Pace(), progress=Restart()))
    assert place.snapshots() == []
