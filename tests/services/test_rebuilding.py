"""The database made anew from a store: everything there is, and a name for what is not."""

import contextlib
import json
from dataclasses import replace
from datetime import timedelta

import pytest
from fixtures.fix_database import migrated_database
from support import DirectDatabase, result_of

from archive_server.database import records, stores
from archive_server.database.connections import connect
from archive_server.errors import Conflict, Unavailable
from archive_server.model.gunid import Gunid
from archive_server.services.integrity import Severity
from archive_server.services.maintenance import MaintenanceService
from archive_server.services.rebuilding import RebuildService
from audio_store import ContentId, Quarantine, Sidecars

ONE = Gunid.parse("00000000000000a1")
TWO = Gunid.parse("0190163d-8694-739b-aea5-966c26f8ad91")


@pytest.fixture
def files(services, wav, high):
    """The sidecars of an archive with two clips, one of which has an older revision."""
    result_of(services.database.run(stores.add, services.store.store_id))
    services.store_clip(high, gunid=ONE)
    services.store_clip(wav, gunid=ONE)
    services.store_clip(high, gunid=TWO)
    result_of(services.sidecars.catch_up())
    return Sidecars(services.store)


@pytest.fixture
def empty(postgres):
    """A database that nobody has used."""
    with migrated_database(postgres) as dsn, contextlib.closing(connect(dsn)) as connection:
        yield DirectDatabase(connection, commits=True)


def rebuilt(empty, files):
    return result_of(RebuildService(empty, files).rebuild())


def everything(database):
    return result_of(database.run(lambda cursor: dict(records.all_items(cursor))))


def content_of(files, gunid, number):
    (found,) = [
        each["sha256"]
        for each in json.loads(files.read(str(gunid)))["revisions"]
        if each["number"] == number
    ]
    return files.store.path(ContentId.parse(found))


def test_it_is_as_it_was(services, files, empty):
    before = everything(services.database)
    seen = []
    found = result_of(RebuildService(empty, files).rebuild(lambda: seen.append(1)))
    assert (found.items, found.users, found.is_whole, len(seen)) == (2, 1, True, 2)
    assert everything(empty) == before


def test_a_database_in_use_is_refused_and_stays(services, files):
    before = everything(services.database)
    with pytest.raises(Conflict, match="not empty"):
        rebuilt(services.database, files)
    assert everything(services.database) == before


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no JSON"),
        ("[1]", "no record"),
        ('{"kind": "item", "format": 9}', "format 9"),
        ('{"kind": "item", "format": 1}', "missing"),
        ("[" * 100_000, "no JSON"),
    ],
)
def test_a_damaged_sidecar_is_named_and_stays(files, empty, text, reason):
    files.path(str(ONE)).write_text(text)
    found = rebuilt(empty, files)
    ((left_out),) = found.left_out
    assert left_out.subject == str(ONE)
    assert reason in left_out.reason
    assert found.items == 1
    assert files.path(str(ONE)).read_text() == text
    assert len(found.unclaimed) == 1  # the audio that only it knew


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("file_type", "jingle"),
        ("state", "trashed"),
        ("number", -1),
        ("number", True),
        ("number", 2**31),
        ("mtime", "2026-11-21T06:00:00"),
        ("mtime", "now"),
        ("file_name", "\0"),
        ("file_name", "\ud800"),
        ("document", "<audioClip>"),
        ("revision", 3),
        ("revision", None),
        ("gunid", str(TWO)),
        ("gunid", "x"),
        ("rules", [{"user": "root", "group": None, "action": "fly", "allows": True}]),
        ("rules", [1]),
        ("classes", "x"),
    ],
)
def test_a_sidecar_that_cannot_be_true_is_left_out(files, empty, field, value):
    record = json.loads(files.read(str(ONE)))
    files.path(str(ONE)).write_text(json.dumps(record | {field: value}))
    found = rebuilt(empty, files)
    assert [each.subject for each in found.left_out] == [str(ONE)]
    assert everything(empty).keys() == {TWO}


