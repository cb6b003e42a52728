"""What is found when something is really wrong, and the numbers there are."""

from dataclasses import replace
from datetime import timedelta

import pytest
from support import immediately, result_of

from archive_server.database import brakes, chores
from archive_server.database.transactions import Transactions
from archive_server.model.health import Part, Status
from archive_server.model.integrity import BrakeJob, BrakePolicy
from archive_server.services.drilling import DRILL
from archive_server.services.gauges import GaugeService
from archive_server.services.health import HealthService, Proof
from audio_store.probe import Prober, ProbeUnavailable

MINUTE = timedelta(minutes=1)
DAY = timedelta(days=1)


@pytest.fixture
def gauges(services):
    return GaugeService(services.database, services.store, immediately, services.clock)


@pytest.fixture
def health(services, gauges, prober):
    return HealthService(
        services.database,
        services.store,
        immediately,
        prober,
        gauges,
        services.clock,
        warn_free_bytes=0,
    )


class Away:
    """A database that nobody can connect to."""

    def run(self, work, /, *args, **kwargs):
        nowhere = Transactions("host=127.0.0.1 port=1 connect_timeout=1")
        return immediately(nowhere.perform, work, *args, **kwargs)


def statuses(health):
    return {name: result_of(check()).status for name, check in health.checks().items()}


def test_a_new_archive_is_well(health):
    assert set(statuses(health).values()) == {Status.PASS}


def test_every_part_has_its_own_name(health):
    for name, check in health.checks().items():
        assert result_of(check()).name == name


def test_a_database_that_is_away_is_named(health, gauges):
    away = replace(health, database=Away(), gauges=replace(gauges, database=Away()))
    found = statuses(away)
    assert {name for name, status in found.items() if status is Status.FAIL} == {
        "database",
        "postgres",
        "jobs",
        "janitor",
        "sidecars",
        "integrity",
        "verifier",
        "brake",
        "backup",
    }
    assert "the database is away" in result_of(away.look_at_database()).reason


def test_a_store_that_is_away_is_named(services, health):
    services.store.root.rename(services.store.root.with_name("elsewhere"))
    found = {name for name, status in statuses(health).items() if status is Status.FAIL}
    assert found == {"store", "space"}
    assert "store is away" in result_of(health.look_at_store()).reason


def test_little_room_is_warned_of_and_none_is_a_failure(services, health):
    free = services.store.free_bytes()
    low, full = (
        replace(health, warn_free_bytes=2 * free),
        replace(health, warn_free_bytes=20 * free),
    )
    assert result_of(low.look_at_space()).status is Status.WARN
    assert result_of(full.look_at_space()).status is Status.FAIL


def test_a_prober_that_cannot_start_workers_is_named(health, tmp_path):
    prober = Prober(command=(str(tmp_path / "no such program"),))
    file = tmp_path / "x.wav"
    file.write_bytes(b"x")
    with pytest.raises(ProbeUnavailable):
        prober.probe(file, "x.wav")
    part = result_of(replace(health, prober=prober).look_at_probe())
    prober.close()
    assert part.status is Status.FAIL
    assert "cannot be started" in part.reason


def test_a_job_that_nobody_begins_is_warned_of(services, health):
    result_of(services.jobs.start(services.caller(), "backup", {}))
    assert result_of(health.look_at_jobs()).status is Status.PASS
    services.clock.advance(20 * MINUTE)
    assert result_of(health.look_at_jobs()).status is Status.WARN
    result_of(services.jobs.claim(["backup"]))
    services.clock.advance(MINUTE)
    assert result_of(health.look_at_jobs()).status is Status.PASS


def test_a_janitor_who_stays_away_is_warned_of(dsn, services, health):
    result_of(services.maintenance.tidy())
    assert result_of(health.look_at_janitor()).status is Status.PASS
    services.clock.advance(20 * MINUTE)
    part = result_of(health.look_at_janitor())
    assert (part.status, part.reason, part.observed) == (Status.WARN, "nobody tidies up", 1200)


# -- numbers ----------------------------------------------------------------------------------


