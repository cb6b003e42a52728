"""Damage to real files, and what becomes of the clips that have them."""

import contextlib
import os
import subprocess
import threading
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from fixtures.fix_audio import tone, wav
from services.packed import ALL, backup, restored, work_off
from services.transfers import clip, document, element, save
from support import DirectDatabase, result_of

from archive_server.database import gauges, leases, verification
from archive_server.database.connections import connect
from archive_server.errors import Damaged, Unavailable
from archive_server.model.gunid import Gunid, IdStyle
from archive_server.model.integrity import BrakeJob, BrakePolicy, Outcome
from archive_server.model.leases import LeaseKind
from archive_server.model.playlist_archives import ListType
from archive_server.services.file_examining import Examiner
from archive_server.services.folder_import import FolderImport, Wishes
from archive_server.services.folders import look as look_for
from archive_server.services.pacing import Pace, ReadingStopped
from archive_server.services.rendering import Rendering
from audio_store import ContentId, Quarantine

PLAYLIST = Gunid.parse("00000000000000b1")
DAY = timedelta(days=1)


@pytest.fixture
def gunid(services, high):
    return services.store_clip(high)


@pytest.fixture
def content_id(services, gunid):
    file = result_of(services.downloads.current(services.caller(), gunid))
    file.content.close()
    return ContentId(file.sha256)


@pytest.fixture
def path(services, content_id) -> Path:
    file = services.store.path(content_id)
    file.chmod(0o600)
    return file


def flip(path: Path) -> None:
    with path.open("r+b") as file:
        file.seek(-1, 2)
        last = file.read(1)
        file.seek(-1, 2)
        file.write(bytes([last[0] ^ 1]))


def swap(path: Path) -> None:
    path.unlink()
    path.mkdir()


def make_unreadable(path: Path) -> None:
    path.unlink()
    path.symlink_to("/proc/self/mem")  # EIO


HARMS = [flip, lambda path: path.write_bytes(b"short"), Path.unlink, swap, make_unreadable]
every_harm = pytest.mark.parametrize(
    "harm", HARMS, ids=["flipped", "short", "missing", "directory", "EIO"]
)


def go_on(services, service=None) -> list[Outcome]:
    """Verify what is due; what came of each."""
    found = []
    service = service or services.verification
    result_of(service.go_on(Pace(), lambda looked: found.append(looked.outcome)))
    return found


def look(services, gunid) -> Outcome:
    """Verify all contents now, as `check` does."""
    outcomes = []
    for content in result_of(services.database.run(verification.list_after, b"", 100, None)):
        looked = result_of(services.verification.look_at(content, Pace()))
        outcomes.append(looked.outcome)
    (outcome,) = outcomes
    return outcome


def fetched(services, gunid) -> bytes:
    file = result_of(services.downloads.current(services.caller(), gunid))
    with file.content:
        return file.content.read()


# -- when


def test_everything_is_read_again_in_the_second_half_of_the_time(services, gunid, low):
    assert go_on(services) == []
    services.clock.advance(14 * DAY)
    assert go_on(services) == []
    services.store_clip(low)
    services.clock.advance(2 * DAY)
    assert go_on(services) == [Outcome.WHOLE]
    assert go_on(services) == []
    services.clock.advance(14 * DAY)
    assert go_on(services) == [Outcome.WHOLE]  # the younger one
    counted = result_of(services.database.run(gauges.read, services.clock()))
    assert counted.unverified_s == pytest.approx(14 * 86400, abs=60)


def test_nothing_is_read_again_where_that_is_switched_off(services, gunid):
    services.clock.advance(1000 * DAY)
    assert go_on(services, replace(services.verification, every=None)) == []


def test_one_whose_directory_cannot_be_looked_into_keeps_nobody_from_the_others(
    services, gunid, low
):
    services.store_clip(low)
    first, _ = services.store.contents()
    shard = services.store.path(first).parent
    aside = shard.with_name("aside")
    shard.rename(aside)
    shard.symlink_to(shard.name)
    services.clock.advance(16 * DAY)
    assert sorted(go_on(services)) == [Outcome.UNKNOWN, Outcome.WHOLE]
    shard.unlink()
    aside.rename(shard)
    services.clock.advance(16 * DAY)
    assert go_on(services) == [Outcome.WHOLE, Outcome.WHOLE]


