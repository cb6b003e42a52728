"""`backup`, `restore` and `drill` as an administrator gives them."""

import json
import shutil
import subprocess

import pytest
from click.testing import CliRunner
from support import result_of

from archive_server.cli.main import main
from archive_server.database import chores, stores
from archive_server.services.drilling import DRILL
from archive_server.services.restoring import MARK


@pytest.fixture
def stocked(services, wav, dsn):
    """An archive with a clip; what is done in it is committed."""
    result_of(services.database.run(stores.add, services.store.store_id))
    services.store_clip(wav)
    return services


@pytest.fixture
def run(stocked, dsn, tmp_path):
    """Runs a command, which must end with the exit code given; gives its output."""
    config = tmp_path / "archive-server.toml"

    def command(*words, code=0, data=tmp_path, extra=""):
        stocked.database.connection.commit()  # the command waits for nobody
        config.write_text(f'[database]\ndsn = "{dsn}"\n{extra}', encoding="utf-8")
        options = ["--config", str(config), "--data", str(data)]
        result = CliRunner().invoke(main, [*map(str, words), *options])
        assert result.exit_code == code, result.output
        return result.output.strip()

    return command


@pytest.fixture
def place(tmp_path):
    return tmp_path / "backups"


def test_a_backup_tells_what_it_has_done(run, place, wav):
    told = json.loads(run("backup", place, "--json"))
    assert (told["items"], told["contents"], told["copied_size"]) == (1, 1, len(wav))
    assert "copied 0 (0 bytes), snapshots removed 1" in run("backup", place, "--keep", "1")
    assert run("backup", place, "--verify") == f"whole: 1 snapshots, 1 contents, {len(wav)} bytes"


def test_where_backups_are_can_be_configured(run, place):
    assert "[backup] directory" in run("backup", code=1)
    extra = f'[backup]\ndirectory = "{place}"\nkeep = 1\n'
    run("backup", extra=extra)
    assert "snapshots removed 1" in run("backup", extra=extra)


def test_the_contents_of_a_snapshot_can_be_checked_with_sha256sum(run, place):
    told = json.loads(run("backup", place, "--json"))
    listed = place / "snapshots" / told["snapshot"] / "contents.gz"
    command = f"zcat {listed} | sha256sum --check --quiet"
    subprocess.run(command, shell=True, check=True, cwd=place)
    manifest = ["sha256sum", "--check", "--quiet", "manifest.sha256"]
    subprocess.run(manifest, check=True, cwd=listed.parent)


def test_what_the_archive_lacks_ends_with_3(run, stocked, place):
    (content,) = stocked.store.contents()
    stocked.store.path(content).unlink()
    assert f"missing or damaged in the archive: {content}" in run("backup", place, code=3)


def test_damage_of_a_backup_ends_with_3(run, place):
    run("backup", place)
    (content,) = (path for path in (place / "store/content").rglob("*") if path.is_file())
    content.unlink()
    assert f"missing: {content.name}" in run("backup", place, "--verify", code=3)
    assert json.loads(run("backup", place, "--verify", "--json", code=3))["whole"] is False


def test_an_archive_is_not_restored_over_another(run, place, tmp_path):
    run("backup", place)
    assert "not empty" in run("restore", place, code=1)
    # Not even where the directory is new, while the database holds one.
    new = tmp_path / "new"
    assert "the database is not empty" in run("restore", place, data=new, code=1)
    assert not (new / "store").exists()


@pytest.mark.parametrize("command", ["restore", "drill"])
def test_what_there_is_not_is_named(run, place, tmp_path, command):
    assert "there are no backups" in run(command, place, data=_new(tmp_path, command), code=1)
    run("backup", place)
    data = _new(tmp_path, command)
    assert "no snapshot 2020" in run(command, place, "--snapshot", "2020", data=data, code=1)


def _new(tmp_path, command):
    return tmp_path / "new" if command == "restore" else tmp_path


def test_a_drill_proves_a_backup_and_notes_when(run, stocked, place, tmp_path):
    told = json.loads(run("drill", place, "--fresh", "--json"))
    assert told["proven"]
    assert (told["restored"]["items"], told["compared"]["same"]) == (1, 1)
    assert DRILL in result_of(stocked.database.run(chores.list_ended))
    assert not list(tmp_path.parent.glob("archive-drill-*"))


def test_a_drill_that_fails_notes_nothing(run, stocked, place, tmp_path):
    run("backup", place)
    (content,) = (path for path in (place / "store/content").rglob("*") if path.is_file())
    content.unlink()
    assert "NOT PROVEN" in run("drill", place, "--scratch", tmp_path, code=3)
    assert DRILL not in result_of(stocked.database.run(chores.list_ended))
    shutil.rmtree(place)


def test_check_tells_of_sidecars_that_are_wrong_and_has_them_written_again(run, stocked):
    result_of(stocked.sidecars.catch_up())
    assert json.loads(run("check", "--json"))["findings"] == []
    (path,) = stocked.store.root.glob("items/*/*.json")
    good = path.read_bytes()
    path.write_text("{}")
    orphan = path.parent / f"{'0' * 14}{path.parent.name}.json"
    orphan.write_text("{}")
    found = json.loads(run("check", "--json"))["findings"]
    assert {each["subject"].removeprefix("sidecar ") for each in found} == {path.stem, orphan.stem}
    result_of(stocked.sidecars.catch_up())
    assert path.read_bytes() == good
    assert orphan.exists()


def test_what_is_half_restored_is_not_rebuilt(run, tmp_path):
    (tmp_path / MARK).write_text("20261122T045806.918534Z\n")
    assert "is not restored yet: give the same `restore` again" in run("rebuild", code=1)
