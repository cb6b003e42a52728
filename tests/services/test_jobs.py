import contextlib
import os
from dataclasses import replace
from datetime import timedelta

import pytest
from support import result_of

from archive_server.database import users
from archive_server.database.connections import connect
from archive_server.errors import Conflict, NotFound, TooManyJobs, UnknownToken, WrongToken
from archive_server.model.jobs import JobStatus
from archive_server.model.users import Role
from archive_server.services.jobs import SILENCE, fault_of
from archive_server.services.quotas import Quota

DAY = timedelta(days=1)


@pytest.fixture
def jobs(services):
    return services.jobs


@pytest.fixture
def caller(services):
    return services.caller()


def started(jobs, caller, kind="render", **parameters):
    return result_of(jobs.start(caller, kind, parameters))


def claimed(jobs, *kinds):
    job = result_of(jobs.claim(kinds or ("render",)))
    if job is not None:
        result_of(jobs.make_directory(job))
    return job


def state(jobs, token, kind="render"):
    return result_of(jobs.state(token, [kind]))


def test_a_job_waits_is_done_and_tells_its_result(jobs, caller):
    token = started(jobs, caller, plid="x")
    assert (state(jobs, token).status, state(jobs, token).progress) == (JobStatus.WORKING, 0)
    job = claimed(jobs)
    assert (job.token, job.kind, job.parameters) == (token, "render", {"plid": "x"})
    assert job.caller == caller
    assert result_of(jobs.beat(job, 0.25))
    assert state(jobs, token).progress == 0.25
    result_of(jobs.succeed(job, {"gunid": "y"}))
    ended = state(jobs, token)
    assert (ended.status, ended.result, ended.progress) == ("success", {"gunid": "y"}, 1)


def test_a_fault_is_told_and_its_files_go(jobs, caller):
    token = started(jobs, caller)
    job = claimed(jobs)
    (job.directory / "half").write_text("done")
    result_of(jobs.fail(job, "there is no clip 1"))
    assert (state(jobs, token).status, state(jobs, token).fault) == ("fault", "there is no clip 1")
    assert not job.directory.exists()


def test_the_oldest_job_comes_first_and_each_to_one_only(services, jobs, caller):
    first = started(jobs, caller)
    services.clock.advance(timedelta(seconds=1))
    second = started(jobs, caller)
    assert [claimed(jobs).token, claimed(jobs).token] == [first, second]
    assert claimed(jobs) is None


def test_jobs_of_other_kinds_are_left_to_others(jobs, caller):
    started(jobs, caller, "backup")
    assert claimed(jobs, "render", "restore") is None
    assert claimed(jobs, "render", "backup") is not None


def test_a_job_whose_holder_is_silent_begins_anew(services, jobs, caller):
    token = started(jobs, caller)
    dead = claimed(jobs)
    (dead.directory / "half").write_text("done")
    result_of(jobs.beat(dead, 0.5))
    services.clock.advance(SILENCE - timedelta(seconds=1))
    assert claimed(jobs) is None
    services.clock.advance(timedelta(seconds=1))
    heir = claimed(jobs)
    assert heir.token == token
    assert list(heir.directory.iterdir()) == []
    assert state(jobs, token).progress == 0
    assert not result_of(jobs.beat(dead, 0.6))


def test_who_was_taken_for_dead_can_neither_end_the_job_nor_remove_its_files(
    services, jobs, caller
):
    token = started(jobs, caller)
    slow = claimed(jobs)
    services.clock.advance(SILENCE)
    heir = claimed(jobs)
    result_of(jobs.succeed(slow, {"by": "slow"}))
    result_of(jobs.fail(slow, "slow"))
    result_of(jobs.give_back(slow))
    assert state(jobs, token).status == "working"
    assert heir.directory.is_dir()
    result_of(jobs.succeed(heir, {"by": "heir"}))
    assert state(jobs, token).result == {"by": "heir"}


def test_a_job_that_ends_every_process_is_given_up(services, jobs, caller):
    token = started(jobs, caller)
    for _ in range(3):
        assert claimed(jobs) is not None
        services.clock.advance(SILENCE)
    assert claimed(jobs) is None
    assert state(jobs, token).fault == "the server ended each time this was tried"


def test_what_is_given_back_may_be_begun_at_once_and_any_number_of_times(jobs, caller):
    started(jobs, caller)
    for _ in range(5):
        job = claimed(jobs)
        assert job is not None
        result_of(jobs.give_back(job))


def test_closing_forgets_a_job_and_cancels_who_does_it(jobs, caller):
    token = started(jobs, caller)
    job = claimed(jobs)
    assert result_of(jobs.close(token, ["render"])).status == "working"
    assert not job.directory.exists()
    assert not result_of(jobs.beat(job, 0.5))
    job.directory.mkdir()
    result_of(jobs.succeed(job, {}))
    assert not job.directory.exists()
    with pytest.raises(UnknownToken):
        state(jobs, token)
    with pytest.raises(UnknownToken):
        result_of(jobs.close(token, ["render"]))


