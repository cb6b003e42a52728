"""Several processes behind one address: any of them answers, and none is missed."""

import contextlib
import http.client
import os
import signal
import socket
import threading
import time
import xmlrpc.client
from pathlib import Path
from urllib.parse import urlsplit

import psycopg2
import pytest
from fixtures.clients import PASSWORD, Client, ask
from fixtures.fix_audio import noise, tone, wav
from fixtures.fix_server import ArchiveProcess, await_end, await_refused, children

from archive_server.database.embedded import RunningPostgres

SECOND = 44100
GRACE_S = 5
TWO = f"[server]\nworkers = 2\nstop_grace_s = {GRACE_S}\n"


@pytest.fixture
def server(new_archive):
    return new_archive(TWO).start()


@pytest.fixture
def client(server):
    with Client(server.url) as client:
        yield client


def workers(server: ArchiveProcess) -> set[int]:
    found = set()
    for pid in children(server.pid):
        with contextlib.suppress(OSError):  # it has just ended
            if b"archive_server.cli.worker" in Path(f"/proc/{pid}/cmdline").read_bytes():
                found.add(pid)
    return found


def await_true(is_true, most_s=20.0):
    deadline = time.monotonic() + most_s
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


class Line:
    """A connection that is kept, and the worker at its other end."""

    def __init__(self, server: ArchiveProcess) -> None:
        self.http = http.client.HTTPConnection(*server.address, timeout=20)
        self.http.connect()
        self.get("/livez")
        mine, theirs = self.http.sock.getsockname()[1], server.address[1]
        self.worker = holder_of(f":{theirs:04X}", f":{mine:04X}", workers(server))

    def get(self, path: str, **headers: str) -> int:
        self.http.request("GET", path, headers=headers)
        answer = self.http.getresponse()
        answer.read()
        return answer.status

    def call(self, method: str, **members: object) -> int:
        """The fault code of a call; 0: it was answered."""
        body = xmlrpc.client.dumps((members,), f"locstor.{method}")
        self.http.request("POST", "/xmlrpc", body, {"Content-Type": "text/xml"})
        answer = self.http.getresponse().read()
        try:
            xmlrpc.client.loads(answer)
        except xmlrpc.client.Fault as fault:
            return fault.faultCode
        return 0


def holder_of(local: str, remote: str, pids: set[int]) -> int:
    """Which process has a connection."""
    for line in Path("/proc/net/tcp").read_text().splitlines()[1:]:
        fields = line.split()
        if fields[1].endswith(local) and fields[2].endswith(remote):
            wanted = f"socket:[{fields[9]}]"
            for pid in pids:
                for link in Path(f"/proc/{pid}/fd").iterdir():
                    with contextlib.suppress(OSError):
                        if str(link.readlink()) == wanted:
                            return pid
    raise AssertionError("nobody has this connection")


@contextlib.contextmanager
def lines_to_both(server):
    """A connection to each of two workers."""
    found: dict[int, Line] = {}
    spare = []
    deadline = time.monotonic() + 20
    while len(found) < 2:
        assert time.monotonic() < deadline, "one worker gets all connections"
        line = Line(server)
        if line.worker in found:
            spare.append(line)
        found.setdefault(line.worker, line)
    try:
        yield tuple(found.values())
    finally:
        for line in (*found.values(), *spare):
            line.http.close()


def test_what_comes_at_once_is_left_to_the_other_worker_but_not_for_long(server):
    """One hangs. Whoever has taken one, then two, then three ... waits two ms before each."""
    pid = min(workers(server))
    os.kill(pid, signal.SIGSTOP)
    try:
        began = time.monotonic()
        with contextlib.ExitStack() as opened:
            come = [
                opened.enter_context(socket.create_connection(server.address, timeout=20))
                for _ in range(40)
            ]
            for each in come:
                each.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
            assert all(each.recv(100).startswith(b"HTTP/1.1 200") for each in come)
        assert time.monotonic() - began >= 5 * 0.002
    finally:
        os.kill(pid, signal.SIGCONT)


def test_all_workers_answer_and_none_outlives_a_stop(server):
    assert len(workers(server)) == 2
    with lines_to_both(server) as (first, second):
        assert first.get("/readyz") == second.get("/readyz") == 200
    running = children(server.pid)
    assert server.stop() == 0
    await_end(running)
    assert server.check() == []


