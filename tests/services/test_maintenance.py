import contextlib
from datetime import timedelta

import pytest
from support import result_of

from archive_server.database import leases
from archive_server.database.connections import connect
from archive_server.errors import NotFound
from archive_server.model.leases import LeaseKind
from archive_server.services import down_time
from audio_store import ContentId

DAY = timedelta(days=1)


# What removes content commits, so each test has a database of its own.
pytestmark = pytest.mark.usefixtures("dsn")


def contents(services):
    return len(list(services.store.contents()))


def test_replaced_audio_is_kept_for_a_while(services, high, low):
    gunid = services.store_clip(high)
    services.store_clip(low, gunid=gunid)
    services.clock.advance(6 * DAY)
    result_of(services.maintenance.tidy())
    assert contents(services) == 2
    services.clock.advance(2 * DAY)
    result_of(services.maintenance.tidy())
    assert contents(services) == 1
    with pytest.raises(NotFound):
        result_of(services.downloads.revision(services.caller(), gunid, 1))


def test_the_trash_is_emptied_in_time(services, high):
    gunid = services.store_clip(high)
    result_of(services.clips.delete(services.caller(), gunid, forced=False))
    services.clock.advance(29 * DAY)
    result_of(services.maintenance.tidy())
    assert [clip.gunid for clip in result_of(services.clips.trashed())] == [gunid]
    services.clock.advance(2 * DAY)
    result_of(services.maintenance.tidy())
    assert result_of(services.clips.trashed()) == []
    assert contents(services) == 0


def test_bytes_that_another_clip_has_too_stay(services, high):
    gunid = services.store_clip(high)
    services.store_clip(high)
    result_of(services.clips.delete(services.caller(), gunid, forced=True))
    result_of(services.maintenance.tidy())
    assert contents(services) == 1


def test_an_expired_upload_goes_with_its_bytes(services):
    upload = result_of(services.clips.start_upload(services.caller(), None, "", "a.wav", ""))
    services.send(upload.token, b"some bytes")
    result_of(services.maintenance.tidy())
    assert services.store.staged_size(upload.token) == 10
    services.clock.advance(25 * timedelta(hours=1))
    result_of(services.maintenance.tidy())
    assert list(services.store.staged_tokens()) == []


def test_what_a_crash_left_behind_goes_after_a_time_of_grace(services, high):
    with services.store.stage("ab" * 16) as staged:
        staged.append(high)
    with services.store.stage("cd" * 16) as staged:
        staged.append(high)
        services.store.publish(staged, staged.digests())
    content_id = next(services.store.contents())
    services.store.link(content_id, "ef" * 16, "wav")
    result_of(services.maintenance.sweep())
    assert (contents(services), len(list(services.store.links()))) == (1, 1)
    assert len(list(services.store.staged_tokens())) == 1
    services.clock.advance(timedelta(days=2))
    result_of(services.maintenance.sweep())
    assert (contents(services), list(services.store.links())) == (0, [])
    assert list(services.store.staged_tokens()) == []


def test_what_is_in_use_is_no_left_over(services, high):
    gunid = services.store_clip(high)
    file = result_of(services.downloads.open_file(services.caller(), gunid))
    upload = result_of(services.clips.start_upload(services.caller(), None, "", "a.wav", ""))
    services.send(upload.token, b"some bytes")
    services.clock.advance(timedelta(hours=2))
    result_of(services.maintenance.sweep())
    assert contents(services) == 1
    assert file.path.read_bytes() == high
    assert services.store.staged_size(upload.token) == 10


def test_expired_sessions_are_forgotten(services, cursor):
    services.session_id()
    services.clock.advance(100 * DAY)
    result_of(services.maintenance.tidy())
    cursor.execute("SELECT count(*) FROM session")
    assert cursor.fetchone() == (0,)


def test_expired_leases_let_go_of_what_they_pinned(services, high):
    gunid = services.store_clip(high)
    result_of(services.downloads.open_audio(services.caller(), gunid))
    result_of(services.downloads.open_document(services.caller(), gunid))
    result_of(services.clips.delete(services.caller(), gunid, forced=True))
    services.clock.advance(2 * DAY)
    result_of(services.maintenance.tidy())
    assert contents(services) == 0


def test_content_that_is_wanted_again_is_not_removed(services, high):
    gunid = services.store_clip(high)
    result_of(services.clips.delete(services.caller(), gunid, forced=True))
    again = services.store_clip(high)
    result_of(services.maintenance.tidy())
    file = result_of(services.downloads.current(services.caller(), again))
    with file.content:
        assert file.content.read() == high
    assert services.store.size(ContentId(file.sha256)) == len(high)


def test_content_whose_release_went_unnoticed_is_found(services, cursor, high):
    gunid = services.store_clip(high)
    lease = result_of(services.downloads.open_audio(services.caller(), gunid))
    result_of(services.clips.delete(services.caller(), gunid, forced=True))
    # The janitor looks at the content, which is leased still, while the lease is being closed.
    result_of(services.downloads.close(lease.token, LeaseKind.AUDIO))
    cursor.execute("DELETE FROM released_content")
    result_of(services.maintenance.tidy())
    assert contents(services) == 1
    result_of(services.maintenance.sweep())
    result_of(services.maintenance.tidy())
    assert contents(services) == 0


def test_a_lease_that_is_being_used_at_its_last_moment_does_not_expire(services, dsn, high):
    gunid = services.store_clip(high)
    lease = result_of(services.downloads.open_audio(services.caller(), gunid))
    services.clock.advance(2 * DAY)
    with contextlib.closing(connect(dsn)) as reader, reader.cursor() as cursor:
        leases.touch(cursor, [lease.token], services.clock())
        result_of(services.maintenance.tidy())
        reader.commit()
    file = result_of(services.downloads.leased(lease.token, "wav"))
    file.content.close()


def test_a_time_in_which_the_archive_was_down_is_not_disuse(services, high):
    gunid = services.store_clip(high)
    lease = result_of(services.downloads.open_audio(services.caller(), gunid))
    upload = result_of(services.clips.start_upload(services.caller(), None, "", "a.wav", ""))
    services.send(upload.token, b"half of it")
    services.clock.advance(3 * DAY)
    result_of(services.database.run(down_time.forgive, services.clock()))
    result_of(services.maintenance.tidy())
    assert result_of(services.uploads.state(upload.token)).offset == 10
    file = result_of(services.downloads.leased(lease.token, "wav"))
    with file.content:
        assert file.content.read() == high
