"""`kill -9` between any two steps: what was answered for is there, and nothing is half there.

Each test does one thing over and over, killed at its first step, at its second, and so on until it
gets to the end. After each time the archive is started again and must be whole, and what was done
must be done or not have begun.
"""

import http.client
import json
import os
import re
import signal
import subprocess
import sys
import threading
import time
import xmlrpc.client
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from hashlib import md5, sha256
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from fixtures.clients import Client, ask, metadata
from fixtures.fix_audio import noise, wav
from fixtures.fix_server import ArchiveProcess, await_end, children, external

LAUNCHER = Path(__file__).with_name("dying_archive.py")
MOST_STEPS = 100

# Each step costs a second or two, and some tests have fifty of them.
pytestmark = pytest.mark.timeout(1200)

BROKEN = (OSError, http.client.HTTPException, xmlrpc.client.ProtocolError)
SOUNDS = [wav(noise(4000, channels=1, seed=seed), 8000) for seed in range(100)]


@dataclass(frozen=True)
class State:
    """All that clients can see of a clip."""

    audio: bytes | None = field(repr=False)
    document: str | None
    found: bool


NOWHERE = State(None, None, False)


def seen(client: Client, gunid: str, title: str) -> State:
    found = client.find("dc:title", "=", title)
    assert found in ([], [gunid])
    if not client.call("existsAudioClip", gunid=gunid)["exists"]:
        assert client.fault("getAudioClip", gunid=gunid)[0] == 805
        assert client.fault("downloadRawAudioDataOpen", gunid=gunid)[0] == 847
        return State(None, None, bool(found))
    document = client.call("getAudioClip", gunid=gunid)["metadata"]
    timeless = re.sub(r"<ls:mtime>.*?</ls:mtime>", "", document)
    return State(client.fetch(gunid), timeless, bool(found))


@dataclass
class Mortal:
    """An archive that dies at a chosen step, and is raised again."""

    server: ArchiveProcess
    control: Path

    def steps(self) -> list[str]:
        """What was done, or begun, since it was told when to die."""
        file = self.control / "steps"
        return file.read_text().split() if file.exists() else []

    @contextmanager
    def dying_at(self, step: int) -> Iterator[None]:
        (self.control / "steps").unlink(missing_ok=True)
        (self.control / "at").write_text(str(step))
        yield
        (self.control / "at").unlink()

    def is_answered(self, step: int, call: Callable[[], object]) -> bool:
        """Do something of which the server dies at a step, or else after the answer."""
        with self.dying_at(step):
            try:
                call()
            except BROKEN:
                assert self.server.wait() == -9, self.server.errors.read_text()
                assert len(self.steps()) == step
                return False
        assert len(self.steps()) < step
        self.server.kill()
        return True

    @contextmanager
    def raised(self) -> Iterator[Client]:
        """A client of the server, started again and found whole."""
        self.server.start()
        self.server.check()
        with Client(self.server.url) as client:
            yield client


@pytest.fixture
def mortal(new_archive, dsn, tmp_path) -> Mortal:
    control = tmp_path / "control"
    control.mkdir()
    program = (sys.executable, str(LAUNCHER), str(control), str(tmp_path / "data" / "store"))
    config = external(dsn) + "[retention]\nrevisions_days = 0\n"
    return Mortal(new_archive(config, program=program), control)


class Story(ABC):
    """One thing that is done again and again, killed one step later each time."""

    gunid = ""
    title = ""
    before = NOWHERE

    def prepare(self, client: Client, step: int) -> None:
        """Get a new clip to do it to."""
        self.gunid, self.title = f"{step:016x}", f"Number {step}"
        document = metadata(dc_title=self.title)
        client.store(SOUNDS[0], "a.wav", gunid=self.gunid, document=document)
        self.before = self.seen(client)

    @abstractmethod
    def act(self, client: Client) -> None:
        """Do it."""

    @abstractmethod
    def verify(self, client: Client, answered: bool) -> None:
        """Look whether it was done or has not begun."""

    def seen(self, client: Client) -> State:
        return seen(client, self.gunid, self.title)


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


