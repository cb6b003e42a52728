"""Sidecars say what the database says, whatever was changed by whom."""

import contextlib
import json

import pytest
from psycopg2.errors import QueryCanceled
from support import result_of

from archive_server.database import (
    groups,
    object_classes,
    preferences,
    records,
    sidecars,
    stores,
    users,
)
from archive_server.database.connections import connect
from archive_server.errors import Unavailable
from archive_server.model.gunid import Gunid
from archive_server.model.permissions import Object
from archive_server.model.rights import Action
from archive_server.model.users import Role
from archive_server.services import sidecars as stepping
from archive_server.services.sidecar_checking import SidecarChecking
from audio_store import Sidecars

ONE = Gunid.parse("00000000000000a1")
TWO = Gunid.parse("00000000000000a2")


@pytest.fixture
def archive(services):
    result_of(services.database.run(stores.add, services.store.store_id))
    return services


@pytest.fixture
def files(archive):
    return Sidecars(archive.store)


def caught_up(archive):
    result_of(archive.sidecars.catch_up())
    assert not result_of(archive.sidecars.is_due())


def agree(archive, files):
    """Whether every sidecar says what the rows say, and there is one of each item."""
    texts = {str(gunid): text for gunid, text in result_of(archive.database.run(_all_items))}
    assert set(files.names()) == texts.keys()
    for name, text in texts.items():
        assert files.read(name).decode() == f"{text}\n"
    said, is_so = (
        json.loads(text)
        for text in (files.read("archive"), result_of(archive.database.run(records.archive)))
    )
    assert said | {"last_event": 0} == is_so | {"last_event": 0}
    return True


def _all_items(cursor):
    return list(records.all_items(cursor))


def test_an_archive_that_has_none_gets_all(archive, files, wav, high, monkeypatch):
    monkeypatch.setattr(stepping, "_BATCH", 2)
    for sound in (wav, high, wav, high, wav):
        archive.store_clip(sound)
    caught_up(archive)
    assert len(list(files.names())) == 5
    assert agree(archive, files)


def test_what_is_stored_replaced_described_trashed_and_restored_is_told(archive, files, wav, high):
    caught_up(archive)
    caller = archive.caller()
    for change in (
        lambda: archive.store_clip(wav, gunid=ONE),
        lambda: archive.store_clip(high, gunid=ONE),
        lambda: result_of(archive.clips.describe(caller, ONE, _document("other"))),
        lambda: result_of(archive.clips.delete(caller, ONE, forced=False)),
        lambda: result_of(archive.clips.restore(ONE)),
        lambda: result_of(archive.playlists.create(caller, TWO, "list")),
    ):
        change()
        caught_up(archive)
        assert agree(archive, files)


def _document(title):
    return f"<audioClip><metadata><dc:title>{title}</dc:title></metadata></audioClip>"


def test_what_is_deleted_for_good_has_none_any_more(archive, files, wav):
    archive.store_clip(wav, gunid=ONE)
    caught_up(archive)
    assert list(files.names()) == [str(ONE)]
    result_of(archive.clips.delete(archive.caller(), ONE, forced=True))
    caught_up(archive)
    assert list(files.names()) == []


def test_what_the_journal_does_not_tell_is_told_too(archive, files, wav, high):
    archive.store_clip(wav, gunid=ONE)
    archive.store_clip(high, gunid=ONE)
    other = archive.caller(Role.ADMIN)
    caught_up(archive)
    clip, whole = Object.parse(str(ONE)), Object.parse("archive")
    permissions, database = archive.administration.permissions, archive.database
    for change in (
        lambda: result_of(permissions.put(None, "admin", Action.READ, clip, allows=False)),
        lambda: result_of(permissions.put(None, "admin", Action.READ, whole, allows=True)),
        lambda: result_of(permissions.revoke(None, "admin", Action.READ, clip)),
        lambda: result_of(database.run(object_classes.add, "jingles")),
        lambda: result_of(database.run(object_classes.put, "jingles", clip)),
        lambda: result_of(database.run(object_classes.remove, "jingles")),
        lambda: result_of(database.run(groups.add, "night shift")),
        lambda: result_of(database.run(preferences.save, other.user_id, "key", "value")),
        lambda: result_of(database.run(users.change_password, "admin", "hash")),
        lambda: result_of(database.run(users.change_role, "admin", Role.CLIENT)),
        lambda: result_of(database.run(_drop_replaced)),
        lambda: result_of(database.run(_rename)),
        lambda: result_of(database.run(users.remove, "somebody else")),
    ):
        change()
        assert result_of(archive.sidecars.is_due())
        caught_up(archive)
        assert agree(archive, files)
    assert json.loads(files.read(str(ONE)))["owner"] is None


