"""The HTTP edge as curl and raw sockets find it: a real process on a real port."""

import hashlib
import os
import re
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from xmlrpc.client import ServerProxy

import pytest
from fixtures.fix_http import tone
from support import needs_tool

PASSWORD = "a password of this test"
MIB = 1024 * 1024


@dataclass(frozen=True)
class Running:
    """A server and somebody who is logged in."""

    process: subprocess.Popen[str]
    url: str
    calls: Any
    session_id: str

    def upload(self, file_name: str) -> dict[str, str]:
        struct = {"sessid": self.session_id, "metadata": "", "fname": file_name, "chsum": ""}
        opened: dict[str, str] = self.calls.locstor.storeAudioClipOpen(struct)
        return opened

    def store(self, file: Path) -> str:
        """Store a clip, and give the URL of a lease of it."""
        upload = self.upload(file.name)
        curl("-f", "-T", str(file), upload["url"])
        struct = {"sessid": self.session_id, "token": upload["token"]}
        struct |= self.calls.locstor.storeAudioClipClose(struct)
        return str(self.calls.locstor.downloadRawAudioDataOpen(struct)["url"])

    @property
    def address(self) -> tuple[str, int]:
        return "127.0.0.1", int(self.url.rpartition(":")[2].strip("/"))

    @property
    def peak_bytes(self) -> int:
        """The most memory the process has had."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(status.split("VmHWM:")[1].split()[0]) * 1024


@pytest.fixture
def server(dsn: str, tmp_path: Path) -> Iterator[Running]:
    """A server on a port of its own."""
    config = tmp_path / "archive.toml"
    config.write_text(f'[server]\nstop_grace_s = 1\n[database]\ndsn = "{dsn}"\n')
    program = "from archive_server.cli.main import main; main()"
    where = ["--data", str(tmp_path / "data"), "--config", str(config), "--listen", "127.0.0.1:0"]
    process = subprocess.Popen(
        [sys.executable, "-c", program, "serve", *where, "--log-level", "error"],
        env=os.environ | {"ARCHIVE_ADMIN_PASSWORD": PASSWORD},
        stdout=subprocess.PIPE,
        text=True,
    )
    try:
        assert process.stdout is not None
        ready = next(line for line in process.stdout if "ready at" in line)
        match = re.search(r"http://127\.0\.0\.1:\d+", ready)
        assert match is not None
        with ServerProxy(f"{match[0]}/RPC2") as calls:
            session: Any = calls.locstor.login({"login": "root", "pass": PASSWORD})
            yield Running(process, match[0], calls, session["sessid"])
    finally:
        process.terminate()
        process.communicate(timeout=30)


def curl(*arguments: str) -> str:
    """Run curl; return what it prints."""
    command = ["curl", "--silent", "--show-error", "--max-time", "60", *arguments]
    return subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout


def offset_of(url: str) -> int:
    """How far an upload has come."""
    found = re.search(r"(?i)^upload-offset: (\d+)", curl("-I", url), re.MULTILINE)
    assert found is not None
    return int(found[1])


def await_true(is_true: Callable[[], bool], most_s: float = 30) -> None:
    deadline = time.monotonic() + most_s
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


@pytest.fixture(scope="module")
def audio(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A WAV file of 20 MiB."""
    file = tmp_path_factory.mktemp("audio") / "Ein Ton.wav"
    header, second = tone(440, 20 * MIB / 88200)[:44], tone(440, 1)[44:]
    size = 20 * MIB
    file.write_bytes((header + second * (size // len(second) + 1))[: 44 + size])
    return file


@needs_tool("curl")
def test_curl_stores_resumes_and_fetches(server: Running, audio: Path, tmp_path: Path) -> None:
    upload = server.upload(audio.name)
    slow = subprocess.Popen(["curl", "-s", "--limit-rate", "2M", "-T", str(audio), upload["url"]])
    await_true(lambda: offset_of(upload["url"]) > 0)
    slow.kill()
    slow.wait()
    assert offset_of(upload["url"]) < audio.stat().st_size

    def status_from(offset: int) -> str:
        sending = ("-C", str(offset), "-T", str(audio), upload["url"])
        return curl("-o", "/dev/null", "-w", "%{http_code}", *sending)

    # Once the server has seen that the first one has gone.
    await_true(lambda: status_from(offset_of(upload["url"])) == "200")
    assert status_from(17) == "409"
    struct = {"sessid": server.session_id, "token": upload["token"]}
    struct |= server.calls.locstor.storeAudioClipClose(struct)
    lease = server.calls.locstor.downloadRawAudioDataOpen(struct)

    fetched = tmp_path / "fetched.wav"
    curl("-f", "-o", str(fetched), lease["url"])
    assert fetched.read_bytes() == audio.read_bytes()
    os.truncate(fetched, 1234567)
    curl("-f", "-C", "-", "-o", str(fetched), lease["url"])
    assert hashlib.md5(fetched.read_bytes()).hexdigest() == lease["chsum"]
    assert curl("-f", "-r", "8-11", lease["url"]) == "WAVE"
    assert f"Content-Length: {lease['size']}" in curl("-f", "-I", lease["url"])


@needs_tool("curl")
def test_curl_sees_why_it_is_refused(server: Running, audio: Path) -> None:
    """The answer comes while curl still sends."""
    status = ("-o", "/dev/null", "-w", "%{http_code}")
    for expectation in ("Expect: 100-continue", "Expect:"):
        for path, expected in (("/upload/" + "0" * 32, "404"), ("/livez", "405")):
            url = server.url + path
            assert curl(*status, "-H", expectation, "-T", str(audio), url) == expected
    chunked = ("-H", "Transfer-Encoding: chunked", "-X", "POST", "-T", str(audio))
    assert "faultCode" in curl(*chunked, server.url + "/RPC2")


@needs_tool("curl")
def test_memory_stays_flat(server: Running, audio: Path) -> None:
    """Clients that do not read, and one that sends a lot, cost a few blocks each."""
    path = server.store(audio).removeprefix(server.url)
    before = server.peak_bytes
    clients = [socket.create_connection(server.address) for _ in range(20)]
    for client in clients:
        client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode() * 50)
    length = 300 * MIB
    with socket.create_connection(server.address) as sender:
        target = server.upload("long.wav")["url"].removeprefix(server.url)
        sender.sendall(
            f"PUT {target} HTTP/1.1\r\nHost: a\r\nContent-Length: {length}\r\n\r\n".encode()
        )
        for _ in range(length // MIB):
            sender.sendall(bytes(MIB))
        assert sender.recv(100).startswith(b"HTTP/1.1 200 OK\r\n")
    assert server.peak_bytes - before < 60 * MIB
    for client in clients:
        client.close()


@needs_tool("curl")
def test_requests_in_a_row_are_answered_in_order(server: Running, audio: Path) -> None:
    path = server.store(audio).removeprefix(server.url)
    whole = audio.read_bytes()
    with socket.create_connection(server.address) as client:
        for first in range(0, 10 * MIB, MIB):
            wanted = f"Range: bytes={first}-{first + MIB - 1}"
            client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n{wanted}\r\n\r\n".encode())
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        received = b"".join(iter(lambda: client.recv(MIB), b""))
    bodies = b""
    for _ in range(10):
        head, _, rest = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 206 Partial Content\r\n")
        bodies, received = bodies + rest[:MIB], rest[MIB:]
    assert bodies == whole[: 10 * MIB]
    assert received.endswith(b"\r\n\r\nok\n")


@needs_tool("curl")
def test_a_stop_keeps_what_has_arrived(server: Running, audio: Path, tmp_path: Path) -> None:
    token = server.upload(audio.name)["token"]
    with socket.create_connection(server.address) as client:
        client.sendall(
            f"PUT /upload/{token} HTTP/1.1\r\nHost: a\r\nContent-Length: 99999\r\n\r\n".encode()
        )
        client.sendall(b"x" * 5000)
        for _ in range(5):  # what has come before these has been taken in
            server.upload(audio.name)
        begun = time.monotonic()
        server.process.send_signal(signal.SIGTERM)
        server.process.wait(timeout=20)
        assert time.monotonic() - begun < 10
    assert (tmp_path / "data" / "store" / "staging" / token).read_bytes() == b"x" * 5000