class Storing(Story):
    """A new clip, from the first call to the last."""

    upload: Any = None

    def prepare(self, client, step):
        self.gunid, self.title, self.upload = f"{step:016x}", f"Number {step}", None
        self.sound = SOUNDS[step]

    def act(self, client):
        document, chsum = metadata(dc_title=self.title), md5(self.sound).hexdigest()
        self.upload = client.open_upload("a.wav", gunid=self.gunid, document=document, chsum=chsum)
        self.send(client)
        client.call("storeAudioClipClose", token=self.upload["token"])

    def send(self, client):
        """Send what the server has not got yet."""
        url, size = client.here(self.upload["url"]), len(self.sound)
        offset = int(ask("HEAD", url).headers["Upload-Offset"])
        if offset < size:
            place = {"Content-Range": f"bytes {offset}-{size - 1}/{size}"} if offset else {}
            assert ask("PUT", url, self.sound[offset:], place).status == 200

    def verify(self, client, answered):
        state = self.seen(client)
        if state == self.before:
            assert not answered
            if self.upload is not None:
                self.go_on(client)
        else:
            assert (state.audio, state.found) == (self.sound, True)
            assert client.fault("storeAudioClipClose", token=self.upload["token"])[0] == 805

    def go_on(self, client):
        """Nothing that the client knows of is lost: it can repeat its last call, or send more."""
        token = self.upload["token"]
        try:
            client.call("storeAudioClipClose", token=token)
        except xmlrpc.client.Fault as fault:
            assert fault.faultCode == 805
            self.send(client)
            client.call("storeAudioClipClose", token=token)
        assert (self.seen(client).audio, self.seen(client).found) == (self.sound, True)


class Replacing(Storing):
    """New audio and a new document for a clip that somebody reads."""

    def prepare(self, client, step):
        if step == 1:
            Story.prepare(self, client, step)
        self.upload, self.sound = None, SOUNDS[step]
        self.before = self.seen(client)
        self.lease = client.lease(self.gunid)

    def verify(self, client, answered):
        assert ask("GET", client.here(self.lease["url"])).body == self.before.audio
        super().verify(client, answered)
        assert ask("GET", client.here(self.lease["url"])).body == self.before.audio
        client.call("downloadRawAudioDataClose", token=self.lease["token"])


class ClosingReplacement(Replacing):
    """The last call of a replacement, in which it happens."""

    def prepare(self, client, step):
        super().prepare(client, step)
        chsum = md5(self.sound).hexdigest()
        document = metadata(dc_title=self.title)
        self.upload = client.open_upload("a.wav", gunid=self.gunid, document=document, chsum=chsum)
        self.send(client)

    def act(self, client):
        client.call("storeAudioClipClose", token=self.upload["token"])


class Deleting(Story):
    """A clip that somebody reads."""

    forced = True

    def prepare(self, client, step):
        super().prepare(client, step)
        self.lease = client.lease(self.gunid)

    def act(self, client):
        client.call("deleteAudioClip", gunid=self.gunid, forced=self.forced)

    def verify(self, client, answered):
        state = self.seen(client)
        assert state == NOWHERE or (state == self.before and not answered)
        assert ask("GET", client.here(self.lease["url"])).body == self.before.audio


class Trashing(Deleting):
    forced = False


class Describing(Story):
    def act(self, client):
        document = metadata(dc_title=self.title, dc_creator="Somebody else")
        client.call("updateAudioClipMetadata", gunid=self.gunid, metadata=document)

    def verify(self, client, answered):
        state = self.seen(client)
        if state == self.before:
            assert not answered
            assert self.gunid not in client.find("dc:creator", "=", "Somebody else")
        else:
            assert (state.audio, state.found) == (self.before.audio, True)
            assert "Somebody else" in (state.document or "")
            assert self.gunid in client.find("dc:creator", "=", "Somebody else")


class TakingAFile(Story):
    """A file:// lease, opened and released."""

    opened: Any = None

    def prepare(self, client, step):
        super().prepare(client, step)
        self.opened = None

    def act(self, client):
        self.opened = client.call("accessRawAudioData", gunid=self.gunid)
        client.call("releaseRawAudioData", token=self.opened["token"])

    def verify(self, client, answered):
        assert self.seen(client) == self.before
        if self.opened is not None:
            file = Path(urlsplit(self.opened["url"]).path)
            assert not (answered and file.exists())
            with suppress(xmlrpc.client.Fault):  # if it is released already
                client.call("releaseRawAudioData", token=self.opened["token"])
                assert not file.exists()


def test_the_last_call_of_a_replacement_happens_or_does_not(mortal):
    tell(mortal, ClosingReplacement(), least=10)


def test_a_forced_deletion_happens_or_does_not(mortal):
    tell(mortal, Deleting(), least=2)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("story", "least"),
    [(Storing, 22), (Replacing, 22), (Trashing, 2), (Describing, 2), (TakingAFile, 7)],
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