def test_what_was_broken_off_is_begun_again(services, gunid):
    services.clock.advance(16 * DAY)
    pace = Pace()
    pace.stop()
    with pytest.raises(ReadingStopped):
        result_of(services.verification.go_on(pace, lambda looked: None))
    assert go_on(services) == [Outcome.WHOLE]


def test_the_pace_is_kept(services, gunid, high):
    naps = []
    pace = Pace(rate=1000)
    pace._stopped.wait = lambda seconds=0: naps.append(seconds)  # no nap in a test
    (content,) = result_of(services.database.run(verification.list_after, b"", 1, None))
    result_of(services.verification.look_at(content, pace))
    assert sum(naps) == pytest.approx(len(high) / 1000, rel=0.1)


# -- what is found


@every_harm
def test_damage_is_put_into_quarantine_and_not_handed_out(services, gunid, content_id, path, harm):
    lease = result_of(services.downloads.open_audio(services.caller(), gunid))
    harm(path)
    services.clock.advance(16 * DAY)
    result_of(services.downloads.touch([lease.token]))
    assert go_on(services) == [Outcome.DAMAGED]
    caller = services.caller()
    for read in (
        services.downloads.open_audio(caller, gunid),
        services.downloads.open_file(caller, gunid),
        services.downloads.current(caller, gunid),
        services.downloads.revision(caller, gunid, 1),
        services.downloads.leased(lease.token, "wav"),
    ):
        with pytest.raises(Damaged):
            result_of(read)
    assert not path.exists()
    held = Quarantine(services.store).held(content_id)
    assert len(held) == (harm is not Path.unlink)
    (damaged,) = result_of(services.verification.damaged())
    assert (damaged.sha256, damaged.clips) == (content_id.digest, (str(gunid),))


@every_harm
def test_equal_bytes_that_are_stored_again_heal(services, gunid, path, harm, high):
    harm(path)
    assert look(services, gunid) is Outcome.DAMAGED
    other = services.store_clip(high)
    assert fetched(services, gunid) == fetched(services, other) == high
    assert result_of(services.verification.damaged()) == []
    assert look(services, gunid) is Outcome.WHOLE


@pytest.fixture
def read_only(services):
    """Lets nobody write to the store's disk, which can still be read."""
    root = str(services.store.root)

    def run(*words: str) -> bool:
        return subprocess.run(words, capture_output=True).returncode == 0

    if os.geteuid() != 0 or not run("mount", "--bind", root, root):
        pytest.skip("mounting is not permitted here")

    def remount(mode: str) -> None:
        assert run("mount", "-o", f"remount,bind,{mode}", root)

    yield remount
    run("umount", "-l", root)


def test_what_cannot_be_moved_is_marked_and_gives_way_to_good_bytes(
    services, gunid, content_id, path, high, read_only
):
    flip(path)
    read_only("ro")
    assert look(services, gunid) is Outcome.DAMAGED
    assert path.exists()
    with pytest.raises(Damaged):
        fetched(services, gunid)
    read_only("rw")
    services.store_clip(high)
    assert fetched(services, gunid) == high
    (held,) = Quarantine(services.store).held(content_id)
    assert held.read_bytes() != high


def test_a_quarantine_that_cannot_be_used_keeps_nobody_from_marking(services, gunid, path, high):
    flip(path)
    services.store.layout.quarantine.rmdir()
    services.store.layout.quarantine.write_bytes(b"no directory")
    assert look(services, gunid) is Outcome.DAMAGED
    with pytest.raises(Damaged):
        fetched(services, gunid)
    services.store.layout.quarantine.unlink()
    assert look(services, gunid) is Outcome.STILL_DAMAGED
    assert not path.exists()


def test_a_backup_that_is_restored_heals(services, gunid, path, high):
    kept = backup(services)
    flip(path)
    assert look(services, gunid) is Outcome.DAMAGED
    assert restored(services, kept).restored == 1
    assert fetched(services, gunid) == high
    assert restored(services, kept).restored == 0


