"""Maintenance that would do too much at once, and what it takes to let it."""

import contextlib
from dataclasses import replace
from datetime import timedelta

import pytest
from fixtures.fix_audio import tone, wav
from support import result_of

from archive_server.database import holding
from archive_server.database.connections import connect
from archive_server.model.integrity import BrakeJob, BrakePolicy

DAY = timedelta(days=1)

# What removes content commits, so each test has a database of its own.
pytestmark = pytest.mark.usefixtures("dsn")


@pytest.fixture(scope="module")
def audio() -> list[bytes]:
    return [wav(tone(4410 + seed)) for seed in range(4)]


@pytest.fixture
def gunids(services, audio):
    return [services.store_clip(each) for each in audio]


@pytest.fixture
def maintenance(services):
    """Maintenance that may do two of everything at once."""
    brake = replace(services.brake, policy=BrakePolicy(most=2, percent=100))
    return replace(services.maintenance, brake=brake)


def held(services):
    return {each.job: each.held for each in result_of(services.brake.held())}


def contents(services):
    return len(list(services.store.contents()))


def trash(services, gunids):
    for gunid in gunids:
        result_of(services.clips.delete(services.caller(), gunid, forced=False))


@pytest.mark.parametrize(
    ("most", "percent", "job", "total", "limit"),
    [
        (1000, 10, BrakeJob.TRASH, 1_000_000, 1000),
        (1000, 10, BrakeJob.TRASH, 5000, 500),
        (1000, 10, BrakeJob.TRASH, 50, 100),
        (1000, 10, BrakeJob.DAMAGE, 50, 10),
        (3, 10, BrakeJob.ORPHANS, 50, 3),
        (0, 10, BrakeJob.CONTENTS, 1_000_000, 100_000),
        (1000, 100, BrakeJob.REVISIONS, 20, 1000),
        (0, 100, BrakeJob.DAMAGE, 20, None),
        (1000, 0, BrakeJob.DAMAGE, 1_000_000, 10),
    ],
)
def test_the_smaller_of_number_and_share_counts_but_a_few_may_always(
    most, percent, job, total, limit
):
    assert BrakePolicy(most, percent).limit(job, total) == limit


def test_what_somebody_trashed_on_purpose_waits_for_a_word(services, maintenance, gunids):
    trash(services, gunids)
    services.clock.advance(31 * DAY)
    for _ in range(2):
        result_of(maintenance.tidy())
        assert held(services) == {BrakeJob.TRASH: 4}
        assert len(result_of(services.clips.trashed())) == contents(services) == 4
    since = result_of(services.brake.held())[0].since
    assert since == services.clock()
    # One word is enough, also for the bytes that the clips leave behind.
    assert result_of(services.brake.release(BrakeJob.TRASH)) == 4
    result_of(maintenance.tidy())
    assert (result_of(services.clips.trashed()), contents(services), held(services)) == ([], 0, {})


def test_a_word_is_not_used_up_while_a_backup_keeps_everything(services, maintenance, gunids, dsn):
    for gunid in gunids:
        result_of(services.clips.delete(services.caller(), gunid, forced=True))
    result_of(maintenance.tidy())
    assert held(services) == {BrakeJob.CONTENTS: 4}
    with contextlib.closing(connect(dsn)) as connection:
        holding.hold(connection.cursor())
        result_of(services.brake.release(BrakeJob.CONTENTS))
        result_of(maintenance.tidy())
        assert contents(services) == 4
    result_of(maintenance.tidy())
    assert (contents(services), held(services)) == (0, {})


def test_a_word_for_files_without_rows_is_not_used_up_while_a_backup_keeps_everything(
    services, maintenance, gunids, dsn
):
    for gunid in gunids:
        result_of(services.clips.delete(services.caller(), gunid, forced=True))
    result_of(services.database.run(lambda cursor: cursor.execute("DELETE FROM content")))
    services.clock.advance(9 * DAY)
    result_of(maintenance.sweep())
    assert held(services) == {BrakeJob.ORPHANS: 4}
    with contextlib.closing(connect(dsn)) as connection:
        holding.hold(connection.cursor())
        result_of(services.brake.release(BrakeJob.ORPHANS))
        result_of(maintenance.sweep())
        assert contents(services) == 4
    result_of(maintenance.sweep())
    assert (contents(services), held(services)) == (0, {})


