"""Emptying the archive, and the sample."""

from dataclasses import replace

import pytest
from support import result_of

from archive_server.errors import Forbidden, NoSession, UnknownToken
from archive_server.model.clips import FileType
from archive_server.model.gunid import Gunid, IdStyle
from archive_server.model.leases import LeaseKind
from archive_server.model.search import Criteria
from archive_server.model.users import Role
from archive_server.sample import catalogue
from archive_server.services.reset import ResetPolicy

ALL = Criteria.build(file_type="all")


@pytest.fixture
def reset(services):
    """Resets the archive, where that is allowed."""
    services.session_id(Role.ADMIN)  # makes the administrator
    allowed = replace(services.reset, policy=ResetPolicy(True, IdStyle.LIVESUPPORT))

    def do(*, load_sample: bool = False, end_sessions: bool = False):
        return result_of(allowed.reset(load_sample=load_sample, end_sessions=end_sessions))

    return do


def rows(cursor, query):
    cursor.execute(query)
    return cursor.fetchall()


def test_unless_it_is_allowed_nothing_happens(services, wav):
    gunid = services.store_clip(wav)
    with pytest.raises(Forbidden, match=r"\[testing\] allow_reset"):
        result_of(services.reset.reset(load_sample=False, end_sessions=False))
    assert result_of(services.clips.exists(services.caller(), gunid))


def test_nothing_is_left(services, reset, wav, cursor):
    caller = services.caller()
    gunid, trashed = services.store_clip(wav), services.store_clip(wav)
    result_of(services.clips.delete(caller, trashed, forced=False))
    upload = result_of(services.clips.start_upload(caller, None, "", "x.wav", ""))
    services.send(upload.token, wav)
    lease = result_of(services.downloads.open_audio(caller, gunid))
    file = result_of(services.downloads.open_file(caller, gunid))
    document = result_of(services.downloads.open_document(caller, gunid))
    job = result_of(services.jobs.start(caller, "nothing", {}))
    cursor.execute("INSERT INTO user_preference SELECT user_id, 'eye_color', 'blue' FROM users")

    assert reset() == result_of(services.search.find(caller, ALL))
    assert result_of(services.search.find(caller, ALL)).total == 0
    for table in ("clip", "revision", "document", "upload", "lease", "job", "user_preference"):
        assert rows(cursor, f"SELECT * FROM {table}") == [], table
    assert not file.path.exists()
    assert list(services.store.staged_tokens()) == []
    for token, kind in ((lease.token, LeaseKind.AUDIO), (document.token, LeaseKind.DOCUMENT)):
        with pytest.raises(UnknownToken):
            result_of(services.downloads.close(token, kind))
    with pytest.raises(UnknownToken):
        result_of(services.jobs.state(job, ["nothing"]))


def test_the_bytes_go_when_the_janitor_comes(dsn, services, reset, wav):
    services.store_clip(wav)
    reset()
    result_of(services.maintenance.tidy())
    assert list(services.store.contents()) == []


def test_what_went_is_in_the_journal(services, reset, wav, cursor):
    gunid = services.store_clip(wav)
    reset()
    events = "SELECT event, gunid, login FROM journal WHERE gunid IS NOT NULL ORDER BY number"
    assert rows(cursor, events) == [
        ("created", gunid.uuid, "maintainer"),
        ("deleted", gunid.uuid, None),
    ]


def test_sessions_go_on_unless_they_shall_end(services, reset):
    session_id = services.session_id()
    reset()
    assert result_of(services.sessions.caller(session_id)).login == "maintainer"
    reset(end_sessions=True)
    with pytest.raises(NoSession):
        result_of(services.sessions.caller(session_id))


def test_users_become_those_of_a_new_archive(services, reset, cursor):
    services.session_id(Role.MAINTAINER)
    rules = "SELECT action, allows FROM rule WHERE group_id IS NOT NULL ORDER BY action"
    usual = rows(cursor, rules)
    cursor.execute("INSERT INTO user_group (name) VALUES ('Editors')")
    cursor.execute(
        "INSERT INTO rule (group_id, action, allows)"
        " SELECT group_id, 'write', false FROM user_group WHERE name = 'Editors'"
    )
    reset(end_sessions=True)
    assert rows(cursor, "SELECT login, role FROM users") == [("admin", "admin")]
    assert rows(cursor, "SELECT name FROM user_group ORDER BY name") == [
        ("Admins",),
        ("All",),
        ("Maintainers",),
        ("StationPrefs",),
    ]
    assert rows(cursor, rules) == usual
    assert services.session_id(Role.ADMIN), "the administrator has the old password"


def test_the_audio_of_the_sample_is_as_long_as_its_documents_say(services, reset, cursor):
    reset(load_sample=True)
    for clip in catalogue.CLIPS:
        assert clip.path.stat().st_size < 250_000
    measured = rows(
        cursor,
        "SELECT file_name, duration_us / 1e6 FROM clip JOIN revision USING (clip_id) ORDER BY 1",
    )
    assert [(name, float(seconds)) for name, seconds in measured] == [
        ("ex1.mp3", 3.0),
        ("ex2.ogg", 600.0),
        ("ex3.wav", 60.0),
        ("test10001.mp3", 11.0),
        ("test10002.mp3", 12.2),
        ("test10003.mp3", 11.5),
    ]
    assert sum(clip.path.stat().st_size for clip in catalogue.CLIPS) < 400_000


def test_the_sample_is_what_tests_of_the_old_clients_know(services, reset):
    page = reset(load_sample=True)
    clips = [hit for hit in page.hits if hit.file_type is FileType.AUDIO_CLIP]
    assert [(hit.title, hit.length, hit.creator) for hit in clips] == [
        ("File2 Title txt", "00:10:00.000000", "John X2"),
        ("File Title txt", "00:00:03.000000", "János Kőbor"),
        ("Fil Title3 txt", "00:01:00.000000", "John Y"),
        ("one", "00:00:11.000000", ""),
        ("three", "00:00:11.500000", ""),
        ("two", "00:00:12.200000", ""),
    ]
    assert [str(hit.gunid) for hit in clips if hit.title in ("one", "File Title txt")] == [
        "123456789abcdef1",
        "0000000000010001",
    ]
    others = [(str(hit.gunid), hit.title, hit.length, hit.creator) for hit in page.hits[6:]]
    assert others == [
        ("0000000000000003", "embedded playlist", "01:30:11.500000", ""),
        ("0000000000000001", "My First Playlist", "01:30:00.000000", "Me, myself and I"),
        ("0000000000000002", "My Second Playlist", "00:00:29.700000", "Nobody"),
        ("f000000000000001", "Webstream test 1", "01:30:00.000000", ""),
    ]
    assert all(hit.gunid < Gunid.parse("8000000000000000") for hit in clips)


def test_it_can_be_done_twice(reset):
    assert reset(load_sample=True).total == reset(load_sample=True).total
