"""A peer's server that is a Python program of ours: `python -m MODULE PORT WORKERS ...`."""

import shutil
import socket
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

from benchmarks.harness.processes import ServerProcess, free_port

CONNECTIONS = 8  # to PostgreSQL, for each of those who ask it; our own default

_PEERS = "benchmarks.harness.peers"


class Program(ServerProcess):
    """A module beside this one, run as a server; it listens on the port it is given."""

    def __init__(self, module: str, *words: str | Path, **environment: str) -> None:
        """Start it on a free port, and wait until clients can come."""
        self.directory = Path(tempfile.mkdtemp(prefix="bench-peer-"))
        port = free_port()
        command = [sys.executable, "-m", f"{_PEERS}.{module}", str(port), *words]
        super().__init__(command, port, self.directory / "log", **environment)
        self.await_port()

    def stop(self) -> None:
        """End it, and remove its directory."""
        super().stop()
        shutil.rmtree(self.directory, ignore_errors=True)


def missing(*packages: str) -> str:
    """Why a peer cannot take part; empty if all it needs is installed."""
    absent = [package for package in packages if find_spec(package) is None]
    return f"no package {', '.join(absent)} (pip install '.[bench]')" if absent else ""


def listening(port: int) -> socket.socket:
    """A socket for the programs, which several processes may share."""
    listener = socket.create_server(("127.0.0.1", port), backlog=1024)
    listener.setblocking(False)
    return listener
