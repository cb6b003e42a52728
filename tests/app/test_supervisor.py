"""The supervisor with workers that do nothing: who is started, replaced, left and ended when."""

import os
import signal
import sys
import time
from dataclasses import dataclass, field

import pytest

from archive_server.app.supervisor import Supervisor, WorkersFail
from archive_server.app.worker import Task

# A worker that says when it is ready, and writes down what it is told.
OBEDIENT = """
import json, os, signal, sys, time
task = json.loads(sys.argv[1])
def note(what):
    with open(task["data_dir"], "a") as file:
        file.write(f"{task['number']} {what} {os.getpid()}\\n")
def leave(number, frame):
    note(signal.Signals(number).name)
    sys.exit(0)
signal.signal(signal.SIGTERM, leave)
signal.signal(signal.SIGHUP, leave)
def is_first():
    try:
        with open(task["data_dir"]) as file:
            return f"{task['number']} begins" not in file.read()
    except FileNotFoundError:
        return True
begins = is_first()
note("begins" if begins else "follows")
os.write(task["ready"], b"+")
time.sleep(60)
"""
BROKEN = "import sys; sys.exit(3)"
DEAF = """
import json, os, signal, sys, time
signal.signal(signal.SIGTERM, signal.SIG_IGN)
os.write(json.loads(sys.argv[1])["ready"], b"+")
time.sleep(60)
"""
HANGING_AT_FIRST = OBEDIENT.replace(
    "time.sleep(60)",
    """
while not begins:
    time.sleep(0.1)
    os.write(task["ready"], b"+")
time.sleep(60)""",
)


@dataclass
class Stage:
    """Runs a supervisor, and acts whenever it looks after the database."""

    tmp_path: object
    acts: list = field(default_factory=list)
    looks: int = 0

    def supervisor(self, program=OBEDIENT, *, of=2, stop_s=10.0, **others):
        (self.tmp_path / "program.py").write_text(program)
        task = Task(
            number=0,
            of=of,
            data_dir=str(self.tmp_path / "notes"),
            config_file=None,
            log_level="info",
            embedded_dsn="",
            store_id="",
            supervisor=os.getpid(),
            ready=-1,
            sockets=(),
        )
        command = (sys.executable, "-I", "-S", str(self.tmp_path / "program.py"))
        self.made = Supervisor(task, [], stop_s, self.look, command, **others)
        return self.made

    def look(self):
        """Do the next act that can be done."""
        self.looks += 1
        if self.acts and self.acts[0]() is not False:
            self.acts.pop(0)

    def run(self, supervisor):
        ready = []
        supervisor.run(lambda: ready.append(True))
        return len(ready)

    def notes(self, *whats):
        path = self.tmp_path / "notes"
        lines = path.read_text().splitlines() if path.exists() else []
        return [
            (int(number), int(pid)) for number, what, pid in map(str.split, lines) if what in whats
        ]

    def until(self, count, *whats):
        return lambda: len(self.notes(*whats)) >= count


@pytest.fixture
def stage(tmp_path):
    return Stage(tmp_path)


def tell(number):
    return lambda: os.kill(os.getpid(), number)


def test_workers_are_started_and_stopped(stage):
    stage.acts = [lambda: stage.made._has_been_ready, tell(signal.SIGTERM)]
    assert stage.run(stage.supervisor()) == 1
    assert sorted(number for number, _ in stage.notes("begins")) == [0, 1]
    assert sorted(stage.notes("SIGTERM")) == sorted(stage.notes("begins"))


def test_a_worker_that_dies_is_replaced_at_its_place(stage):
    def kill_the_second():
        (pid,) = (pid for number, pid in stage.notes("begins") if number == 1)
        os.kill(pid, signal.SIGKILL)

    stage.acts = [
        stage.until(2, "begins"),
        lambda: stage.made._has_been_ready,
        kill_the_second,
        stage.until(1, "follows"),
        tell(signal.SIGINT),
    ]
    stage.run(stage.supervisor())
    assert [number for number, _ in stage.notes("follows")] == [1]


def test_a_worker_that_dies_again_and_again_is_not_started_in_a_busy_loop(stage):
    began = []

    def kill_all():
        for _, pid in stage.notes("begins", "follows"):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        began.append(time.monotonic())
        return time.monotonic() > began[0] + 4

    stage.acts = [
        stage.until(1, "begins"),
        lambda: stage.made._has_been_ready,
        kill_all,
        tell(signal.SIGTERM),
    ]
    stage.run(stage.supervisor(of=1))
    # At once, then after 0.5, 1, 2, 4 ... seconds
    assert 2 <= len(stage.notes("follows")) <= 5
    assert stage.looks < 100


def test_where_no_worker_can_be_started_that_is_an_error(stage):
    with pytest.raises(WorkersFail):
        stage.run(stage.supervisor(BROKEN))


def test_one_that_is_killed_before_all_are_ready_is_replaced(stage):
    """The other, which is ready, goes on; and it is said only once that all are."""
    late = OBEDIENT.replace(
        'os.write(task["ready"]',
        'if task["number"] == 1 and begins: time.sleep(60)\nos.write(task["ready"]',
        1,
    )
    stage.acts = [
        stage.until(2, "begins"),
        lambda: os.kill(dict(stage.notes("begins"))[1], signal.SIGKILL),
        stage.until(1, "follows"),
        lambda: stage.made._has_been_ready,
        tell(signal.SIGTERM),
    ]
    assert stage.run(stage.supervisor(late)) == 1
    assert [number for number, _ in stage.notes("follows")] == [1]
    assert sorted(number for number, _ in stage.notes("SIGTERM")) == [0, 1]