def test_a_clip_whose_audio_is_missing_is_left_out_and_its_sidecar_stays(files, empty):
    content_of(files, ONE, 2).unlink()
    found = rebuilt(empty, files)
    ((left_out),) = found.left_out
    assert (left_out.subject, "missing" in left_out.reason) == (str(ONE), True)
    assert str(ONE) in set(files.names())
    assert everything(empty).keys() == {TWO}


def test_a_clip_whose_audio_is_in_quarantine_is_there_to_be_mended(files, empty, services):
    path = content_of(files, ONE, 2)
    whole = path.read_bytes()
    Quarantine(files.store).clear(ContentId.parse(path.name))
    found = rebuilt(empty, files)
    assert (found.items, found.left_out) == (2, [])
    (incomplete,) = found.incomplete
    assert (incomplete.subject, "quarantine" in incomplete.reason) == (str(ONE), True)
    verification = replace(services.verification, database=empty)
    checking = replace(services.integrity, database=empty, verification=verification)
    assert {each.severity for each in result_of(checking.check(digests=True))} == {Severity.MENDED}
    assert path.read_bytes() == whole


def test_an_older_revision_that_is_missing_does_not_keep_a_clip_out(services, files, empty, low):
    services.store_clip(low, gunid=TWO)
    result_of(services.sidecars.catch_up())
    content_of(files, ONE, 1).unlink()
    found = rebuilt(empty, files)
    assert (found.items, found.left_out) == (2, [])
    assert {each.subject for each in found.incomplete} == {str(ONE), str(TWO)}


def test_audio_of_another_size_counts_as_missing(files, empty):
    path = content_of(files, ONE, 2)
    path.chmod(0o600)
    path.write_bytes(b"cut")
    assert [each.subject for each in rebuilt(empty, files).left_out] == [str(ONE)]


def test_users_that_are_lost_leave_items_that_nobody_owns(files, empty):
    files.path("archive").unlink()
    found = rebuilt(empty, files)
    assert (found.items, found.users) == (2, 0)
    assert {each.subject for each in found.incomplete} == {"archive.json", "user maintainer"}
    assert {json.loads(text)["owner"] for text in everything(empty).values()} == {None}


def test_a_store_that_is_away_rebuilds_nothing(files, empty):
    (files.store.root / "store.json").unlink()
    with pytest.raises(Unavailable):
        rebuilt(empty, files)
    assert everything(empty) == {}


def test_audio_that_no_sidecar_knows_is_never_removed(services, files, empty, low):
    files.remove_all([str(TWO), str(ONE)])
    found = rebuilt(empty, files)
    assert (found.items, len(found.unclaimed)) == (0, 2)
    services.clock.advance(timedelta(days=400))
    janitor = MaintenanceService(
        empty, files.store, services.maintenance.in_thread, services.clock,
        services.maintenance.retention, replace(services.brake, database=empty),
    )  # fmt: skip
    for _ in range(2):
        result_of(janitor.tidy())
        result_of(janitor.sweep())
    assert len(list(files.store.contents())) == 2


def _lose_sector(path):
    path.unlink()
    path.symlink_to("/proc/self/mem")  # reading its beginning is an EIO


def test_a_sidecar_that_the_disk_cannot_read_costs_only_its_item(files, empty):
    _lose_sector(files.path(str(ONE)))
    found = rebuilt(empty, files)
    assert [each.subject for each in found.left_out] == [str(ONE)]
    assert everything(empty).keys() == {TWO}


def test_what_is_left_of_users_is_not_written_over(services, files, empty):
    files.path("archive").write_text("{half")
    found = rebuilt(empty, files)
    assert (found.items, found.users) == (2, 0)
    result_of(replace(services.sidecars, database=empty).catch_up())
    assert files.path("archive").with_suffix(".json.damaged").read_text() == "{half"
