"""The runner over a real database; time goes when the test tells it to."""

import errno
from pathlib import Path

import pytest
from support import result_of
from twisted.internet.defer import Deferred
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from archive_server.database import jobs
from archive_server.errors import NotFound, Unavailable
from archive_server.model.jobs import JobCancelled
from archive_server.services.jobs import SILENCE
from archive_server.workers.jobs import JobRunner


class Workshop:
    """A runner, and the work it has been given: ended by the test, one way or the other."""

    def __init__(self, jobs):
        self.jobs = jobs
        self.clock = Clock()
        self.under_way = []
        self.runner = JobRunner(jobs, {"render": self.work, "quick": self.quick}, self.clock)

    async def work(self, job, report):
        done = Deferred()
        self.under_way.append((job, report, done))
        return await done

    async def quick(self, job, report):
        report(0.5)
        Path(job.directory / "made").write_text("made")
        return {"made": job.parameters["what"]}

    def pass_seconds(self, seconds):
        for _ in range(seconds):
            self.clock.advance(1)

    def stop(self, grace_s=2):
        stopped = []
        stopping = Deferred.fromCoroutine(self.runner.stop(grace_s))
        stopping.addBoth(stopped.append)
        for _ in range(100):
            if stopped:
                break
            self.clock.advance(0.1)
        assert stopped == [None]


@pytest.fixture
def workshop(services):
    shop = Workshop(services.jobs)
    yield shop
    for _, _, done in shop.under_way:
        if not done.called:
            done.callback({})
    shop.stop()


@pytest.fixture
def start(services):
    caller = services.caller()
    return lambda kind="render", **parameters: result_of(
        services.jobs.start(caller, kind, parameters)
    )


@pytest.fixture
def state(services):
    return lambda token: result_of(services.jobs.state(token, ["render", "quick", "odd"]))


@pytest.fixture
def logged():
    """What the runner has said."""
    events = []
    globalLogPublisher.addObserver(events.append)
    yield lambda: [
        event["log_format"] for event in events if "workers.jobs" in event["log_namespace"]
    ]
    globalLogPublisher.removeObserver(events.append)


def test_a_waiting_job_is_done_and_its_files_are_kept(workshop, start, state, services):
    token = start("quick", what="tea")
    workshop.runner.start()
    assert (state(token).status, state(token).result) == ("success", {"made": "tea"})
    assert (services.jobs.files(token) / "made").exists()


def test_a_job_that_comes_later_is_found_within_a_second(workshop, start, state):
    workshop.runner.start()
    token = start("quick", what="tea")
    workshop.pass_seconds(1)
    assert state(token).status == "success"


def test_two_jobs_run_at_once_and_the_third_waits(workshop, start):
    for _ in range(3):
        start()
    workshop.runner.start()
    workshop.pass_seconds(3)
    assert len(workshop.under_way) == 2
    workshop.under_way[0][2].callback({})
    workshop.pass_seconds(1)
    assert len(workshop.under_way) == 3


def test_progress_is_told_while_a_job_runs(workshop, start, state, services):
    token = start()
    workshop.runner.start()
    (_, report, _) = workshop.under_way[0]
    for told, shown in ((0.25, 0.25), (7, 1), (-1, 0)):
        report(told)
        workshop.pass_seconds(2)
        assert state(token).progress == shown
        services.clock.advance(SILENCE / 2)  # it beats: nobody takes it for dead
    workshop.pass_seconds(2)
    assert len(workshop.under_way) == 1


@pytest.mark.parametrize(
    ("error", "told"),
    [
        (NotFound("element 3: there is no clip 7"), "element 3: there is no clip 7"),
        (OSError(errno.ENOSPC, "No space", "/srv/x"), "there is no room on the archive's disk"),
        (RuntimeError("/srv/secret"), "internal error"),
    ],
)
def test_what_goes_wrong_is_told_in_a_sentence(workshop, start, state, error, told):
    token = start()
    workshop.runner.start()
    workshop.under_way[0][2].errback(error)
    assert (state(token).status, state(token).fault) == ("fault", told)


def test_a_closed_job_is_cancelled_and_its_files_go(workshop, start, services):
    token = start()
    workshop.runner.start()
    (job, report, done) = workshop.under_way[0]
    result_of(services.jobs.close(token, ["render"]))
    job.directory.mkdir()  # the work goes on until it hears of it
    workshop.pass_seconds(2)
    with pytest.raises(JobCancelled):
        report(0.5)
    done.errback(JobCancelled())
    assert not job.directory.exists()


def test_a_stop_gives_the_job_back_and_the_next_start_begins_anew(workshop, start, state, services):
    token = start()
    workshop.runner.start()
    (_, report, done) = workshop.under_way[0]
    report(0.5)
    stopping = Deferred.fromCoroutine(workshop.runner.stop(5))
    with pytest.raises(JobCancelled):
        report(0.6)
    done.errback(JobCancelled())
    workshop.clock.advance(0.1)
    assert stopping.called
    assert state(token).status == "working"
    another = Workshop(services.jobs)
    another.runner.start()
    assert another.under_way[0][0].token == token
    another.under_way[0][2].callback({})
    another.stop()


def test_what_fails_because_the_server_stops_is_no_fault_of_the_job(workshop, start, state):
    token = start()
    workshop.runner.start()
    stopping = Deferred.fromCoroutine(workshop.runner.stop(5))
    workshop.under_way[0][2].errback(Unavailable("the server is stopping"))
    workshop.clock.advance(0.1)
    assert stopping.called
    assert state(token).status == "working"


def test_a_stop_does_not_wait_for_ever(workshop, start):
    start()
    workshop.runner.start()
    workshop.stop(grace_s=2)
    assert workshop.clock.seconds() < 4


def test_work_that_ends_during_a_stop_is_not_done_again(workshop, start, state):
    token = start()
    workshop.runner.start()
    stopping = Deferred.fromCoroutine(workshop.runner.stop(5))
    workshop.under_way[0][2].callback({"gunid": "x"})
    workshop.clock.advance(0.1)
    assert stopping.called
    assert state(token).result == {"gunid": "x"}


def test_jobs_whose_work_we_do_not_know_are_left_alone(workshop, start, state):
    token = start("odd")
    workshop.runner.start()
    workshop.pass_seconds(3)
    assert state(token).status == "working"


def test_a_job_that_is_closed_under_way_ends_without_a_word(workshop, start, services, logged):
    """Its files are gone at once; that it is closed, it hears at the next beat only."""
    token = start()
    workshop.runner.start()
    ((job, _, done),) = workshop.under_way
    result_of(services.jobs.close(token, ["render"]))
    assert not job.directory.exists()
    try:
        (job.directory / "output").write_bytes(b"mixed")
    except OSError as error:
        done.errback(error)
    assert logged() == []
    assert result_of(services.database.run(jobs.tokens)) == set()
    assert not services.jobs.files(token).exists()
    workshop.pass_seconds(3)