def test_a_word_holds_for_what_it_was_about(services, maintenance, gunids, audio):
    trash(services, gunids)
    services.clock.advance(31 * DAY)
    result_of(maintenance.tidy())
    result_of(services.brake.release(BrakeJob.TRASH))
    result_of(maintenance.tidy())
    others = [services.store_clip(each) for each in audio]
    trash(services, others)
    services.clock.advance(31 * DAY)
    result_of(maintenance.tidy())
    assert held(services) == {BrakeJob.TRASH: 4}


def test_a_word_does_not_hold_for_long(services, maintenance, gunids):
    trash(services, gunids)
    services.clock.advance(31 * DAY)
    result_of(maintenance.tidy())
    result_of(services.brake.release(BrakeJob.TRASH))
    services.clock.advance(2 * DAY)
    result_of(maintenance.tidy())
    assert held(services) == {BrakeJob.TRASH: 4}


def test_less_than_what_is_held_can_be_allowed_in_vain(services, maintenance, gunids):
    trash(services, gunids)
    services.clock.advance(31 * DAY)
    result_of(services.brake.release(BrakeJob.TRASH, 1))
    result_of(maintenance.tidy())
    assert held(services) == {BrakeJob.TRASH: 4}
    result_of(services.brake.release(BrakeJob.TRASH, 2))
    result_of(maintenance.tidy())
    assert held(services) == {}


def test_what_is_no_longer_wanted_is_no_longer_held(services, maintenance, gunids):
    trash(services, gunids)
    services.clock.advance(31 * DAY)
    result_of(maintenance.tidy())
    for gunid in gunids[:3]:
        result_of(services.clips.restore(gunid))
    result_of(maintenance.tidy())
    assert held(services) == {}
    assert contents(services) == 3


def test_so_much_as_is_allowed_goes_without_a_word(services, maintenance, gunids):
    trash(services, gunids[:2])
    services.clock.advance(31 * DAY)
    result_of(maintenance.tidy())
    assert (contents(services), held(services)) == (2, {})


def test_who_says_how_old_the_trash_shall_be_has_said_it(services, maintenance, gunids):
    trash(services, gunids)
    assert result_of(maintenance.purge_trash(services.clock())) == 4
    result_of(maintenance.tidy())
    assert (contents(services), held(services)) == (0, {})


def test_replaced_audio_is_held_back(services, maintenance, gunids, high):
    for gunid in gunids[:3]:
        services.store_clip(high, gunid=gunid)
    services.clock.advance(8 * DAY)
    result_of(maintenance.tidy())
    assert held(services) == {BrakeJob.REVISIONS: 3}
    assert contents(services) == 5
    result_of(services.brake.release(BrakeJob.REVISIONS))
    result_of(maintenance.tidy())
    assert (contents(services), held(services)) == (2, {})


def test_contents_that_nothing_refers_to_any_more_are_held_back(services, maintenance, gunids):
    for gunid in gunids:
        result_of(services.clips.delete(services.caller(), gunid, forced=True))
    result_of(maintenance.tidy())
    assert (contents(services), held(services)) == (4, {BrakeJob.CONTENTS: 4})
    result_of(services.brake.release(BrakeJob.CONTENTS))
    result_of(maintenance.tidy())
    assert (contents(services), held(services)) == (0, {})


def test_a_database_that_is_older_than_its_store_costs_no_audio(
    services, maintenance, gunids, cursor
):
    """As after a dump was restored: no row knows the files that came later."""
    cursor.execute("DELETE FROM clip; DELETE FROM content; DELETE FROM released_content")
    cursor.connection.commit()
    services.clock.advance(2 * DAY)
    for _ in range(2):
        result_of(maintenance.sweep())
        assert (contents(services), held(services)) == (4, {BrakeJob.ORPHANS: 4})
    result_of(services.brake.release(BrakeJob.ORPHANS))
    result_of(maintenance.sweep())
    assert (contents(services), held(services)) == (0, {})


def test_what_breaks_off_goes_on_with_the_same_word(services, maintenance, gunids):
    for gunid in gunids:
        result_of(services.clips.delete(services.caller(), gunid, forced=True))
    result_of(maintenance.tidy())
    result_of(services.brake.release(BrakeJob.CONTENTS))
    first = next(services.store.contents())
    services.store.layout.identity.rename(services.store.root / "away")
    with pytest.raises(Exception, match="away"):
        result_of(maintenance.tidy())
    (services.store.root / "away").rename(services.store.layout.identity)
    assert services.store.size(first)
    result_of(maintenance.tidy())
    assert contents(services) == 0
