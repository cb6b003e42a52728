"""The database of a real archive is lost, and made anew from its store."""

import json
import shutil

import pytest
from fixtures.fix_server import await_end, children
from fixtures.stocked_archive import seen, settle, stock


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