def test_a_token_opens_only_what_it_is_for(services, jobs, caller, high):
    backup = started(jobs, caller, "backup")
    upload = result_of(services.clips.start_upload(caller, None, "", "a.ogg", ""))
    lease = result_of(services.downloads.open_audio(caller, services.store_clip(high)))
    for token in (backup, upload.token, lease.token):
        for use in (jobs.state, jobs.close):
            with pytest.raises(WrongToken):
                result_of(use(token, ["render", "rss"]))
    for token in ("", "0" * 32, "../" * 10 + "ab", "g" * 32):
        for use in (jobs.state, jobs.close):
            with pytest.raises(UnknownToken):
                result_of(use(token, ["render"]))
    assert state(jobs, backup, "backup").status == "working"


def test_the_directory_lets_others_pass_but_not_look_around(jobs, caller):
    umask = os.umask(0o077)
    try:
        started(jobs, caller)
        job = claimed(jobs)
    finally:
        os.umask(umask)
    for directory in (jobs.directory, job.directory):
        assert directory.stat().st_mode & 0o777 == 0o711


def test_a_link_in_the_place_of_the_directory_leads_nowhere(jobs, caller, tmp_path):
    other = tmp_path / "other"
    other.mkdir()
    (other / "precious").touch()
    token = started(jobs, caller)
    jobs.directory.mkdir()
    (jobs.directory / token).symlink_to(other)
    job = result_of(jobs.claim(["render"]))
    with pytest.raises(OSError, match=f"symbolic link|{token}"):  # so says 3.11; or 3.13
        result_of(jobs.make_directory(job))
    assert (jobs.directory / token).is_symlink()
    assert (other / "precious").exists()


def test_ended_jobs_and_their_files_go_after_a_week(services, jobs, caller):
    token = started(jobs, caller)
    job = claimed(jobs)
    result_of(jobs.succeed(job, {}))
    waiting = started(jobs, caller)
    services.clock.advance(6 * DAY)
    result_of(jobs.tidy())
    assert state(jobs, token).status == "success"
    assert job.directory.exists()
    services.clock.advance(2 * DAY)
    result_of(jobs.tidy())
    assert not job.directory.exists()
    with pytest.raises(UnknownToken):
        state(jobs, token)
    assert state(jobs, waiting).status == "working"


def test_files_of_no_job_are_removed_and_what_is_not_ours_stays(jobs):
    jobs.directory.mkdir()
    (jobs.directory / ("a" * 32)).mkdir()
    (jobs.directory / "notes.txt").touch()
    result_of(jobs.tidy())
    assert [path.name for path in jobs.directory.iterdir()] == ["notes.txt"]


def test_the_job_of_a_user_who_is_gone_ends_with_a_fault(services, jobs, caller):
    token = started(jobs, caller)
    result_of(services.database.run(users.remove, caller.login))
    assert claimed(jobs) is None
    assert state(jobs, token).fault == "the user who asked for this is gone"


def test_however_many_asked_who_are_gone_the_next_job_is_found(services, jobs, caller):
    tokens = [started(jobs, caller) for _ in range(1100)]
    result_of(services.database.run(users.remove, caller.login))
    services.clock.advance(timedelta(seconds=1))  # of the same moment, tokens decide who is first
    last = started(jobs, services.caller(Role.ADMIN))
    assert claimed(jobs).token == last
    assert state(jobs, tokens[-1]).fault == "the user who asked for this is gone"


def test_a_job_that_another_process_is_just_claiming_is_passed_over(jobs, caller, dsn):
    started(jobs, caller)
    with contextlib.closing(connect(dsn)) as other, other, other.cursor() as cursor:
        cursor.execute("SELECT FROM job FOR UPDATE")
        assert claimed(jobs) is None
    assert claimed(jobs) is not None


def test_faults_are_sentences_for_the_caller_or_none():
    assert fault_of(NotFound("there is no clip 1")) == "there is no clip 1"
    assert fault_of(Conflict("busy")) == "busy"
    assert fault_of(OSError(28, "No space left on device", "/srv/x")) == (
        "there is no room on the archive's disk"
    )
    assert fault_of(ValueError("/srv/secret")) is None


def test_a_user_may_have_so_many_jobs_wait(services, jobs, caller):
    """Whoever may read may have backups made, each as large as the archive."""
    bounded = replace(jobs, quota=Quota(jobs=2))
    first = started(bounded, caller)
    services.clock.advance(timedelta(seconds=1))  # of the same moment, tokens decide who is first
    started(bounded, caller, kind="other")
    with pytest.raises(TooManyJobs, match="2 jobs at a time"):
        started(bounded, caller)
    started(bounded, services.caller(Role.CLIENT))
    # What has ended counts no more, nor what was closed.
    job = claimed(bounded)
    assert job.token == first
    result_of(bounded.succeed(job, {}))
    second = started(bounded, caller)
    with pytest.raises(TooManyJobs):
        started(bounded, caller)
    result_of(bounded.close(second, ["render"]))
    started(bounded, caller)


def test_administrators_have_as_many_jobs_as_they_ask_for(services, jobs):
    bounded = replace(jobs, quota=Quota(jobs=1))
    for _ in range(3):
        started(bounded, services.caller(Role.ADMIN))
