"""What systemd is told, as it would hear it."""

import socket

import pytest

from archive_server.app.service_manager import ServiceManager


@pytest.fixture
def listening(tmp_path):
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind(str(tmp_path / "notify"))
        end.settimeout(1)
        yield end


def test_everything_is_told_in_the_manager_s_words(listening):
    manager = ServiceManager(listening.getsockname(), watchdog_s=30)
    manager.ready("serving at http://127.0.0.1:8000/")
    manager.beat()
    manager.reloading()
    manager.stopping()
    assert [listening.recv(200) for _ in range(4)] == [
        b"READY=1\nSTATUS=serving at http://127.0.0.1:8000/",
        b"WATCHDOG=1",
        b"RELOADING=1",
        b"STOPPING=1",
    ]


def test_an_abstract_socket_is_understood():
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as end:
        end.bind("\0archive-server-tests")
        end.settimeout(1)
        ServiceManager("@archive-server-tests").stopping()
        assert end.recv(200) == b"STOPPING=1"


def test_who_is_not_watched_gives_no_signs_of_life(listening):
    manager = ServiceManager(listening.getsockname())
    manager.beat()
    manager.stopping()
    assert listening.recv(200) == b"STOPPING=1"


def test_who_has_no_manager_tells_nobody(tmp_path):
    ServiceManager().ready("")
    ServiceManager(str(tmp_path / "gone")).ready("")
