"""A file that kills, hangs or swells its parser costs its own upload, and nobody anything else.

No file is known that does so to the decoders as they are. So the worker processes of a real server
are real ones, but for a judge who does it to files of certain names.
"""

import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from fixtures.clients import Client, ask
from fixtures.fix_http import tone
from fixtures.fix_server import ArchiveProcess, children

AUDIO = tone(440, 1)
WALL_S = 4

_WORKER = """
import ctypes, sys, time
from audio_store.probe import worker
judge = worker.judge
def evil(file, *, file_name, **rest):
    if file_name == "kills.wav":
        ctypes.string_at(0)
    if file_name == "aborts.wav":
        ctypes.CDLL(None).abort()
    if file_name == "sleeps.wav":
        time.sleep(600)
    if file_name == "spins.wav":
        while True:
            pass
    if file_name == "swells.wav":
        kept = []
        while True:
            kept.append(bytearray(64 * 1024 * 1024))
    return judge(file, file_name=file_name, **rest)
worker.judge = evil
worker.main()
"""
_SERVER = f"""
import functools, sys
from audio_store.probe import Prober
from archive_server.app import services
Prober.__init__.__kwdefaults__["command"] = (sys.executable, "-c", {_WORKER!r})
services.Limits = functools.partial(services.Limits, wall_s={WALL_S}, cpu_s=2)
from archive_server.cli.main import main
main()
"""
REFUSED = {
    "kills.wav": "SIGSEGV",
    "aborts.wav": "SIGABRT",
    "sleeps.wav": "probe-timeout",
    "spins.wav": "probe-timeout",
    "swells.wav": "probe-out-of-memory",
}


@pytest.fixture(scope="module")
def attacked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArchiveProcess]:
    """A server whose parsers can be killed."""
    directory = tmp_path_factory.mktemp("attacked")
    config = "[audio]\nprobe_workers = 2\n"
    server = ArchiveProcess(directory / "data", config, (sys.executable, "-c", _SERVER))
    try:
        server.start()
        yield server
        assert server.stop() == 0
        assert not server.tracebacks()
    finally:
        server.kill()


def close(client: Client, file_name: str) -> str:
    """Send audio under a name; what closing the upload is answered with."""
    upload = client.open_upload(file_name)
    assert ask("PUT", upload["url"], AUDIO).status == 200
    code, text = client.fault("storeAudioClipClose", token=upload["token"])
    assert code == 805
    return text


@pytest.mark.slow
@pytest.mark.parametrize("name", REFUSED)
def test_it_is_refused_with_a_clear_fault_and_others_go_on(attacked, name):
    outcome: list[str] = []
    with Client(attacked.url) as attacker, Client(attacked.url) as other:
        attack = threading.Thread(target=lambda: outcome.append(close(attacker, name)))
        before = attacked.peak_bytes
        began = time.monotonic()
        attack.start()
        # On the worker that is left; and again, when there are two once more.
        gunid = other.store(AUDIO, "good.wav")
        assert other.fetch(gunid) == AUDIO
        attack.join(60)
        assert time.monotonic() - began < 6 * WALL_S
        assert outcome
        assert REFUSED[name] in outcome[0]
        assert attacked.peak_bytes < before + 200 * 2**20
        for _ in range(3):
            other.store(AUDIO, "good.wav")
    assert attacked.process.poll() is None
    workers = [pid for pid in children(attacked.pid) if b"judge" in _command(pid)]
    assert 1 <= len(workers) <= 2
    assert not list(Path.cwd().glob("core*"))


def _command(pid: int) -> bytes:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return b""
