"""A thousand downloads by clients who take their time: the memory that each of them costs."""

import resource
import select
import socket
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness.archive import RunningArchive
from benchmarks.harness.audio import write_noise
from benchmarks.harness.command import Scale, main
from benchmarks.harness.peers.nginx import Nginx
from benchmarks.harness.processes import ServerProcess
from benchmarks.harness.receiving import BadAnswer, get
from benchmarks.harness.report import OURS, Bound, Report
from benchmarks.harness.rounds import alternate_several

TITLE = "Slow readers: 1,000 downloads at 16 KiB a second each"

_SIZE = 20_000_000
_READERS = 1000
_SIP = 16384  # bytes a second
_FIRST_S = 30  # until everybody must have got something
_MANY = "[limits]\nconnections_per_address = 5000\n"  # all come from here
_KIB, _MIB = "KiB/connection", "MB in one process"


def run(scale: Scale) -> Report:
    """Measure the growth of memory, and all of it in the largest process."""
    report = Report(TITLE, better="less")
    readers = scale.of(_READERS, 50)
    _allow_open_files(readers + 100)
    with TemporaryDirectory(prefix="bench-files-") as name:
        audio = write_noise(Path(name) / "clip.wav", _SIZE)
        contestants: dict[str, Callable[[], Mapping[str, float]]] = {
            OURS: partial(_archive, audio, readers, scale.of(8.0, 1.0))
        }
        if reason := Nginx.missing():
            report.left_out("nginx", reason)
        else:
            contestants["nginx"] = partial(_nginx, audio, readers, scale.of(8.0, 1.0))
        taken = alternate_several(contestants, min(scale.rounds, 3))
    report.add("growth", taken[_KIB], Bound(64), unit=_KIB)
    report.add("largest process", taken[_MIB], Bound(200), unit=_MIB)
    report.note(f"{readers} readers; the kernel's socket buffers are not counted, for nobody")
    return report


def _archive(audio: Path, readers: int, seconds: float) -> Mapping[str, float]:
    with RunningArchive(config_text=_MANY) as archive:
        lease = archive.lease(archive.store(audio)).removeprefix(archive.url)
        return _memory(archive, lease, readers, seconds)


def _nginx(audio: Path, readers: int, seconds: float) -> Mapping[str, float]:
    with Nginx(audio.parent) as nginx:
        return _memory(nginx, f"/{audio.name}", readers, seconds)


def _memory(server: ServerProcess, path: str, readers: int, seconds: float) -> Mapping[str, float]:
    with _reading(server, path, 1):  # what the first download loads stays for all
        before = server.resident_bytes()
    with _reading(server, path, readers) as connections:
        highest = server.resident_bytes()
        deadline = time.monotonic() + seconds
        while time.monotonic() < deadline:
            began = time.monotonic()
            for connection in connections:
                _sip(connection)
            highest = max(highest, server.resident_bytes())
            time.sleep(max(0.0, 1 - (time.monotonic() - began)))
        largest = server.largest_bytes()
    return {_KIB: (highest - before) / 1024 / readers, _MIB: largest / 1e6}


@contextmanager
def _reading(server: ServerProcess, path: str, readers: int) -> Iterator[list[socket.socket]]:
    """So many connections on which a download has begun, with little room for what comes."""
    with ExitStack() as stack:
        connections = []
        for _ in range(readers):
            connection = stack.enter_context(socket.socket())
            # Or the kernel would take megabytes ahead of the reader.
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _SIP)
            connection.connect((server.host, server.port))
            connection.sendall(get(path, server.host))
            connections.append(connection)
        _await_all(connections)
        yield connections


def _await_all(connections: list[socket.socket]) -> None:
    deadline = time.monotonic() + _FIRST_S
    waiting = list(connections)
    with select.epoll() as poll:
        for connection in waiting:
            poll.register(connection.fileno(), select.EPOLLIN | select.EPOLLONESHOT)
        came = 0
        while came < len(waiting):
            if time.monotonic() > deadline:
                raise BadAnswer(f"{len(waiting) - came} of {len(waiting)} got nothing")
            came += len(poll.poll(1))


def _sip(connection: socket.socket) -> None:
    try:
        if not connection.recv(_SIP, socket.MSG_DONTWAIT):
            raise BadAnswer("a slow reader was dropped")
    except BlockingIOError:
        pass  # it comes in larger gulps than this one


def _allow_open_files(wanted: int) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard), hard))


if __name__ == "__main__":
    main(TITLE, run)
