from dataclasses import replace
from datetime import timedelta
from hashlib import md5

import pytest
from support import immediately, result_of
from twisted.internet.defer import fail

from archive_server.database import uploads
from archive_server.errors import (
    RefusedAudio,
    TooLarge,
    Unavailable,
    UnknownToken,
    UploadBusy,
    WrongOffset,
    WrongToken,
)


@pytest.fixture
def token(services):
    return result_of(services.clips.start_upload(services.caller(), None, "", "a.wav", "")).token


def receive(services, token, block, start=None, total=None):
    receiving = result_of(services.uploads.receive(token, start, total))
    try:
        result_of(receiving.append(block))
    finally:
        state = result_of(receiving.finish())
    return state


def test_an_upload_goes_on_where_it_stopped(services, token, high):
    receive(services, token, high[:1000], total=len(high))
    assert result_of(services.uploads.state(token)).offset == 1000
    receive(services, token, high[1000:], start=1000, total=len(high))
    gunid = result_of(services.clips.finish_upload(services.caller(), token))
    file = result_of(services.downloads.current(services.caller(), gunid))
    with file.content:
        assert file.content.read() == high


@pytest.mark.parametrize("start", [0, 999, 1001, 10**15])
def test_bytes_for_another_place_are_refused_and_the_right_place_is_told(services, token, start):
    receive(services, token, b"x" * 1000)
    with pytest.raises(WrongOffset) as refused:
        receive(services, token, b"y", start=start)
    assert refused.value.offset == 1000
    assert result_of(services.uploads.state(token)).offset == 1000


def test_without_an_offset_an_upload_begins_afresh(services, token):
    receive(services, token, b"x" * 1000)
    assert receive(services, token, b"y" * 10).offset == 10


def test_two_cannot_send_at_once(services, token):
    first = result_of(services.uploads.receive(token, None, None))
    with pytest.raises(UploadBusy):
        result_of(services.uploads.receive(token, None, None))
    result_of(first.finish())
    receive(services, token, b"now")


def test_more_than_was_announced_is_refused(services, token):
    with pytest.raises(WrongOffset):
        receive(services, token, b"x" * 11, total=10)


def test_a_resumed_upload_cannot_have_another_size(services, token):
    receive(services, token, b"x" * 10, total=100)
    with pytest.raises(WrongOffset):
        receive(services, token, b"x", start=10, total=101)
    assert result_of(services.uploads.state(token)).total == 100


def test_more_than_the_station_allows_is_refused(services, token):
    small = replace(services.uploads, policy=replace(services.uploads.policy, largest_bytes=10))
    with pytest.raises(TooLarge):
        result_of(small.receive(token, None, 11))
    receiving = result_of(small.receive(token, None, None))
    with pytest.raises(TooLarge):
        result_of(receiving.append(b"x" * 11))
    result_of(receiving.finish())


def test_an_upload_nobody_uses_expires(services, token):
    services.clock.advance(timedelta(hours=23))
    receive(services, token, b"still here")
    services.clock.advance(timedelta(hours=25))
    with pytest.raises(UnknownToken):
        result_of(services.uploads.state(token))


def test_a_lease_takes_no_bytes(services, high):
    gunid = services.store_clip(high)
    lease = result_of(services.downloads.open_audio(services.caller(), gunid))
    with pytest.raises(WrongToken):
        receive(services, lease.token, b"x")


def test_a_job_takes_no_bytes(services):
    token = result_of(services.jobs.start(services.caller(), "a kind", {}))
    with pytest.raises(WrongToken):
        receive(services, token, b"x")


def test_digests_that_no_longer_hold_are_forgotten_before_the_first_byte(services, token, cursor):
    receive(services, token, b"first")
    receiving = result_of(services.uploads.receive(token, None, None))
    cursor.execute("SELECT sha256, digested_size FROM upload WHERE token = %s", (token,))
    assert cursor.fetchone() == (None, None)
    result_of(receiving.finish())


def test_nothing_is_received_while_the_store_is_away(services, token, tmp_path):
    (tmp_path / "store").rename(tmp_path / "elsewhere")
    with pytest.raises(Unavailable):
        receive(services, token, b"x")
    (tmp_path / "elsewhere").rename(tmp_path / "store")
    receive(services, token, b"x")


def test_more_bytes_than_can_be_counted_are_refused(services, token):
    with pytest.raises(TooLarge):
        result_of(services.uploads.receive(token, None, 2**63))


def test_nothing_is_received_for_an_upload_that_ends_just_then(services, token, high):
    services.send(token, high)
    closing = [services.clips.finish_upload(services.caller(), token)]

    def closed_meanwhile(work, *args, **more):
        while closing:
            result_of(closing.pop())
        return immediately(work, *args, **more)

    uploads = replace(services.uploads, in_thread=closed_meanwhile)
    with pytest.raises(UnknownToken):
        result_of(uploads.receive(token, None, len(high)))


def test_what_was_sent_as_a_whole_may_be_a_first_piece(services, token, high):
    """A request without Content-Range tells no more than its own length."""
    receive(services, token, high[:1000], total=1000)
    receive(services, token, high[1000:], start=1000, total=len(high))
    result_of(services.clips.finish_upload(services.caller(), token))


def test_what_was_broken_off_is_not_gone_on_with_as_something_else(services, token):
    receive(services, token, b"x" * 1000, total=5000)
    with pytest.raises(WrongOffset, match="was to be 5000 bytes, not 6000"):
        receive(services, token, b"y", start=1000, total=6000)
    receive(services, token, b"y", start=1000, total=5000)
    assert result_of(services.uploads.state(token)).offset == 1001


def test_digests_of_bytes_that_came_just_before_are_not_believed_of_later_ones(
    services, high, monkeypatch
):
    caller, other = services.caller(), high[:-1] + bytes([high[-1] ^ 1])
    announced = md5(high, usedforsecurity=False).hexdigest()
    token = result_of(services.clips.start_upload(caller, None, "", "a.wav", announced)).token
    note = services.database.note
    seen = []

    def note_with_a_rival(work, *args, **kwargs):
        seen.append(work)
        if work is uploads.note_total and seen.count(uploads.note_total) == 2:
            return fail(Unavailable("the database is away"))
        done = note(work, *args, **kwargs)
        if seen == [uploads.use]:  # another one sends all, and is through before we can begin
            receive(services, token, high)
        return done

    with monkeypatch.context() as patched:
        patched.setattr(services.database, "note", note_with_a_rival)
        with pytest.raises(Unavailable):
            receive(services, token, other)
    with pytest.raises(RefusedAudio):
        result_of(services.clips.finish_upload(caller, token))