def test_a_folder_that_is_imported_heals_and_adds_no_clip(
    services, store, prober, gunid, path, high, tmp_path
):
    flip(path)
    assert look(services, gunid) is Outcome.DAMAGED
    (tmp_path / "music").mkdir()
    (tmp_path / "music" / "again.wav").write_bytes(high)
    importer = FolderImport(
        services.database,
        Examiner(store, prober, frozenset()),
        services.clock,
        IdStyle.UUID7,
        decoders=1,
    )
    files = look_for([tmp_path / "music"], leave_out=tmp_path / "store").files
    imported = result_of(importer.run(services.caller(), files, Wishes({})))
    assert (imported.imported, imported.already) == (0, 1)
    assert fetched(services, gunid) == high


def test_what_holds_damaged_audio_cannot_be_had_whole(services, gunid, path):
    """A playlist with all it holds, its export, its backup, and its mix."""
    caller = services.caller()
    playlist = save(services, PLAYLIST, document(PLAYLIST, element(1, clip(gunid))))
    token = result_of(services.exports.open(caller, [playlist], ListType.LSPL, standalone=False))
    leased = result_of(services.downloads.leased(token, "tar"))
    flip(path)
    assert look(services, gunid) is Outcome.DAMAGED
    for ask in (
        services.playlist_access.open(caller, playlist, recursive=True),
        services.exports.open(caller, [playlist], ListType.LSPL, standalone=False),
        services.exports.opened(leased),
    ):
        with pytest.raises(Damaged):
            result_of(ask)
    result_of(services.playlist_access.open(caller, playlist, recursive=False))
    result_of(services.exports.open(caller, [playlist], ListType.LSPL, standalone=True))
    backing = result_of(services.backups.start(caller, ALL))
    work_off(services)
    assert "damaged" in result_of(services.backups.state(backing)).fault
    kind = Rendering.FILE
    result_of(services.rendering.start(caller, playlist, kind, "http://h"))
    job = result_of(services.jobs.claim([kind]))
    result_of(services.jobs.make_directory(job))
    with pytest.raises(Damaged, match=f"playlistElement 0*1: clip {gunid}"):
        result_of(services.render_work.by_kind()[kind](job, lambda progress: None))
    assert list(services.store.links()) == []


def test_bytes_that_come_back_lift_the_mark(services, gunid, path, high):
    path.rename(path.with_suffix(".away"))
    assert look(services, gunid) is Outcome.DAMAGED
    assert look(services, gunid) is Outcome.STILL_DAMAGED
    path.with_suffix(".away").rename(path)
    assert look(services, gunid) is Outcome.MENDED
    assert fetched(services, gunid) == high


def test_bytes_that_are_good_in_quarantine_come_back(services, gunid, content_id, path, high):
    good = path.read_bytes()
    path.write_bytes(b"a cable is loose")
    assert look(services, gunid) is Outcome.DAMAGED
    (held,) = Quarantine(services.store).held(content_id)
    held.write_bytes(good)
    assert look(services, gunid) is Outcome.MENDED
    assert fetched(services, gunid) == high


def test_the_file_of_a_lease_gives_missing_bytes_back(services, gunid, path, high):
    result_of(services.downloads.open_file(services.caller(), gunid))
    path.unlink()
    assert look(services, gunid) is Outcome.MENDED
    assert fetched(services, gunid) == high


def test_damaged_audio_is_looked_at_again_each_day(services, gunid, path):
    flip(path)
    services.clock.advance(16 * DAY)
    assert go_on(services) == [Outcome.DAMAGED]
    assert go_on(services) == []
    services.clock.advance(DAY)
    assert go_on(services) == [Outcome.STILL_DAMAGED]
    (damaged,) = result_of(services.verification.damaged())
    assert damaged.damage == "the file has other bytes than were stored"
    assert damaged.damaged_at == services.clock() - DAY


