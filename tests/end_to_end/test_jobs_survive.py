"""A job outlives the server that does it, however that ends."""

import os
import re
import signal
import subprocess
import sys
import time
import urllib.request
import xmlrpc.client
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from fixtures import fix_audio as audio

SERVE = (sys.executable, "-c", "from archive_server.cli.main import main; main()", "serve")
PASSWORD = "open sesame"
# So long that it is not done before the server is: half an hour takes many seconds to encode.
LENGTH = "00:30:00.000000"

pytestmark = pytest.mark.slow


class Server:
    """A server in a process of its own."""

    def __init__(self, data: Path, output: Path) -> None:
        with output.open("wb") as out, output.with_suffix(".err").open("wb") as err:
            self.process = subprocess.Popen(
                [*SERVE, "--data", str(data), "--listen", "127.0.0.1:0"],
                env=os.environ | {"ARCHIVE_ADMIN_PASSWORD": PASSWORD},
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=err,
            )
        deadline = time.monotonic() + 60
        while not (ready := re.search(r"ready at (http://\S+)", output.read_text())):
            assert self.process.poll() is None, output.with_suffix(".err").read_text()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        self.url = ready[1]
        self._proxy = xmlrpc.client.ServerProxy(f"{self.url}xmlrpc")
        self.archive = self._proxy.locstor

    def end(self, how: signal.Signals) -> float:
        """End it; return how many seconds that took."""
        self._proxy("close")()
        began = time.monotonic()
        self.process.send_signal(how)
        self.process.wait(60)
        return time.monotonic() - began


@contextmanager
def serving(data: Path, output: Path) -> Iterator[Server]:
    server = Server(data, output)
    try:
        yield server
    finally:
        if server.process.poll() is None:
            server.end(signal.SIGTERM)


@pytest.fixture
def data() -> Iterator[Path]:
    # Not below pytest's own directory, which others cannot get through.
    with TemporaryDirectory(prefix="survive-") as name:
        above = Path(name)
        above.chmod(0o711)  # PostgreSQL may run as another user
        yield above / "data"


def begin(server: Server) -> str:
    """Store a clip and a long playlist, and begin to render it."""
    archive = server.archive
    sessid = archive.login({"login": "root", "pass": PASSWORD})["sessid"]
    wav = audio.wav(audio.tone(44100))
    opened = archive.storeAudioClipOpen(
        {"sessid": sessid, "gunid": "", "metadata": "", "fname": "a.wav", "chsum": ""}
    )
    put = urllib.request.Request(opened["url"], data=wav, method="PUT")
    urllib.request.urlopen(put).close()
    gunid = archive.storeAudioClipClose({"sessid": sessid, "token": opened["token"]})["gunid"]
    plid = archive.createPlaylist({"sessid": sessid})["plid"]
    token = archive.editPlaylist({"sessid": sessid, "plid": plid})["token"]
    xml = (
        f'<playlist id="{plid}" playlength="{LENGTH}"><playlistElement id="0000000000000001" '
        f'relativeOffset="0"><audioClip id="{gunid}"/></playlistElement></playlist>'
    )
    archive.savePlaylist({"sessid": sessid, "token": token, "newPlaylist": xml})
    return archive.renderPlaylistToFileOpen({"sessid": sessid, "plid": plid})["token"]


def wait_for_work(data: Path, token: str) -> None:
    files = data / "work" / token
    deadline = time.monotonic() + 30
    while not any(mix.stat().st_size > 10_000 for mix in files.glob("*.ogg")):
        assert time.monotonic() < deadline, "nobody begins"
        time.sleep(0.05)


def wait_for_success(server: Server, token: str) -> str:
    deadline = time.monotonic() + 180
    while True:
        state = server.archive.renderPlaylistToFileCheck({"token": token})
        if state["status"] != "working":
            assert (state["status"], state["faultString"]) == ("success", "")
            return state["url"]
        assert time.monotonic() < deadline
        time.sleep(0.5)


@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGTERM], ids=["killed", "stopped"])
def test_a_rendering_that_was_under_way_is_done_by_the_next_server(
    data: Path, tmp_path: Path, how: signal.Signals
) -> None:
    with serving(data, tmp_path / "first") as server:
        token = begin(server)
        wait_for_work(data, token)
        assert server.archive.renderPlaylistToFileCheck({"token": token})["status"] == "working"
        assert server.end(how) < 8
    with serving(data, tmp_path / "second") as server:
        url = wait_for_success(server, token)
        with urllib.request.urlopen(url) as response:
            assert response.headers["Content-Type"] == "audio/ogg"
            assert response.read(4) == b"OggS"
        assert list((data / "work" / token).iterdir()) == []
        assert server.archive.renderPlaylistToFileClose({"token": token}) == {"status": True}
        assert list((data / "work").iterdir()) == []
    assert b"Traceback" not in (tmp_path / "second.err").read_bytes()
