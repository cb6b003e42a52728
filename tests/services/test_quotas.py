"""What a user may have: uploads at a time, and bytes, counted so that two cannot take the last."""

import threading
from dataclasses import replace
from datetime import timedelta

import pytest
from services.conftest import sound
from support import result_of

from archive_server.database import usage
from archive_server.database.transactions import Transactions
from archive_server.errors import QuotaExceeded, TooManyUploads
from archive_server.model.uploads import Purpose, Upload, new_token
from archive_server.model.users import Role
from archive_server.services.quotas import Quota, add_upload, require_room

SMALL, LARGE = sound(0.1), sound(0.3, 880)


@pytest.fixture
def bounded(services):
    """Gives the services, where each user may have so much."""

    def services_with(**quota):
        bounds = Quota(**quota)
        policy = replace(services.uploads.policy, quota=bounds)
        uploads = replace(services.uploads, policy=policy)
        publisher = replace(services.clips.publisher, quota=bounds)
        clips = replace(services.clips, uploads=uploads, publisher=publisher)
        return replace(services, uploads=uploads, clips=clips)

    return services_with


def begin(services, role=Role.MAINTAINER, gunid=None):
    return result_of(services.clips.start_upload(services.caller(role), gunid, "", "a.wav", ""))


def owned(services, role=Role.MAINTAINER):
    user_id = services.caller(role).user_id
    return result_of(services.database.run(usage.stored_bytes, user_id))


def test_a_user_may_have_so_many_uploads_at_a_time(bounded):
    services = bounded(uploads=2)
    first = begin(services)
    result_of(services.uploads.start(services.caller(), Purpose.IMPORT, "a.tar", ""))
    with pytest.raises(TooManyUploads, match="2 uploads at a time"):
        begin(services)
    with pytest.raises(TooManyUploads):
        result_of(services.uploads.start(services.caller(), Purpose.IMPORT, "a.tar", ""))
    services.send(first.token, SMALL)
    result_of(services.clips.finish_upload(services.caller(), first.token))
    begin(services)


def test_others_have_theirs(bounded):
    services = bounded(uploads=1, bytes=len(SMALL))
    services.store_clip(SMALL)
    begin_as_another(services)


def begin_as_another(services):
    made = services.administration.users
    result_of(made.add(None, "other", "a password", Role.MAINTAINER))
    session = result_of(services.sessions.log_in("other", "a password", "127.0.0.1"))
    caller = result_of(services.sessions.caller(session))
    return result_of(services.clips.start_upload(caller, None, "", "a.wav", ""))


def test_uploads_that_have_expired_do_not_count(bounded):
    services = bounded(uploads=1)
    begin(services)
    services.clock.advance(services.uploads.policy.idle)
    begin(services)


def test_administrators_have_no_bound(bounded):
    services = bounded(uploads=1, bytes=1)
    for _ in range(3):
        upload = begin(services, Role.ADMIN)
        services.send(upload.token, SMALL)
        result_of(services.clips.finish_upload(services.caller(Role.ADMIN), upload.token))
    assert owned(services, Role.ADMIN) == 3 * len(SMALL)


def test_each_revision_counts_and_what_is_in_the_trash(bounded):
    services = bounded(bytes=2 * len(SMALL))
    gunid = services.store_clip(SMALL)
    services.store_clip(SMALL, gunid=gunid)
    result_of(services.clips.delete(services.caller(), gunid, forced=False))
    assert owned(services) == 2 * len(SMALL)
    with pytest.raises(QuotaExceeded, match=f"own {2 * len(SMALL)} bytes"):
        begin(services)
    result_of(services.clips.delete(services.caller(), gunid, forced=True))
    begin(services)