def test_what_is_ended_at_one_worker_is_refused_at_the_other_within_a_second(server, client):
    lease = client.lease(client.store(wav(tone(SECOND)), "a.wav"))
    path = urlsplit(lease["url"]).path
    session_id = client.session_id
    with lines_to_both(server) as (first, second), Client(server.url) as closing:
        for _ in range(3):  # so that both remember it
            assert first.get(path, Range="bytes=0-99") == second.get(path) - 200 + 206
            assert first.call("test", sessid=session_id, teststring="a") == 0
            assert second.call("test", sessid=session_id, teststring="a") == 0
        token = lease["token"]
        assert first.call("downloadRawAudioDataClose", sessid=session_id, token=token) == 0
        assert first.get(path) == 404  # at once
        await_true(lambda: second.get(path) == 404, most_s=1)
        assert second.call("logout", sessid=session_id) == 0
        assert second.call("test", sessid=session_id, teststring="a") == 805
        await_true(lambda: first.call("test", sessid=session_id, teststring="a") == 805, most_s=1)
        assert closing.call("test", teststring="a")["str"] == "A"


def test_what_is_ended_while_nobody_hears_of_it_is_refused(server, client):
    """The connections that listen are broken, again and again, while leases are read and closed."""
    gunid = client.store(wav(tone(SECOND)), "a.wav")
    broken = set()
    with lines_to_both(server) as (first, second), connected(server) as cursor:
        for _ in range(5):
            lease = client.lease(gunid)
            path = urlsplit(lease["url"]).path
            assert [line.get(path) for line in (first, second) for _ in range(3)] == [200] * 6
            await_true(lambda: len(those_who_hear(cursor) - broken) == 2)
            hearing = those_who_hear(cursor) - broken
            cursor.execute("SELECT pg_terminate_backend(unnest(%s))", (list(hearing),))
            broken.update(hearing)
            client.call("downloadRawAudioDataClose", token=lease["token"])
            await_true(lambda path=path: first.get(path) == second.get(path) == 404, most_s=1)


def those_who_hear(cursor):
    """The connections that listen for what is to be forgotten."""
    cursor.execute(
        "SELECT pid FROM pg_stat_activity WHERE query IN ('SELECT', 'LISTEN archive_forget')"
    )
    return {pid for (pid,) in cursor.fetchall()}


@contextlib.contextmanager
def connected(server):
    """The database, beside the server."""
    database = RunningPostgres(server.data_dir / "socket").dsn()
    with contextlib.closing(psycopg2.connect(database)) as connection:
        connection.autocommit = True
        yield connection.cursor()


class Stream:
    """Clients that ask without a pause, on connections of their own or one that is kept."""

    def __init__(self, server: ArchiveProcess, path: str) -> None:
        self.failures: list[str] = []
        self.answers = 0
        self._server, self._path = server, path
        self._is_over = threading.Event()
        self._threads = [
            threading.Thread(target=self._ask, args=(is_kept,)) for is_kept in (True, False) * 2
        ]

    def __enter__(self) -> "Stream":
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._is_over.set()
        for thread in self._threads:
            thread.join()

    def _ask(self, is_kept: bool) -> None:
        connection = http.client.HTTPConnection(*self._server.address, timeout=20)
        while not self._is_over.is_set():
            try:
                connection.request("GET", self._path, headers={"Range": "bytes=10-99"})
                answer = connection.getresponse()
                body = answer.read()
                if answer.status != 206 or len(body) != 90:
                    self.failures.append(f"{answer.status}, {len(body)} bytes")
                self.answers += 1
            except (OSError, http.client.HTTPException) as error:
                self.failures.append(repr(error))
                connection.close()
            if not is_kept:
                connection.close()
            time.sleep(0.002)
        connection.close()


def test_a_worker_that_is_killed_is_replaced_and_the_others_go_on(server, client):
    path = urlsplit(client.lease(client.store(wav(tone(SECOND)), "a.wav"))["url"]).path
    before = workers(server)
    with Stream(server, path) as stream:
        await_true(lambda: stream.answers > 50)
        os.kill(min(before), signal.SIGKILL)
        await_true(lambda: len(workers(server) - before) == 1)
        answered = stream.answers
        await_true(lambda: stream.answers > answered + 50)
    # Those whose answers it was about to give, and whose connections it was about to take.
    assert len(stream.failures) <= 4
    await_true(lambda: len(workers(server)) == 2)
    with lines_to_both(server) as (first, second):
        assert first.get("/readyz") == second.get("/readyz") == 200
    assert max(before) in workers(server)
    assert server.stop() == 0


