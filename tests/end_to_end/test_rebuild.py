"""The database of a real archive is lost, and made anew from its store."""

import json
import shutil
import time

import pytest
from fixtures.clients import PASSWORD, Client, metadata
from fixtures.fix_audio import noise, ogg, wav
from fixtures.fix_server import ArchiveProcess, await_end, children

CLASSIC = "00000000000000a1"


def stock(archive: ArchiveProcess) -> None:
    """Some of everything: revisions, a playlist, a webstream, users, rights, and the trash."""
    user = archive.command(
        "user",
        "add",
        "studio",
        "--role",
        "maintainer",
        "--password-file",
        "-",
        given=f"{PASSWORD}\n",
    )
    assert user.returncode == 0, user.stderr
    with Client(archive.url) as root:
        replaced = root.store(wav(noise(4410)), "old.wav", gunid=CLASSIC)
        root.store(ogg(noise(44100, seed=2)), "new.ogg", gunid=replaced,
                   document=metadata(title="Näw", genre="Jazz"))  # fmt: skip
        trashed = root.store(wav(noise(4410, seed=3)), "trashed.wav")
        root.call("deleteAudioClip", gunid=trashed)
        root.call("storeWebstream", gunid="", metadata="", fname="x", url="http://host/live")
        root.call("createPlaylist", plid="", fname="list")
    with Client(archive.url, "studio") as studio:
        studio.store(wav(noise(4410, seed=4)), "mine.wav")
    for words in (
        ("group", "add", "Redaktion"),
        ("group", "join", "user:studio", "Redaktion"),
        ("permission", "deny", "group:Redaktion", "write", CLASSIC),
        ("class", "add", "jingles"),
        ("class", "put", "jingles", CLASSIC),
    ):
        done = archive.command(*words)
        assert done.returncode == 0, done.stderr


def seen(archive: ArchiveProcess) -> object:
    """What clients and administrators see of it."""
    with Client(archive.url) as root:
        hits = root.call("searchMetadata", criteria={"filetype": "all"})["results"]
        gunids = [hit["gunid"] for hit in hits if hit["type"] == "audioclip"]
        audio = {gunid: root.fetch(gunid) for gunid in gunids}
        found = root.find("ls:genre", "=", "jazz")
    with Client(archive.url, "studio"):
        pass
    commands = [
        json.loads(archive.command(*words, "--json").stdout)
        for words in (
            ("user", "list"),
            ("group", "list"),
            ("permission", "list"),
            ("class", "list"),
            ("trash", "list"),
        )
    ]
    return hits, audio, found, commands


def await_sidecars(archive: ArchiveProcess, pattern: str, count: int) -> None:
    deadline = time.monotonic() + 20
    while len(list((archive.data_dir / "store").glob(pattern))) != count:
        assert time.monotonic() < deadline, "the sidecars are not written"
        time.sleep(0.05)


def settle(archive: ArchiveProcess) -> None:
    """Wait until all that was done lies beside the audio."""
    deadline = time.monotonic() + 20
    while "Redaktion" not in (archive.data_dir / "store/archive.json").read_text():
        assert time.monotonic() < deadline
        time.sleep(0.05)
    await_sidecars(archive, "items/*/*.json", 5)
    time.sleep(1)


@pytest.mark.slow
def test_an_archive_without_its_database_comes_back_as_it_was(new_archive, tmp_path):
    archive = new_archive().start()
    stock(archive)
    settle(archive)
    before = seen(archive)
    processes = children(archive.pid)
    archive.kill()
    await_end(processes)
    shutil.rmtree(archive.data_dir / "postgres")

    refused = archive.launch()
    assert refused.wait(60) == 1
    assert "archive-server rebuild" in archive.errors.read_text()

    done = archive.command("rebuild", "--json")
    assert done.returncode == 0, done.stdout + done.stderr
    report = json.loads(done.stdout)
    assert (report["items"], report["users"], report["left_out"]) == (5, 2, [])
    archive.start()
    assert seen(archive) == before
    assert archive.check() == []
    again = archive.command("rebuild")
    assert again.returncode == 4
    assert archive.stop() == 0
    again = archive.command("rebuild")
    assert again.returncode == 1
    assert "not empty" in again.stderr
