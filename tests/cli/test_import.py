"""`import`, on an archive that others use at the same time."""

import json
import os
import signal

import pytest
from click.testing import CliRunner
from support import result_of

from archive_server.cli import importing
from archive_server.cli.main import main
from archive_server.cli.offline import finished
from archive_server.database import stores
from archive_server.model.search import Criteria


@pytest.fixture
def folder(tmp_path, wav):
    root = tmp_path / "music"
    root.mkdir()
    (root / "whole.wav").write_bytes(wav)
    return root


@pytest.fixture
def archive(services):
    """An archive that was started, with a maintainer; what is done in it is committed."""
    result_of(services.database.run(stores.add, services.store.store_id))
    services.caller()
    return services


@pytest.fixture
def run(archive, dsn, tmp_path):
    """Runs the command, which must end with the exit code given; gives its output."""
    config = tmp_path / "archive-server.toml"
    config.write_text(f'[database]\ndsn = "{dsn}"\n', encoding="utf-8")

    def command(*words, code=0, user="maintainer"):
        archive.database.connection.commit()  # the command waits for nobody
        options = ["--config", str(config), "--data", str(tmp_path), "--user", user]
        words = ["import", *map(str, words), *options]
        result = CliRunner().invoke(main, words)
        assert result.exit_code == code, result.output
        return result.output.strip()

    return command


def titles(archive):
    found = result_of(archive.search.find(archive.caller(), Criteria.build()))
    return sorted(hit.title for hit in found.hits)


def test_a_folder_is_imported_and_again_nothing_happens(run, archive, folder, wav):
    size = len(wav)
    assert run(folder) == f"imported 1 ({size} bytes), there already 0, refused 0, not audio 0"
    assert run(folder) == "imported 0 (0 bytes), there already 1, refused 0, not audio 0"
    assert titles(archive) == ["whole"]


def test_refused_files_are_named_with_their_codes(run, archive, folder, wav):
    (folder / "cut.wav").write_bytes(wav[:-1000])
    (folder / "cover.jpg").write_bytes(b"picture")
    told = json.loads(run(folder, "--json", code=3))
    (refused,) = told.pop("refused")
    assert (refused["file"], refused["code"]) == (str(folder / "cut.wav"), "wav-truncated")
    assert told == {
        "dry_run": False,
        "stopped": False,
        "imported": 1,
        "bytes": len(wav),
        "already": 0,
        "others": 1,
    }
    shown = run(folder, code=3)
    assert shown.startswith(f"refused: {folder / 'cut.wav'}: ")
    assert "[wav-truncated]" in shown


def test_refused_files_are_shown_whatever_they_are_called(run, archive, folder):
    (folder / os.fsdecode(b"caf\xe9.mp3")).write_text("no sound at all")
    (folder / "two\nlines\x1b[31m.mp3").write_text("no sound at all")
    shown = run(folder, code=3)
    assert f"refused: {folder}/caf\N{REPLACEMENT CHARACTER}.mp3: " in shown
    assert f"refused: {folder}/two\\nlines\\x1b[31m.mp3: " in shown
    files = [each["file"] for each in json.loads(run(folder, "--json", code=3))["refused"]]
    assert files == [
        f"{folder}/caf\N{REPLACEMENT CHARACTER}.mp3",
        f"{folder}/two\nlines\x1b[31m.mp3",
    ]


def test_a_dry_run_stores_nothing(run, archive, folder):
    assert run(folder, "--dry-run").startswith("would import 1 (")
    assert titles(archive) == []


def test_defaults_are_categories_and_values(run, archive, folder):
    run(folder, "--default", "dc:type=jingle = short")
    caller = archive.caller()
    (hit,) = result_of(archive.search.find(caller, Criteria.build())).hits
    assert "<dc:type>jingle = short</dc:type>" in result_of(
        archive.clips.document(caller, hit.gunid)
    )


@pytest.mark.parametrize("text", ["dc:type", "=x", "dc:type=", "no name=x"])
def test_defaults_of_another_form_are_refused(run, folder, text):
    assert "category=value expected" in run(folder, "--default", text, code=2)


def test_a_user_that_is_not_there_imports_nothing(run, archive, folder):
    assert "there is no user nobody" in run(folder, user="nobody", code=1)
    assert titles(archive) == []


def test_ctrl_c_stops_it_and_it_goes_on_when_it_is_begun_again(run, archive, folder, monkeypatch):
    def pressed(work):
        os.kill(os.getpid(), signal.SIGINT)
        return finished(work)

    handler = signal.getsignal(signal.SIGINT)
    with monkeypatch.context() as patched:
        patched.setattr(importing, "finished", pressed)
        assert "goes on from here" in run(folder, code=130)
    assert signal.getsignal(signal.SIGINT) is handler
    assert titles(archive) == []
    run(folder)
    assert titles(archive) == ["whole"]