def test_a_graceful_restart_refuses_and_breaks_nothing(server):
    whole = wav(noise(60 * SECOND))
    with Client(server.url) as client:
        gunid = client.store(whole, "a.wav")
        path = urlsplit(client.lease(gunid)["url"]).path
        upload = client.open_upload("b.wav")
        session_id = client.session_id
    before = workers(server)
    with (
        Stream(server, path) as stream,
        socket.create_connection(server.address, timeout=30) as reader,
    ):
        reader.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        received = reader.recv(65536)
        await_true(lambda: stream.answers > 50)
        server.process.send_signal(signal.SIGHUP)
        await_true(lambda: len(workers(server) - before) == 2)
        # The one who reads slowly keeps its worker for as long as it takes.
        await_true(lambda: len(workers(server) & before) <= 1)
        time.sleep(GRACE_S + 0.5)
        assert len(workers(server) & before) == 1
        while b"\r\n\r\n" not in received or len(received.partition(b"\r\n\r\n")[2]) < len(whole):
            received += reader.recv(2**20)
        assert received.partition(b"\r\n\r\n")[2] == whole
        reader.close()
        await_true(lambda: not workers(server) & before)
        answered = stream.answers
        await_true(lambda: stream.answers > answered + 50)
    assert stream.failures == []
    # Sessions, leases and uploads are as they were.
    assert ask("PUT", upload["url"], wav(tone(SECOND))).status == 200
    with Client(server.url) as client:
        client.session_id = session_id
        assert client.call("storeAudioClipClose", token=upload["token"])
        assert client.fetch(gunid) == whole
    assert server.stop() == 0
    assert server.check() == []


def test_nothing_that_a_killed_supervisor_started_lives_on(server, client):
    client.store(wav(tone(SECOND)), "a.wav")
    running = children(server.pid)
    assert len(running) > 8
    server.kill()
    await_end(running)
    server.start()
    assert server.check() == []


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_transfer_ends_within_the_grace_time_and_postgresql_stops_last(server, client, number):
    whole = wav(noise(30 * SECOND))
    lease = client.lease(client.store(whole, "a.wav"))
    path = urlsplit(lease["url"]).path
    with socket.create_connection(server.address, timeout=30) as reader:
        reader.sendall(f"GET {path} HTTP/1.0\r\n\r\n".encode())
        received = reader.recv(65536)
        stopping = threading.Thread(target=server.stop, args=(number,))
        stopping.start()
        await_refused(server.address)
        received += b"".join(iter(lambda: reader.recv(2**20), b""))
        stopping.join(30)
    assert received.partition(b"\r\n\r\n")[2] == whole
    assert server.wait() == 0


def test_guesses_at_all_workers_are_counted_together(server):
    with lines_to_both(server) as lines, connected(server) as cursor:
        for line in lines * 2:
            assert line.call("login", login="root", **{"pass": "wrong"}) == 802
        cursor.execute("SELECT min(failures), max(failures) FROM login_failure")
        assert cursor.fetchone() == (4, 4)


def test_a_configuration_that_is_wrong_leaves_the_old_workers_be(server, client):
    before = workers(server)
    server.config.write_text(TWO + "[nonsense]\n")
    server.process.send_signal(signal.SIGHUP)
    await_true(lambda: "a new worker does not start" in server.errors.read_text())
    await_true(lambda: workers(server) == before)
    assert client.call("test", teststring="a")["str"] == "A"
    server.config.write_text(TWO)


def test_a_hang_up_while_it_starts_is_no_end(new_archive):
    server = new_archive(TWO)
    process = server.launch()
    await_true(lambda: (server.data_dir / "lock").exists())
    for _ in range(20):
        process.send_signal(signal.SIGHUP)
        time.sleep(0.05)
    output = server.data_dir.with_suffix(".out")
    await_true(lambda: process.poll() is not None or "is ready" in output.read_text(), most_s=60)
    assert server.stop() == 0
    assert output.read_text().count("is ready") == 1


def test_workers_that_cannot_start_are_an_error(new_archive, archive):
    second = new_archive(TWO, name="second")
    assert second.launch("{}:{}".format(*archive.address)).wait(60) == 1
    assert "Couldn't listen" in second.errors.read_text()


def test_the_first_password_is_the_supervisors_secret(server):
    for pid in workers(server):
        assert PASSWORD.encode() not in Path(f"/proc/{pid}/environ").read_bytes()