def test_one_that_is_killed_again_and_again_as_it_starts_ends_the_first_start(stage):
    dying = OBEDIENT.replace('os.write(task["ready"]', "os.kill(os.getpid(), 9)\nos.write(0", 1)
    with pytest.raises(WorkersFail, match=r"killed \(SIGKILL\) 3 times before it was ready"):
        stage.run(stage.supervisor(dying, of=1))
    assert len(stage.notes("begins", "follows")) == 3


def test_a_graceful_restart_starts_all_before_the_old_ones_leave(stage):
    stage.acts = [
        lambda: stage.made._has_been_ready,
        tell(signal.SIGHUP),
        stage.until(2, "SIGHUP"),
        tell(signal.SIGTERM),
    ]
    stage.run(stage.supervisor())
    lines = [line.split()[1] for line in (stage.tmp_path / "notes").read_text().splitlines()]
    assert lines[:2] == ["begins", "begins"]
    assert lines[2:6] == ["follows", "follows", "SIGHUP", "SIGHUP"]
    assert sorted(stage.notes("SIGHUP")) == sorted(stage.notes("begins"))
    assert sorted(stage.notes("SIGTERM")) == sorted(stage.notes("follows"))


def test_new_workers_that_do_not_start_leave_the_old_ones_be(stage):
    def spoil():
        (stage.tmp_path / "program.py").write_text(BROKEN)

    looks = []

    def has_waited():
        looks.append(time.monotonic())
        return looks[-1] > looks[0] + 1.5

    stage.acts = [
        lambda: stage.made._has_been_ready,
        spoil,
        tell(signal.SIGHUP),
        has_waited,
        tell(signal.SIGTERM),
    ]
    stage.run(stage.supervisor())
    assert sorted(stage.notes("SIGTERM")) == sorted(stage.notes("begins"))
    assert stage.notes("SIGHUP") == []


def test_a_worker_that_does_not_stop_is_killed(stage):
    stage.acts = [lambda: stage.made._has_been_ready, tell(signal.SIGTERM)]
    began = time.monotonic()
    stage.run(stage.supervisor(DEAF, stop_s=1.0))
    assert time.monotonic() - began < 10


def test_what_a_worker_is_told_comes_through_its_command(stage):
    task = stage.supervisor()._task
    assert Task.from_json(task.to_json()) == task


def test_one_that_has_died_a_thousand_times_is_still_started_again(stage):
    """At half a minute each that is a night."""

    def kill():
        stage.made._seats[0].deaths = 2000
        os.kill(stage.notes("begins")[0][1], signal.SIGKILL)

    def is_due():
        stage.made._seats[0].due_at = 0
        return bool(stage.notes("follows"))

    stage.acts = [
        lambda: stage.made._has_been_ready,
        lambda: stage.made._seats[0].worker.__setattr__("started_at", time.monotonic()),
        kill,
        is_due,
        tell(signal.SIGTERM),
    ]
    stage.run(stage.supervisor(of=1))
    assert len(stage.notes("follows")) == 1


def test_a_worker_that_hangs_is_replaced(stage):
    began = []

    def has_waited():
        began.append(time.monotonic())
        return began[-1] > began[0] + 2.5

    stage.acts = [stage.until(1, "follows"), has_waited, tell(signal.SIGTERM)]
    stage.run(stage.supervisor(HANGING_AT_FIRST, of=1, silent_s=1.0))
    assert len(stage.notes("follows")) == 1


def test_who_was_asleep_does_not_take_the_others_for_silent(stage, monkeypatch):
    """All of a machine, or of a container, is stopped and goes on an hour later."""
    monotonic, slept = time.monotonic, []
    monkeypatch.setattr(time, "monotonic", lambda: monotonic() + 3600 * len(slept))
    looks = []
    stage.acts = [
        lambda: stage.made._has_been_ready,
        lambda: slept.append(True),
        lambda: looks.append(True) or len(looks) > 2,
        tell(signal.SIGTERM),
    ]
    stage.run(stage.supervisor())
    assert stage.notes("follows") == []


def test_being_told_to_restart_while_starting_is_done_afterwards(stage):
    stage.acts = [tell(signal.SIGHUP), stage.until(2, "SIGHUP"), tell(signal.SIGTERM)]
    assert stage.run(stage.supervisor()) == 1
    assert sorted(stage.notes("SIGHUP")) == sorted(stage.notes("begins"))
    assert sorted(stage.notes("SIGTERM")) == sorted(stage.notes("follows"))


def test_who_is_told_to_stop_before_it_is_ready_never_says_so(stage):
    """The workers get ready all the same, and only then."""
    says_so = 'os.write(task["ready"], b"+")'
    late = OBEDIENT.replace(says_so, "").replace("sys.exit(0)", says_so)

    def tell_those_who_hear():
        return stage.until(2, "begins")() and os.kill(os.getpid(), signal.SIGTERM)

    stage.acts = [tell_those_who_hear]
    assert stage.run(stage.supervisor(late, stop_s=1.0)) == 0


def test_signals_in_any_order_end_in_a_stop(stage):
    stage.acts = [
        lambda: stage.made._has_been_ready,
        *(tell(signal.SIGHUP),) * 3,
        lambda: os.kill(stage.notes("begins")[0][1], signal.SIGKILL),
        tell(signal.SIGHUP),
        tell(signal.SIGTERM),
        tell(signal.SIGHUP),
        tell(signal.SIGTERM),
    ]
    assert stage.run(stage.supervisor()) == 1
    for _, pid in stage.notes("begins", "follows"):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
