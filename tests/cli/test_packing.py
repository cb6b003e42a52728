"""`backup` and `restore`, on an archive that others use at the same time."""

import contextlib
import json

import pytest
from click.testing import CliRunner
from services.packed import delete_everything, packed, shown, unpacked
from support import result_of

from archive_server.cli.main import main
from archive_server.database import stores
from archive_server.model.gunid import Gunid

ONE = Gunid.parse("00000000000000a1")
TWO = Gunid.parse("00000000000000a2")


def titled(title):
    return f"<audioClip><metadata><dc:title>{title}</dc:title></metadata></audioClip>"


@pytest.fixture
def stocked(services, wav, dsn):
    """An archive with two clips; what is done in it is committed."""
    result_of(services.database.run(stores.add, services.store.store_id))
    services.store_clip(wav, gunid=ONE, document=titled("one"))
    services.store_clip(wav, gunid=TWO, document=titled("two"))
    return services


@pytest.fixture
def run(stocked, dsn, tmp_path):
    """Runs a command, which must end with the exit code given; gives its output."""
    config = tmp_path / "archive-server.toml"
    config.write_text(f'[database]\ndsn = "{dsn}"\n', encoding="utf-8")

    def command(*words, code=0, user="maintainer"):
        stocked.database.connection.commit()  # the command waits for nobody
        options = ["--config", str(config), "--data", str(tmp_path), "--user", user]
        result = CliRunner().invoke(main, [*map(str, words), *options])
        assert result.exit_code == code, result.output
        return result.output.strip()

    return command


@pytest.fixture
def file(tmp_path):
    return tmp_path / "all.tar"


def test_everything_goes_into_a_file_and_comes_back(run, stocked, file):
    before = shown(stocked)
    assert run("pack", file) == f"{file}: 2 clips, {file.stat().st_size} bytes"
    delete_everything(stocked)
    assert run("unpack", file) == "restored 2, unchanged 0, failed 0"
    assert shown(stocked) == before
    assert run("unpack", file) == "restored 0, unchanged 2, failed 0"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--where", "dc:title = two"], {TWO}),
        (["--where", "dc:title = two", "--where", "dc:title = one", "--any"], {ONE, TWO}),
        (["--where", "dc:title = two", "--where", "dc:title = one"], set()),
        (["--type", "playlist"], set()),
        (["--type", "audioclip", "--limit", "1"], {ONE}),
    ],
)
def test_criteria_say_what_goes_into_it(run, file, options, expected):
    told = json.loads(run("pack", file, *options, "--json"))
    assert told == {"file": str(file), "clips": len(expected), "bytes": file.stat().st_size}
    names = {name for name in unpacked(file.read_bytes()) if name.endswith(".xml")}
    assert names == {f"audioClip/{gunid}.xml" for gunid in expected} | {"meta-inf/storage.xml"}


def test_a_file_that_is_there_stays_unless_it_is_to_be_replaced(run, file):
    file.write_text("precious")
    assert "--overwrite" in run("pack", file, code=1)
    assert file.read_text() == "precious"
    run("pack", file, "--overwrite")
    assert unpacked(file.read_bytes())


def test_what_is_not_complete_gets_no_name(run, stocked, file, tmp_path):
    for content in (stocked.store.root / "content").rglob("*"):
        if content.is_file():
            content.unlink()
    assert "cannot be found" in run("pack", file, code=1)
    assert not list(tmp_path.glob("all.tar*"))


def test_a_place_that_cannot_be_written_to_is_named(run, tmp_path):
    place = tmp_path / "nowhere" / "all.tar"
    assert f"{place} cannot be written" in run("pack", place, code=1)


@pytest.mark.parametrize("condition", ["", "dc:title", "dc:title =", "dc:title = "])
def test_a_condition_without_its_three_parts_is_a_wrong_call(run, file, condition):
    assert "category, operator and value" in run("pack", file, "--where", condition, code=2)


@pytest.mark.parametrize("condition", ["dc:title is x", "dc:nonsense = x", "<x> = y"])
def test_a_condition_that_makes_no_sense_is_told(run, file, condition):
    run("pack", file, "--where", condition, code=1)
    assert not file.exists()


def test_nobody_does_it_for_a_user_who_is_not_there(run, file):
    assert "there is no user nobody" in run("pack", file, code=1, user="nobody")


def test_what_could_not_be_restored_is_named_and_ends_with_3(run, stocked, file, wav):
    run("pack", file)
    files = unpacked(file.read_bytes())
    files[f"audioClip/{ONE}"] = wav[:-1]
    file.write_bytes(packed(files))
    delete_everything(stocked)
    output = run("unpack", file, code=3)
    assert output.startswith(f"not restored: audioClip/{ONE}.xml: ")
    assert output.endswith("restored 1, unchanged 0, failed 1")
    told = json.loads(run("unpack", file, "--json", code=3))
    assert (told["restored"], told["unchanged"]) == (0, 1)
    assert [each["item"] for each in told["failures"]] == [f"audioClip/{ONE}.xml"]


def test_what_is_no_backup_is_refused(run, file):
    file.write_bytes(b"x" * 2000)
    assert "it is no tar archive" in run("unpack", file, code=1)
    with contextlib.suppress(FileNotFoundError):
        file.unlink()
    run("unpack", file, code=2)
