"""A real archive is backed up while it is written to, lost, and restored."""

import json
import shutil
import subprocess
import threading
import time
from pathlib import Path

import pytest
from fixtures.clients import Client, metadata
from fixtures.fix_audio import noise, wav
from fixtures.fix_server import ArchiveProcess, await_end, children
from fixtures.stocked_archive import seen, stock


@pytest.mark.slow
def test_what_is_lost_comes_back_from_a_backup_made_under_writers(new_archive, tmp_path):
    archive = new_archive().start()
    stock(archive)
    place = tmp_path / "backups"
    stop = threading.Event()

    def write(seed: int) -> None:
        with Client(archive.url) as client:
            while not stop.is_set():
                seed += 10
                gunid = client.store(wav(noise(2000, seed=seed)), "x.wav")
                client.store(wav(noise(2000, seed=seed + 1)), "y.wav", gunid=gunid)
                if seed % 20:
                    client.call("deleteAudioClip", gunid=gunid, forced=True)

    writers = [threading.Thread(target=write, args=(n * 100_000,)) for n in (1, 2)]
    for writer in writers:
        writer.start()
    try:
        for _ in range(2):
            made = archive.command("backup", str(place), "--json")
            assert made.returncode == 0, made.stdout + made.stderr
            assert json.loads(made.stdout)["lacking"] == []
    finally:
        stop.set()
        for writer in writers:
            writer.join()
    drilled = archive.command("drill", str(place), "--json")
    assert drilled.returncode == 0, drilled.stdout + drilled.stderr
    report = json.loads(drilled.stdout)
    assert report["proven"]
    assert report["compared"]["same"] >= 5

    made = archive.command("backup", str(place), "--keep", "1", "--json")
    assert json.loads(made.stdout)["removed"] == 2
    verified = archive.command("backup", str(place), "--verify")
    assert verified.returncode == 0, verified.stdout
    before = seen(archive)
    processes = children(archive.pid)
    archive.kill()
    await_end(processes)
    shutil.rmtree(archive.data_dir)

    restored = archive.command("restore", str(place), "--json")
    assert restored.returncode == 0, restored.stdout + restored.stderr
    assert archive.check() == []
    archive.start()
    assert seen(archive) == before
    refused = archive.command("restore", str(place))
    assert (refused.returncode, "not empty" in refused.stderr) == (1, True)
    with Client(archive.url) as root:  # it lives on
        root.store(wav(noise(2000, seed=9)), "new.wav", document=metadata(title="after"))
    assert archive.command("backup", str(place)).returncode == 0
    assert archive.stop() == 0


@pytest.mark.slow
def test_what_is_killed_half_way_counts_for_nothing_and_is_gone_on_with(new_archive, tmp_path):
    archive = new_archive().start()
    with Client(archive.url) as root:
        for seed in range(4):
            root.store(wav(noise(100_000, seed=seed)), f"{seed}.wav")
    place = tmp_path / "backups"
    slowly = ("--pace", "0.5")
    _kill_when(archive, ("backup", str(place), *slowly), place / "store/staging")
    assert not [path for path in (place / "snapshots").iterdir() if path.suffix != ".part"]
    assert archive.command("backup", str(place)).returncode == 0
    before = contents_of(archive)
    processes = children(archive.pid)
    archive.kill()
    await_end(processes)
    shutil.rmtree(archive.data_dir)

    staging = archive.data_dir / "store/staging"
    _kill_when(archive, ("restore", str(place), *slowly), staging)
    refused = archive.launch()
    assert refused.wait(60) == 1
    assert "give the same `restore` again" in archive.errors.read_text()
    restored = archive.command("restore", str(place))
    assert restored.returncode == 0, restored.stderr
    archive.start()
    assert contents_of(archive) == before
    assert archive.check() == []


def contents_of(archive: ArchiveProcess) -> dict[str, bytes]:
    with Client(archive.url) as root:
        hits = root.call("searchMetadata", criteria={})["results"]
        return {hit["gunid"]: root.fetch(hit["gunid"]) for hit in hits}


def _kill_when(archive: ArchiveProcess, words: tuple[str, ...], staging: Path) -> None:
    """Run a command, and kill it in the middle of a file."""
    where = ["--data", str(archive.data_dir), "--config", str(archive.config)]
    process = subprocess.Popen([*archive.program, *words, *where], stderr=subprocess.DEVNULL)
    deadline = time.monotonic() + 60
    while not (staging.is_dir() and any(path.stat().st_size for path in staging.iterdir())):
        assert process.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    processes = children(process.pid)
    process.kill()
    process.wait()
    await_end(processes)


@pytest.mark.slow
def test_what_a_drill_leaves_that_is_killed_the_next_one_removes(new_archive, tmp_path):
    """Its copy of the archive, its database, and the directory of that one's socket."""
    archive = new_archive().start()
    with Client(archive.url) as client:
        client.store(wav(noise(4410)), "a.wav")
    place = tmp_path / "backups"
    assert archive.command("backup", str(place)).returncode == 0
    foreign = tmp_path / "archive-drill-of-somebody-else"
    foreign.mkdir()
    drill = subprocess.Popen(
        (*archive.program, "drill", str(place), "--data", str(archive.data_dir),
         "--config", str(archive.config)),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not (running := list(tmp_path.glob("archive-drill-*/postgres/postmaster.pid"))):
        assert drill.poll() is None
        assert time.monotonic() < deadline
        time.sleep(0.01)
    left = running[0].parent.parent
    sockets = (left / "socket").readlink()
    drill.kill()
    drill.wait()
    assert (left / "store" / "content").is_dir()
    again = archive.command("drill", str(place))
    assert again.returncode == 0, again.stdout + again.stderr
    assert list(tmp_path.glob("archive-drill-*")) == [foreign]
    assert not sockets.exists()