def test_everything_there_is_is_counted(services, gauges, high, low):
    caller = services.caller()
    one, two = services.store_clip(high), services.store_clip(low)
    services.store_clip(low)
    result_of(services.clips.delete(caller, two, forced=False))
    result_of(services.playlists.create(caller, None, "list"))
    result_of(services.downloads.open_audio(caller, one))
    result_of(services.clips.start_upload(caller, None, "", "a.wav", ""))
    result_of(services.jobs.start(caller, "backup", {}))
    services.clock.advance(MINUTE)
    found = result_of(gauges.current())
    assert found.clips == {
        ("audioclip", "ready"): 2,
        ("audioclip", "trashed"): 1,
        ("playlist", "ready"): 1,
    }
    assert (found.contents, found.content_bytes) == (2, len(high) + len(low))
    assert found.uploads == {"clip": 1}
    assert found.leases == {"audio": 1}
    assert found.jobs == {("backup", "waiting"): 1}
    assert found.longest_wait_s == 60
    assert found.sessions > 0
    assert found.last_event >= 5
    assert found.database_bytes > 2**20
    assert 0 < found.connections <= found.most_connections


def test_they_are_counted_anew_only_after_a_while(services, gauges, high):
    assert result_of(gauges.current()).contents == 0
    services.store_clip(high)
    services.clock.advance(timedelta(seconds=14))
    assert result_of(gauges.current()).contents == 0
    services.clock.advance(timedelta(seconds=1))
    assert result_of(gauges.current()).contents == 1


def test_a_proof_that_backups_can_be_restored_is_asked_for_where_it_was_wanted(
    dsn, services, health
):
    assert result_of(health.look_at_backup()).status is Status.PASS  # nobody has asked for it
    wanted = replace(health, proof=Proof(within=7 * DAY, is_wanted=True))
    assert "never" in result_of(wanted.look_at_backup()).reason
    result_of(services.database.run(chores.note, DRILL, services.clock()))
    assert result_of(wanted.look_at_backup()) == Part("backup", Status.PASS, "", 0.0, "d")
    services.clock.advance(8 * DAY)
    part = result_of(wanted.look_at_backup())
    assert (part.status, part.observed) == (Status.WARN, 8.0)
    services.clock.advance(40 * DAY)
    assert result_of(health.look_at_backup()).status is Status.WARN  # it was done once


def test_sidecars_that_do_not_follow_are_warned_of(dsn, services, health, wav):
    services.store_clip(wav)
    assert result_of(health.look_at_sidecars()).status is Status.PASS
    services.clock.advance(timedelta(minutes=6))
    part = result_of(health.look_at_sidecars())
    assert part.status is Status.WARN
    assert "not in the sidecars" in part.reason


def mark_damaged(cursor):
    cursor.execute("UPDATE content SET damage = 'it is bad', damaged_at = now()")


def test_damaged_audio_is_a_warning_with_its_number(services, health, cursor, high):
    services.store_clip(high)
    mark_damaged(cursor)
    part = result_of(health.look_at_integrity())
    assert (part.status, part.observed) == (Status.WARN, 1)
    assert "archive-server check" in part.reason


def test_audio_that_nobody_reads_again_is_a_warning(services, health, gauges, high):
    services.store_clip(high)
    watched = replace(health, verify_every=timedelta(days=30))
    services.clock.advance(timedelta(days=44))
    assert result_of(watched.look_at_verifier()).status is Status.PASS
    services.clock.advance(timedelta(days=2))
    assert result_of(watched.look_at_verifier()).status is Status.WARN
    assert result_of(health.look_at_verifier()).status is Status.PASS  # it is switched off


def test_what_is_older_than_the_verifier_is_not_late(services, health, cursor, high):
    services.store_clip(high)
    cursor.execute("UPDATE content SET created_at = now() - interval '9 years'")
    watched = replace(health, verify_every=timedelta(days=30))
    assert result_of(watched.look_at_verifier()).status is Status.PASS


@pytest.mark.parametrize(
    ("job", "status"), [(BrakeJob.TRASH, Status.WARN), (BrakeJob.DAMAGE, Status.FAIL)]
)
def test_what_the_brake_holds_is_told_with_what_to_do(services, health, job, status):
    policy = BrakePolicy(most=2, percent=100)
    admitted = result_of(services.database.run(brakes.admits, job, 3, policy, services.clock()))
    part = result_of(health.look_at_brake())
    assert (admitted, part.status, part.observed) == (False, status, 3)
    assert f"archive-server brake release {job}" in part.reason
