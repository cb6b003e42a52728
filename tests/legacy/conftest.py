"""A real server, as the old clients find it: at the classic paths, with ids of 16 digits."""

import os
import re
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from legacy.pear import PearClient
from legacy.station import CLASSIC, PASSWORD, Station
from legacy.xmlrpcpp import WebStorageClient

_CONFIG = """
[server]
stop_grace_s = 1
[ids]
style = "livesupport"
[testing]
allow_reset = true
"""
_PROGRAM = "from archive_server.cli.main import main; main()"
_START_S = 60


@contextmanager
def running(config: str, language: str = "C.UTF-8") -> Iterator[Station]:
    """A server on a port and in a directory of its own, until the block ends."""
    directory = Path(tempfile.mkdtemp(prefix="archive-legacy-"))
    directory.chmod(0o711)
    (directory / "archive.toml").write_text(config)
    where = ["--data", str(directory / "data"), "--config", str(directory / "archive.toml")]
    output, errors = directory / "out", directory / "err"
    with output.open("wb") as out, errors.open("wb") as err:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, "serve", *where, "--listen", "127.0.0.1:0"],
            env=os.environ | {"ARCHIVE_ADMIN_PASSWORD": PASSWORD, "LC_ALL": language},
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=err,
            start_new_session=True,
        )
    try:
        deadline = time.monotonic() + _START_S
        while not (ready := re.search(r"ready at http://([\d.]+):(\d+)/", output.read_text())):
            assert process.poll() is None, errors.read_text()
            assert time.monotonic() < deadline, "the server does not get ready"
            time.sleep(0.02)
        yield Station(ready[1], int(ready[2]), CLASSIC, directory / "data")
        log = errors.read_text()
        assert "Traceback" not in log
        assert "allow_reset: anybody may delete everything" in log
    finally:
        process.terminate()
        try:
            process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        shutil.rmtree(directory)


@pytest.fixture(scope="session")
def station() -> Iterator[Station]:
    """The server of these tests, which allows to be reset."""
    with running(_CONFIG) as server:
        yield server


@pytest.fixture
def emptied(station: Station) -> Station:
    """The server, with nothing in it."""
    WebStorageClient(station).call("resetStorage", loadSampleData=False)
    return station


@pytest.fixture
def studio(station: Station) -> Callable[[], WebStorageClient]:
    """Makes clients as Studio and the scheduler have them."""
    return lambda: WebStorageClient(station)


@pytest.fixture
def script(station: Station) -> PearClient:
    """What `testRunner.sh` makes its calls with."""
    return PearClient(station)
