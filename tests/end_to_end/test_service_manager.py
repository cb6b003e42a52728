"""Under a service manager: what it hears, and when."""

import os
import signal
import socket
import subprocess

import pytest
from fixtures.clients import PASSWORD


@pytest.fixture
def manager(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.settimeout(60)
        yield end


@pytest.mark.parametrize("workers", [1, 2])
def test_it_hears_of_the_beginning_signs_of_life_and_the_end(
    new_archive, tmp_path, manager, workers
):
    server = new_archive()
    words = ["serve", "--listen", "127.0.0.1:0", "--workers", str(workers)]
    process = subprocess.Popen(
        [*server.program, *words, "--data", str(server.data_dir), "--config", str(server.config)],
        env=os.environ
        | {
            "ARCHIVE_ADMIN_PASSWORD": PASSWORD,
            "NOTIFY_SOCKET": manager.getsockname(),
            "WATCHDOG_USEC": "30000000",
        },
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        heard = [manager.recv(1000)]
        while not heard[-1].startswith(b"READY=1\nSTATUS=serving at http://127.0.0.1:"):
            assert heard[-1] == b"WATCHDOG=1"  # it turns before clients can come
            heard.append(manager.recv(1000))
        assert [manager.recv(1000) for _ in range(2)] == [b"WATCHDOG=1"] * 2
        process.send_signal(signal.SIGTERM)
        while (last := manager.recv(1000)) == b"WATCHDOG=1":
            pass
        assert last == b"STOPPING=1"
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
