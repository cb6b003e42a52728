"""The directory of PostgreSQL's socket: nothing stays of it, however whoever made it has ended."""

import signal
import subprocess
import sys
from itertools import count
from pathlib import Path

import pytest

from archive_server.database.accounts import account_for
from archive_server.database.socket_directory import (
    make_socket_directory,
    remove_socket_directory,
)

# Kills itself before the change of the disk that has this number.
KILLED = """
import os, signal, sys
from pathlib import Path
from archive_server.database.accounts import account_for
from archive_server.database.socket_directory import make_socket_directory

data_dir, runtime_dir, left = Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3])
account = account_for("", [])

def count(event, arguments):
    global left
    if event in ("os.mkdir", "os.symlink", "os.chown", "os.chmod", "os.rename", "os.remove"):
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

sys.addaudithook(count)
make_socket_directory(data_dir, account, runtime_dir)
"""


@pytest.fixture
def data_dir(tmp_path: Path) -> Path:
    made = tmp_path / "data"
    made.mkdir()
    return made


@pytest.fixture
def runtime_dir(tmp_path: Path) -> Path:
    made = tmp_path / "run"
    made.mkdir(mode=0o777)
    for each in (made, *made.parents):
        if not each.stat().st_mode & 0o001:
            each.chmod(each.stat().st_mode | 0o011)
    return made


def test_it_is_made_private_and_removed_with_its_link(data_dir, runtime_dir):
    made = make_socket_directory(data_dir, account_for("", []), runtime_dir)
    assert made.parent == runtime_dir
    assert made.stat().st_mode & 0o777 == 0o700
    assert (data_dir / "socket").readlink() == made
    remove_socket_directory(data_dir)
    assert not made.exists()
    assert list(data_dir.iterdir()) == []


def test_a_kill_at_any_step_leaves_nothing_that_the_next_start_does_not_remove(
    data_dir, runtime_dir
):
    for step in count(1):
        command = (sys.executable, "-c", KILLED, data_dir, runtime_dir, str(step))
        ended = subprocess.run(command, check=False).returncode
        remove_socket_directory(data_dir)
        assert list(runtime_dir.iterdir()) == [], step
        if ended == 0:
            break
        assert ended == -signal.SIGKILL
    assert step > 2


def test_what_lies_where_a_crafted_link_leads_stays(data_dir, tmp_path):
    precious = tmp_path / "archive-precious"
    precious.mkdir()
    (tmp_path / "archive-link").symlink_to(precious)
    (data_dir / "socket").symlink_to(tmp_path / "archive-link")
    remove_socket_directory(data_dir)
    assert precious.is_dir()
    (data_dir / "socket").symlink_to(tmp_path / "data")
    remove_socket_directory(data_dir)
    assert data_dir.is_dir()