def test_the_files_of_leases_go_and_come_back_with_the_audio(services, gunid, path, high):
    file = result_of(services.downloads.open_file(services.caller(), gunid))
    flip(path)
    assert look(services, gunid) is Outcome.DAMAGED
    assert not file.path.exists()
    assert [each.subject for each in result_of(services.integrity.check(digests=False))] == [
        path.name
    ]
    services.store_clip(high)
    go_on(services)
    assert file.path.read_bytes() == high
    result_of(services.downloads.close(file.token, LeaseKind.FILE))
    assert not file.path.exists()


def test_the_journal_tells_of_damage_and_of_its_end(services, gunid, path, high):
    other = services.store_clip(high)
    flip(path)
    look(services, gunid)
    services.store_clip(high)
    page = result_of(services.journal.events(services.caller(), 0, 100, ()))
    told = [(event.kind.value, event.gunid) for event in page.events]
    assert told[2:4] == [("damaged", gunid), ("damaged", other)]
    assert [kind for kind, _ in told[4:]] == ["mended", "mended", "created"]


# -- absence is not damage


@pytest.mark.parametrize("what", ["store", "shard"])
def test_what_is_away_is_not_damaged(services, gunid, content_id, path, tmp_path, high, what):
    away = services.store.root if what == "store" else services.store.layout.shard(content_id)
    away.rename(tmp_path / "elsewhere")
    services.clock.advance(16 * DAY)
    for _ in range(2):
        with pytest.raises(Unavailable):
            go_on(services)
    assert result_of(services.verification.damaged()) == []
    (tmp_path / "elsewhere").rename(away)
    assert go_on(services) == [Outcome.WHOLE]
    assert fetched(services, gunid) == high


# -- several at once; these commit, so each has a database of its own


@pytest.fixture
def elsewhere(dsn):
    """The database, as another process uses it."""
    with contextlib.closing(connect(dsn)) as connection:
        yield DirectDatabase(connection, commits=True)


def test_a_content_that_went_while_it_was_read_is_not_missed(services, dsn, gunid, path):
    services.clock.advance(16 * DAY)
    real = services.verification.in_thread

    async def delete_first(work, /, *args, **more):
        result_of(services.clips.delete(services.caller(), gunid, forced=True))
        result_of(services.maintenance.tidy())
        return await real(work, *args, **more)

    service = replace(services.verification, in_thread=delete_first)
    assert go_on(services, service) == [Outcome.CHANGED]
    assert list(Quarantine(services.store).entries()) == []


def test_what_was_stored_again_while_it_was_read_is_not_condemned(services, dsn, gunid, path, high):
    flip(path)
    services.clock.advance(16 * DAY)
    real = services.verification.in_thread

    async def replace_after(work, /, *args, **more):
        verdict = await real(work, *args, **more)
        path.unlink(missing_ok=True)
        with services.store.stage("ab" * 16) as staged:
            staged.append(high)
            services.store.publish(staged, staged.digests())
        return verdict

    service = replace(services.verification, in_thread=replace_after)
    assert go_on(services, service)[0] is Outcome.CHANGED
    assert fetched(services, gunid) == high


def test_who_publishes_and_who_condemns_wait_for_each_other(
    services, dsn, elsewhere, gunid, content_id, path, high
):
    """A store of the same bytes holds the lock; the verdict comes in between."""
    flip(path)
    (content,) = result_of(services.database.run(verification.list_after, b"", 1, None))
    other = replace(services.verification, database=elsewhere)
    holds, outcomes = threading.Event(), []

    def judge() -> None:
        holds.wait(10)
        outcomes.append(result_of(other.look_at(content, Pace())).outcome)

    judging = threading.Thread(target=judge)
    judging.start()
    connection = services.database.connection
    with connection, connection.cursor() as cursor:
        verification.lock(cursor, content_id.digest)
        holds.set()
        judging.join(0.3)
        assert judging.is_alive()
        assert path.exists()
        Quarantine(services.store).clear(content_id)
        with services.store.stage("ab" * 16) as staged:
            staged.append(high)
            services.store.publish(staged, staged.digests())
    judging.join(10)
    assert outcomes == [Outcome.CHANGED]
    assert fetched(services, gunid) == high


