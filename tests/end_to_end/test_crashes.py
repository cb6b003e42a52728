"""`kill -9` between any two steps: what was answered for is there, and nothing is half there.

Each test does one thing over and over, killed at its first step, at its second, and so on until it
gets to the end. After each time the archive is started again and must be whole, and what was done
must be done or not have begun.
"""

import json
import os
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from hashlib import sha256

import pytest
from fixtures.clients import Client
from fixtures.fix_server import await_end, children
from fixtures.stories import (
    BROKEN,
    SOUNDS,
    ClosingReplacement,
    Deleting,
    DeletingAPlaylist,
    Describing,
    Mortal,
    Replacing,
    SavingAPlaylist,
    Storing,
    Story,
    TakingAFile,
    Trashing,
    TrashingAPlaylist,
)

MOST_STEPS = 100

# Each step costs a second or two, and some tests have fifty of them.
pytestmark = pytest.mark.timeout(1200)


def tell(mortal: Mortal, story: Story, least: int) -> None:
    """Tell a story to its end; it must have as many steps as it took at least.

    Who calls is remembered from what was called before, so that there is no step for it.
    """
    answered = False
    for step in range(1, MOST_STEPS):
        with mortal.raised() as client:
            if step > 1:
                story.verify(client, answered)
            if answered:
                assert step - 2 >= least, mortal.steps()
                return
            story.prepare(client, step)
            answered = mortal.is_answered(step, partial(story.act, client))
    raise AssertionError("this does not end")


def test_the_last_call_of_a_replacement_happens_or_does_not(mortal):
    tell(mortal, ClosingReplacement(), least=9)


def test_a_forced_deletion_happens_or_does_not(mortal):
    tell(mortal, Deleting(), least=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("story", "least"),
    [
        (Storing, 22),
        (Replacing, 22),
        (Trashing, 2),
        (Describing, 2),
        (TakingAFile, 7),
        (SavingAPlaylist, 2),
        (DeletingAPlaylist, 2),
        (TrashingAPlaylist, 2),
    ],
)
def test_what_is_killed_at_any_step_happens_or_does_not(mortal, story, least):
    tell(mortal, story(), least)


@pytest.mark.slow
def test_a_purge_that_is_killed_can_be_repeated(mortal):
    """It removes rows before bytes."""
    for step in range(1, MOST_STEPS):
        with mortal.raised() as client:
            gunid = client.store(SOUNDS[step], "a.wav")
            client.call("deleteAudioClip", gunid=gunid, forced=False)
        mortal.server.kill()
        with mortal.dying_at(step):
            purge = mortal.server.command("trash", "purge", "--older-than", "0")
        mortal.server.check()
        again = mortal.server.command("trash", "purge", "--older-than", "0")
        assert again.returncode == 0
        if purge.returncode == 0:
            break
        assert (purge.returncode, len(mortal.steps())) == (-9, step)
    assert step > 8
    assert json.loads(mortal.server.command("trash", "list", "--json").stdout) == []
    assert json.loads(mortal.server.command("check", "--json").stdout)["contents"] == 0


@pytest.mark.slow
def test_a_start_that_is_killed_while_it_tidies_up_can_be_repeated(mortal):
    """Replaced audio that nobody reads goes when the server starts."""
    contents = mortal.server.data_dir / "store" / "content"
    gunid = "a1" * 8
    for step in range(1, MOST_STEPS):
        with mortal.raised() as client:
            for sound in SOUNDS[step - 1], SOUNDS[step]:
                client.store(sound, "a.wav", gunid=gunid)
        mortal.server.kill()
        name = sha256(SOUNDS[step - 1]).hexdigest()
        replaced = contents / name[:2] / name[2:4] / name
        assert replaced.exists()
        with mortal.dying_at(step):
            dead = _dies(mortal.server.launch(), lambda path=replaced: not path.exists())
        mortal.server.kill()
        if not dead:
            break
        assert len(mortal.steps()) == step
    assert step > 10
    with mortal.raised() as client:
        assert client.fetch(gunid) == SOUNDS[step]


def _dies(process: subprocess.Popen[bytes], is_done: Callable[[], bool]) -> bool:
    """Whether a process dies before, or shortly after, it has done something."""
    deadline = time.monotonic() + 30
    while process.poll() is None and not is_done():
        assert time.monotonic() < deadline
        time.sleep(0.01)
    try:
        process.wait(1)
    except subprocess.TimeoutExpired:
        return False
    assert process.returncode == -9
    return True


class Busy(threading.Thread):
    """A client that replaces a clip of its own, as fast as it can, until the server is gone."""

    def __init__(self, url: str, number: int) -> None:
        super().__init__()
        self.gunid = f"{number:016x}"
        self.answered = self.attempted = -1
        self._url = url

    def run(self) -> None:
        with suppress(*BROKEN), Client(self._url) as client:
            for self.attempted in range(1000):
                sound = SOUNDS[self.attempted % len(SOUNDS)]
                client.store(sound, "a.wav", gunid=self.gunid)
                self.answered = self.attempted


def await_answers(clients: list[Busy]) -> None:
    """Wait until each has stored something, so that there is something to lose."""
    deadline = time.monotonic() + 30
    while any(client.answered < 0 for client in clients):
        assert time.monotonic() < deadline
        time.sleep(0.01)


@pytest.mark.slow
@pytest.mark.parametrize("with_its_database", [False, True])
def test_kill_9_under_load_loses_nothing_that_was_answered(new_archive, with_its_database):
    server = new_archive().start()
    for number in range(5):
        clients = [Busy(server.url, number * 10 + each) for each in range(3)]
        for client in clients:
            client.start()
        await_answers(clients)
        time.sleep(number / 7)
        started = children(server.pid)
        server.process.kill()
        for pid in started if with_its_database else ():
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        for client in clients:
            client.join(30)
        assert server.wait() == -9
        await_end(started)
        server.start()
        server.check()
        with Client(server.url) as reader:
            for client in clients:
                possible = SOUNDS[client.answered], SOUNDS[client.attempted]
                assert reader.fetch(client.gunid) in possible
    assert server.stop() == 0
