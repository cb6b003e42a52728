"""The scripts that docs/moving.md shows do what it says."""

import os
import re
import subprocess
import sys
from pathlib import Path

from legacy import documents
from legacy.station import PASSWORD, Station
from legacy.tones import tone
from legacy.xmlrpcpp import WebStorageClient

from archive_server.sample import catalogue

PAGE = Path(__file__).parents[2] / "docs" / "moving.md"


def script_named(name: str) -> str:
    """A script of the page, by the file name in its usage line."""
    scripts = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (found,) = [script for script in scripts if name in script.partition("\n")[0]]
    return str(found)


def run(station: Station, name: str, directory: Path) -> str:
    done = subprocess.run(
        [sys.executable, "-c", script_named(name), station.url, "root", str(directory)],
        env=os.environ | {"ARCHIVE_PASSWORD": PASSWORD, "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        text=True,
        timeout=120,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_everything_in_an_old_stor_directory_is_moved(emptied: Station, tmp_path: Path) -> None:
    stor = tmp_path / "stor"
    gunid, webstream, damaged = "0000000000010001", "f000000000000001", "7000000000000001"
    held = catalogue.PLAYLISTS[0]
    for item, document, audio in (
        (gunid, documents.clip("Kőbor"), tone(440, 11)),
        ("0000000000010002", documents.clip("two"), tone(330, 11)),
        (damaged, documents.clip("damaged"), tone(330, 11)[:5000]),
        (webstream, catalogue.WEBSTREAM.document().to_xml(), b""),
        (str(held.gunid), held.xml(), None),
    ):
        (stor / item[:3]).mkdir(parents=True, exist_ok=True)
        (stor / item[:3] / f"{item}.xml").write_text(document, "utf-8")
        if audio is not None:
            (stor / item[:3] / item).write_bytes(audio)

    printed = dict(line.split(" ", 1) for line in run(emptied, "move_stor.py", stor).splitlines())
    assert printed.pop(damaged).startswith("NOT MOVED: ")
    assert set(printed.values()) == {"moved"}
    again = dict(line.split(" ", 1) for line in run(emptied, "move_stor.py", stor).splitlines())
    assert again[damaged].startswith("NOT MOVED: ")
    assert set(again.values()) - {again[damaged]} == {"is there already"}

    client = WebStorageClient(emptied).log_in(PASSWORD)
    criteria = {"filetype": "all", "conditions": []}
    found = client.ask("searchMetadata", criteria=criteria)
    assert {hit["gunid"]: hit["title"] for hit in found["results"]} == {
        gunid: "Kőbor",
        "0000000000010002": "two",
        webstream: "Webstream test 1",
        str(held.gunid): "My First Playlist",
    }


def test_files_are_described_by_their_tags(emptied: Station, tmp_path: Path) -> None:
    (tmp_path / "artist").mkdir()
    (tmp_path / "artist" / "A tone.wav").write_bytes(tone(440, 1))
    (tmp_path / "artist" / "broken.mp3").write_bytes(b"no audio")
    (tmp_path / "artist" / "cover.jpg").write_bytes(b"no audio either")
    printed = run(emptied, "move_files.py", tmp_path)
    assert len(printed.splitlines()) == 2
    assert f"NOT MOVED: {tmp_path}/artist/broken.mp3: " in printed
    client = WebStorageClient(emptied).log_in(PASSWORD)
    found = client.ask("searchMetadata", criteria={"filetype": "audioclip", "conditions": []})
    assert [hit["title"] for hit in found["results"]] == ["A tone"]