@pytest.mark.parametrize("step", ["after the file", "after the mark"])
def test_a_crash_in_the_middle_leaves_nothing_that_is_served(services, dsn, gunid, path, step):
    """The process dies: its transaction is rolled back, and what is on the disk stays."""

    class Died(BaseException):
        pass

    def die(*_) -> None:
        raise Died

    flip(path)
    service = services.verification
    if step == "after the file":
        object.__setattr__(service, "_take_links", die)
        with pytest.raises(Died):
            look(services, gunid)
        object.__delattr__(service, "_take_links")
    else:
        look(services, gunid)
    with pytest.raises(Unavailable):
        fetched(services, gunid)
    assert look(services, gunid) in (Outcome.DAMAGED, Outcome.STILL_DAMAGED)
    with pytest.raises(Damaged):
        fetched(services, gunid)
    assert len(list(Quarantine(services.store).entries())) == 1


# -- what becomes of the bytes in quarantine


def test_they_stay_until_the_good_ones_were_read(services, dsn, gunid, content_id, path, high):
    flip(path)
    look(services, gunid)
    services.store_clip(high)
    services.clock.advance(2 * DAY)
    result_of(services.maintenance.sweep())
    assert len(Quarantine(services.store).held(content_id)) == 1
    assert go_on(services) == [Outcome.WHOLE]
    result_of(services.maintenance.sweep())
    assert Quarantine(services.store).held(content_id) == []
    assert fetched(services, gunid) == high


def test_they_go_with_the_clip_that_somebody_has_deleted(services, dsn, gunid, content_id, path):
    flip(path)
    look(services, gunid)
    result_of(services.clips.delete(services.caller(), gunid, forced=True))
    result_of(services.maintenance.tidy())
    assert Quarantine(services.store).held(content_id) == []
    assert result_of(services.verification.damaged()) == []


# -- the brake


def braked(services, most: int):
    return replace(services.verification, brake=BrakePolicy(most=most, percent=100))


def some_damaged(services, audio, count: int) -> list[Path]:
    paths = []
    for seed in range(count):
        services.store_clip(audio[seed])
    for content_id in services.store.contents():
        path = services.store.path(content_id)
        path.rename(path.with_suffix(".away"))
        paths.append(path)
    return paths


@pytest.fixture(scope="module")
def many() -> list[bytes]:
    return [wav(tone(4410 + seed)) for seed in range(5)]


def test_no_more_is_marked_than_the_brake_allows(services, many):
    paths = some_damaged(services, many, 5)
    service = braked(services, 2)
    services.clock.advance(16 * DAY)
    assert go_on(services, service) == [Outcome.DAMAGED, Outcome.DAMAGED, Outcome.HELD]
    assert go_on(services, service) == []
    (held,) = result_of(services.brake.held())
    assert (held.job, held.held, held.total) == (BrakeJob.DAMAGE, 3, 5)
    # The disk comes back: nobody has to be told.
    for path in paths:
        path.with_suffix(".away").rename(path)
    services.clock.advance(timedelta(minutes=11))
    assert sorted(go_on(services, service)) == sorted([Outcome.MENDED] * 2 + [Outcome.WHOLE] * 3)
    assert result_of(services.brake.held()) == []


def test_it_goes_on_by_itself_when_it_is_told(services, many):
    some_damaged(services, many, 5)
    service = braked(services, 2)
    services.clock.advance(16 * DAY)
    go_on(services, service)
    assert result_of(services.brake.release(BrakeJob.DAMAGE)) == 3
    assert go_on(services, service) == [Outcome.DAMAGED] * 3
    assert result_of(services.brake.held()) == []
    assert len(result_of(services.verification.damaged())) == 5


def test_a_lease_of_damaged_audio_can_be_closed(services, gunid, path):
    lease = result_of(services.downloads.open_audio(services.caller(), gunid))
    flip(path)
    look(services, gunid)
    result_of(services.downloads.close(lease.token, LeaseKind.AUDIO))
    assert result_of(services.database.run(leases.file_tokens)) == {}
