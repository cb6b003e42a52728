"""Certificates are renewed while the archive serves; broken ones change nothing."""

import os
import signal
import socket
import ssl
import subprocess
import time
from contextlib import suppress
from pathlib import Path

import pytest
from fixtures.clients import PASSWORD
from fixtures.fix_server import ArchiveProcess, children
from support import needs_tool

from archive_server.app.tls import Certificates
from archive_server.options import ConfigError

pytestmark = needs_tool("openssl")


def make(directory: Path, name: str) -> None:
    """A certificate for `name`, and its key, as openssl makes them, in the place of others."""
    new = directory / "new.key", directory / "new.pem"
    subprocess.run(
        ["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
         "-nodes", "-days", "1", "-subj", f"/CN={name}", "-keyout", new[0], "-out", new[1]],
        check=True, capture_output=True,
    )  # fmt: skip
    new[0].replace(directory / "key.pem")
    new[1].replace(directory / "certificate.pem")


def shown(port: int) -> bytes:
    """The certificate that a new connection is shown."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with (
        socket.create_connection(("127.0.0.1", port), timeout=20) as plain,
        context.wrap_socket(plain) as secured,
    ):
        found = secured.getpeercert(binary_form=True)
        assert found is not None
        return found


def kept(directory: Path) -> bytes:
    return ssl.PEM_cert_to_DER_cert((directory / "certificate.pem").read_text())


def await_shown(port: int, certificate: bytes, log: Path) -> None:
    deadline = time.monotonic() + 30
    while any(shown(port) != certificate for _ in range(4)):  # each worker has its own
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.1)


def await_line(log: Path, text: str) -> None:
    deadline = time.monotonic() + 30
    while text not in log.read_text():
        assert time.monotonic() < deadline, log.read_text()
        time.sleep(0.05)


@pytest.mark.parametrize("workers", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_sighup_renews_and_a_broken_certificate_keeps_the_old(new_archive, tmp_path, workers):
    make(tmp_path, "first")
    first = kept(tmp_path)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    server: ArchiveProcess = new_archive(
        f'[server]\nworkers = {workers}\n[tls]\nlisten = ["127.0.0.1:{port}"]\n'
        f'certificate = "{tmp_path}/certificate.pem"\nkey = "{tmp_path}/key.pem"\n'
    )
    server.start()
    assert shown(port) == first
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.create_connection(("127.0.0.1", port), timeout=60) as plain:
        open_before = context.wrap_socket(plain)

        make(tmp_path, "second")
        second = kept(tmp_path)
        server.process.send_signal(signal.SIGHUP)
        await_shown(port, second, server.errors)

        (tmp_path / "certificate.pem").write_text("half of a certi")
        server.process.send_signal(signal.SIGHUP)
        await_line(server.errors, "holds no certificate in PEM")
        assert {shown(port) for _ in range(4)} == {second}

        # What was open has gone on with what it had.
        open_before.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")
        assert open_before.recv(100).startswith(b"HTTP/1.1 200 OK")
        open_before.close()
    assert PASSWORD not in server.errors.read_text()


@pytest.mark.slow
def test_a_worker_that_dies_while_the_certificate_is_broken_is_replaced(new_archive, tmp_path):
    """By one that shows what was good last: not what was there when the server was started."""
    make(tmp_path, "first")
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = int(free.getsockname()[1])
    server: ArchiveProcess = new_archive(
        f'[server]\nworkers = 2\n[tls]\nlisten = ["127.0.0.1:{port}"]\n'
        f'certificate = "{tmp_path}/certificate.pem"\nkey = "{tmp_path}/key.pem"\n'
    )
    server.start()
    make(tmp_path, "second")
    second = kept(tmp_path)
    await_shown(port, second, server.errors)
    time.sleep(3)  # the first process looks each second, too
    (tmp_path / "certificate.pem").write_text("half of a certi")
    (tmp_path / "key.pem").unlink()
    workers = workers_of(server)
    for worker in workers:
        os.kill(worker, signal.SIGKILL)
    deadline = time.monotonic() + 30
    while len(replaced := workers_of(server) - workers) < 2 or not is_answered(port):
        assert time.monotonic() < deadline, server.errors.read_text()
        time.sleep(0.1)
    await_line(server.errors, "the certificate of before stays in use")
    assert {shown(port) for _ in range(8)} == {second}
    assert workers_of(server) == replaced, server.errors.read_text()
    make(tmp_path, "third")
    await_shown(port, kept(tmp_path), server.errors)
    assert server.stop() == 0


def workers_of(server: ArchiveProcess) -> set[int]:
    return {pid for pid in children(server.pid) if b"archive_server.cli.worker" in command(pid)}


def command(pid: int) -> bytes:
    with suppress(OSError):  # it has ended meanwhile
        return Path(f"/proc/{pid}/cmdline").read_bytes()
    return b""


def is_answered(port: int) -> bool:
    try:
        return bool(shown(port))
    except OSError:
        return False


@pytest.fixture
def looked_at(tmp_path):
    make(tmp_path, "first")
    return Certificates(tmp_path / "certificate.pem", tmp_path / "key.pem")


def context_of(certificates: Certificates) -> object:
    return certificates._context


def test_files_that_change_are_read_when_they_rest(looked_at, tmp_path):
    first = context_of(looked_at)
    looked_at.look()
    assert context_of(looked_at) is first
    make(tmp_path, "second")
    looked_at.look()
    assert context_of(looked_at) is first
    looked_at.look()
    second = context_of(looked_at)
    assert second is not first
    looked_at.look()
    assert context_of(looked_at) is second


@pytest.mark.parametrize("file", ["certificate.pem", "key.pem"])
@pytest.mark.parametrize("damage", ["gone", "half", "other"])
def test_what_cannot_be_used_changes_nothing_and_is_tried_once(looked_at, tmp_path, file, damage):
    path, good = tmp_path / file, (tmp_path / file).read_bytes()
    first = context_of(looked_at)
    if damage == "gone":
        path.unlink()
    elif damage == "half":
        path.write_bytes(good[: len(good) // 2])
    else:
        other = tmp_path / "other"
        other.mkdir()
        make(other, "other")
        (other / file).replace(path)
    for _ in range(4):
        looked_at.look()
    assert context_of(looked_at) is first
    with pytest.raises(ConfigError):
        Certificates(tmp_path / "certificate.pem", tmp_path / "key.pem")
    path.write_bytes(good)
    for _ in range(2):
        looked_at.look()
    assert context_of(looked_at) is not first