def test_bytes_that_were_announced_are_refused_before_they_come(bounded):
    services = bounded(bytes=len(LARGE) - 1)
    upload = begin(services)
    with pytest.raises(QuotaExceeded, match=f"room for {len(LARGE) - 1} bytes"):
        result_of(services.uploads.receive(upload.token, None, len(LARGE)))
    assert result_of(services.uploads.state(upload.token)).offset == 0
    services.send(upload.token, SMALL)
    result_of(services.clips.finish_upload(services.caller(), upload.token))


def test_bytes_that_were_not_are_refused_as_they_come(bounded):
    services = bounded(bytes=len(LARGE))
    upload = begin(services)
    receiving = result_of(services.uploads.receive(upload.token, None, None))
    result_of(receiving.append(LARGE))
    with pytest.raises(QuotaExceeded):
        result_of(receiving.append(b"x"))
    assert result_of(receiving.finish()).offset == len(LARGE)


def test_what_other_uploads_have_announced_is_taken(bounded):
    services = bounded(bytes=len(LARGE) + len(SMALL))
    first, second = begin(services), begin(services)
    services.send(first.token, LARGE)
    with pytest.raises(QuotaExceeded, match=f"room for {len(SMALL)} bytes"):
        result_of(services.uploads.receive(second.token, None, len(SMALL) + 1))
    result_of(result_of(services.uploads.receive(first.token, None, len(LARGE))).finish())


def test_a_clip_that_does_not_fit_leaves_the_archive_as_it_was(bounded):
    services = bounded(bytes=len(LARGE) + len(SMALL) - 1)
    gunid = services.store_clip(SMALL)
    caller = services.caller()
    upload = begin(bounded(), gunid=gunid)
    bounded().send(upload.token, LARGE)
    with pytest.raises(QuotaExceeded):
        result_of(services.clips.finish_upload(caller, upload.token))
    assert owned(services) == len(SMALL)
    file = result_of(services.downloads.current(caller, gunid))
    with file.content:
        assert file.size == len(SMALL)
    # Nothing is lost: with more room it is closed as it is.
    result_of(bounded().clips.finish_upload(caller, upload.token))
    assert owned(services) == len(SMALL) + len(LARGE)


def test_a_replaced_clip_counts_for_its_owner(bounded):
    services = bounded(bytes=len(SMALL))
    gunid = services.store_clip(SMALL)
    upload = begin(services, Role.ADMIN, gunid)
    services.send(upload.token, SMALL)
    with pytest.raises(QuotaExceeded):
        result_of(services.clips.finish_upload(services.caller(Role.ADMIN), upload.token))


def test_two_at_once_cannot_both_have_the_last(dsn, services):
    user_id = services.caller().user_id
    services.database.connection.commit()
    transactions = Transactions(dsn)
    outcomes, barrier = [], threading.Barrier(8)

    def upload():
        return Upload(
            new_token(), user_id, None, "x", None, None, None, None, services.clock(),
            Purpose.IMPORT,
        )  # fmt: skip

    def take():
        barrier.wait()
        try:
            old = services.clock() - timedelta(days=1)
            transactions.perform(add_upload, Quota(uploads=5), upload(), old)
            outcomes.append("in")
        except TooManyUploads:
            outcomes.append("out")

    threads = [threading.Thread(target=take) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    transactions.close()
    assert sorted(outcomes) == ["in"] * 5 + ["out"] * 3


def test_room_is_asked_for_under_a_lock(dsn, services):
    """Who asks second waits for what the first adds."""
    user_id = services.caller().user_id
    services.database.connection.commit()
    transactions = Transactions(dsn)
    asked, answered = threading.Event(), threading.Event()

    def first(cursor):
        require_room(cursor, Quota(bytes=10), user_id, 10)
        asked.set()
        assert not answered.wait(0.3)

    def second():
        asked.wait()
        transactions.perform(require_room, Quota(bytes=10), user_id, 10)
        answered.set()

    waiting = threading.Thread(target=second)
    waiting.start()
    transactions.perform(first)
    waiting.join()
    assert answered.is_set()
    transactions.close()
