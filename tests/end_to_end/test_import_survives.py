"""An import that is killed: what is in is whole, and the same command brings in the rest."""

import signal
import subprocess
import time

import pytest
from fixtures.clients import Client
from fixtures.fix_audio import noise, wav
from fixtures.fix_server import PROGRAM

_FILES = 60


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "music"
    root.mkdir()
    for number in range(_FILES):
        (root / f"{number:02}.wav").write_bytes(wav(noise(44100, seed=number)))
    return root


@pytest.mark.parametrize("pause_s", [0.0, 0.3, 1.0])
def test_a_killed_import_leaves_whole_clips_and_goes_on(new_archive, folder, pause_s):
    server = new_archive().start()
    command = [*PROGRAM, "import", folder, "--data", server.data_dir]
    importing = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    staging = server.data_dir / "store" / "staging"
    while not any(staging.iterdir()) and importing.poll() is None:
        time.sleep(0.005)
    time.sleep(pause_s)
    importing.send_signal(signal.SIGKILL)
    importing.wait()
    damage = [each for each in server.check() if each["severity"] == "damage"]
    assert damage == []
    again = server.command("import", str(folder))
    assert again.returncode == 0, again.stdout + again.stderr
    with Client(server.url) as client:
        hits = client.call("searchMetadata", criteria={})["results"]
        assert sorted(hit["title"] for hit in hits) == [f"{n:02}" for n in range(_FILES)]
    assert [each for each in server.check() if each["severity"] == "damage"] == []