def _drop_replaced(cursor):
    cursor.execute("DELETE FROM revision WHERE superseded_at IS NOT NULL")
    assert cursor.rowcount == 1


def _rename(cursor):
    cursor.execute("UPDATE users SET login = 'somebody else' WHERE login = 'maintainer'")
    assert cursor.rowcount == 1


def test_accesses_are_nothing_to_write_down(archive, files, wav):
    archive.store_clip(wav, gunid=ONE)
    caught_up(archive)
    files.remove_all([str(ONE)])
    result_of(
        archive.database.run(
            lambda cursor: cursor.execute(
                "INSERT INTO journal (at, event, gunid) VALUES (now(), 'accessed', %s)", (ONE,)
            )
        )
    )
    caught_up(archive)
    assert list(files.names()) == []


def test_a_journal_that_is_kept_no_more_means_to_look_at_everything(archive, files, wav):
    caught_up(archive)
    archive.store_clip(wav, gunid=ONE)
    result_of(archive.database.run(_prune))
    caught_up(archive)
    assert agree(archive, files)


def _prune(cursor):
    cursor.execute("DELETE FROM journal")
    cursor.execute("UPDATE journal_pruned SET through = (SELECT last_value FROM journal_number)")


def test_while_the_store_is_away_nothing_is_forgotten(archive, files, wav):
    archive.store_clip(wav, gunid=ONE)
    identity = archive.store.root / "store.json"
    identity.rename(identity.with_suffix(".away"))
    with pytest.raises(Unavailable):
        result_of(archive.sidecars.step())
    assert not (archive.store.root / "items").exists()
    identity.with_suffix(".away").rename(identity)
    caught_up(archive)
    assert agree(archive, files)


def test_one_that_the_disk_cannot_read_is_replaced_and_stops_no_other(archive, files, wav):
    archive.store_clip(wav, gunid=ONE)
    caught_up(archive)
    path = files.path(str(ONE))
    path.unlink()
    path.symlink_to("/proc/self/mem")  # reading its beginning is an EIO
    result_of(SidecarChecking(archive.database, files).check())
    archive.store_clip(wav, gunid=TWO)
    caught_up(archive)
    assert agree(archive, files)


def test_of_two_writers_one_waits(dsn, archive, files, wav, postgres):
    archive.store_clip(wav, gunid=ONE)
    other = connect(dsn)
    with other.cursor() as cursor:
        assert sidecars.is_only_writer(cursor)
        assert not result_of(archive.sidecars.step())
        assert list(files.names()) == []
    other.rollback()
    other.close()
    caught_up(archive)
    assert agree(archive, files)


def test_who_asks_for_another_pass_during_a_step_gets_it(dsn, archive, files, wav, postgres):
    archive.caller()
    archive.store_clip(wav, gunid=ONE)
    caught_up(archive)
    archive.database.connection.commit()
    with contextlib.closing(connect(dsn)) as other:
        with other.cursor() as cursor:
            before = sidecars.progress(cursor)
            with pytest.raises(QueryCanceled):
                result_of(archive.database.run(_rename_all, "SET LOCAL statement_timeout = 200"))
            sidecars.note(cursor, before)
        other.commit()
    result_of(archive.database.run(_rename_all))
    caught_up(archive)
    assert agree(archive, files)


def _rename_all(cursor, first="SELECT"):
    cursor.execute(f"{first}; UPDATE users SET login = login || '2'")


def test_how_far_they_are_behind_is_told(archive, wav):
    archive.caller()
    caught_up(archive)
    assert result_of(archive.database.run(sidecars.behind)) == (0, None)
    archive.store_clip(wav, gunid=ONE)
    behind, since = result_of(archive.database.run(sidecars.behind))
    assert (behind, since) == (1, archive.clock())
