"""Starting and stopping, alone and beside others; PostgreSQL taken away from a running server."""

import os
import signal
import socket
import threading
import time
import xmlrpc.client
from urllib.parse import urlsplit

import pytest
from fixtures.clients import Client, ask
from fixtures.fix_audio import noise, tone, wav
from fixtures.fix_database import empty_database
from fixtures.fix_server import ArchiveProcess, await_end, await_refused, children, external

from archive_server.database.embedded import EmbeddedPostgres

SECOND = 44100


def postmaster(server: ArchiveProcess) -> int:
    """The process id of the embedded PostgreSQL."""
    return int((server.data_dir / "postgres" / "postmaster.pid").read_text().split()[0])


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_takes_seconds_and_leaves_no_process_behind(new_archive, number):
    server = new_archive("[server]\nstop_grace_s = 1\n").start()
    with Client(server.url) as client:
        gunid = client.store(wav(noise(60 * SECOND)), "a.wav")  # probe workers run now
        parts = urlsplit(client.lease(gunid)["url"])
        running = children(server.pid)
        assert postmaster(server) in running
        assert len(running) > 6  # PostgreSQL's own and a probe worker
        with socket.create_connection((parts.hostname, parts.port)) as reader:
            reader.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            assert reader.recv(1000).startswith(b"HTTP/1.1 200")
            begun = time.monotonic()
            assert server.stop(number) == 0
            assert time.monotonic() - begun < 5
    assert not any(map(alive, running))
    assert not (server.data_dir / "postgres" / "postmaster.pid").exists()
    assert server.check() == []


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return True


def test_a_transfer_ends_within_the_grace_time(new_archive):
    server = new_archive("[server]\nstop_grace_s = 20\n").start()
    whole = wav(noise(60 * SECOND))
    with Client(server.url) as client:
        lease = client.lease(client.store(whole, "a.wav"))
        parts = urlsplit(lease["url"])
        with socket.create_connection((parts.hostname, parts.port), timeout=30) as reader:
            reader.sendall(f"GET {parts.path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            received = reader.recv(65536)
            stopping = threading.Thread(target=server.stop)
            stopping.start()
            await_refused((parts.hostname, parts.port))
            received += b"".join(iter(lambda: reader.recv(2**20), b""))
            stopping.join(30)
    assert received.partition(b"\r\n\r\n")[2] == whole
    assert server.wait() == 0


def test_nothing_that_a_killed_server_started_lives_on(new_archive):
    server = new_archive().start()
    with Client(server.url) as client:
        client.store(wav(tone(SECOND)), "a.wav")
    running = children(server.pid)
    server.kill()
    await_end(running)
    server.start()
    assert server.check() == []


def test_a_second_server_on_a_directory_says_who_has_it(new_archive, archive):
    second = new_archive()
    second.data_dir = archive.data_dir
    assert second.launch().wait(30) == 4
    (line,) = second.errors.read_text().splitlines()
    expected = f"{archive.data_dir} is in use by process {archive.pid} (archive-server serve)"
    assert line == f"Error: {expected}"


def test_a_second_server_with_the_same_external_database_says_so(new_archive, dsn):
    first = new_archive(external(dsn)).start()
    second = new_archive(external(dsn))
    assert second.launch().wait(30) == 4
    assert f"is in use by process {first.pid}" in second.errors.read_text()


def test_a_port_in_use_is_a_sentence(new_archive, archive, dsn):
    second = new_archive(external(dsn), name="second")
    assert second.launch("{}:{}".format(*archive.address)).wait(30) == 1
    last = second.errors.read_text().splitlines()[-1]
    assert last.startswith("Error: Couldn't listen on {}:{}".format(*archive.address))
    assert "in use" in last


def test_an_external_database_is_changed_only_by_migrate(new_archive, postgres: EmbeddedPostgres):
    with empty_database(postgres) as dsn:
        server = new_archive(external(dsn))
        assert server.launch().wait(30) == 1
        assert "archive-server migrate" in server.errors.read_text()
        migrated = server.command("migrate")
        assert migrated.returncode == 0, migrated.stderr
        assert "0001_users" in migrated.stdout
        assert server.command("migrate").stdout == "the schema is up to date\n"
        server.start()
        assert not (server.data_dir / "postgres").exists()
        with Client(server.url) as client:
            whole = wav(tone(SECOND))
            assert client.fetch(client.store(whole, "a.wav")) == whole
        assert server.check() == []
        assert server.stop() == 0


def test_an_external_database_that_is_away_is_a_sentence(new_archive, tmp_path):
    server = new_archive(external(f"host={tmp_path} dbname=nowhere"))
    assert server.launch().wait(30) == 1
    assert "the database cannot be reached" in server.errors.read_text()


def test_the_server_survives_the_death_of_its_database(new_archive):
    """Callers are told to try again, a download goes on, and then all is as before."""
    server = new_archive().start()
    whole = wav(noise(120 * SECOND))
    with Client(server.url) as client:
        gunid = client.store(whole, "a.wav")
        lease = client.lease(gunid)
        parts = urlsplit(lease["url"])
        with socket.create_connection((parts.hostname, parts.port), timeout=30) as reader:
            reader.sendall(f"GET {parts.path} HTTP/1.0\r\n\r\n".encode())
            received = reader.recv(65536)
            first = postmaster(server)
            observed = Outage()
            while not (observed.faults and observed.refusals):
                os.kill(postmaster(server), signal.SIGKILL)
                observed.watch(client, gunid, lease["url"])
            received += b"".join(iter(lambda: reader.recv(2**20), b""))
        assert received.partition(b"\r\n\r\n")[2] == whole
        assert postmaster(server) != first
        assert client.fetch(gunid) == whole
        assert client.store(wav(tone(SECOND)), "b.wav")
    assert observed.longest_s < 15
    assert server.check() == []
    assert server.stop() == 0


class Outage:
    """What clients notice of one."""

    def __init__(self) -> None:
        self.faults: list[str] = []
        self.refusals: list[object] = []
        self.longest_s = 0.0

    def watch(self, client: Client, gunid: str, url: str) -> None:
        """Call until all calls have been answered well for a second."""
        begun = well_since = time.monotonic()
        while time.monotonic() < well_since + 1:
            assert time.monotonic() < begun + 30, self.faults
            if not self._is_well(client, gunid, url):
                well_since = time.monotonic()
                self.longest_s = max(self.longest_s, well_since - begun)
            time.sleep(0.02)

    def _is_well(self, client: Client, gunid: str, url: str) -> bool:
        answer = ask("GET", url, headers={"Range": "bytes=0-99"})
        if answer.status != 206:
            assert answer.status == 503
            assert int(answer.headers["Retry-After"]) > 0
            self.refusals.append(answer.problem)
        try:
            client.call("existsAudioClip", gunid=gunid)
        except xmlrpc.client.Fault as fault:
            assert fault.faultCode == 804
            assert "try again" in fault.faultString
            self.faults.append(fault.faultString)
            return False
        return answer.status == 206
