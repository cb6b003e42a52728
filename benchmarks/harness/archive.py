"""Our own server, the real one, as a process on a directory of its own."""

import hashlib
import http.client
import re
import shutil
import sys
import tempfile
import time
import xmlrpc.client
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

from archive_server.database.embedded import RunningPostgres
from benchmarks.harness.processes import ServerProcess, name_of, tree

PASSWORD = "a password of the benchmarks"  # noqa: S105  a server that lives for a minute
PROGRAM = (sys.executable, "-c", "from archive_server.cli.main import main; main()")

_READY = re.compile(r"^archive-server is ready at https?://127\.0\.0\.1:(\d+)/", re.MULTILINE)
_READY_S = 120


class RunningArchive(ServerProcess):
    """`archive-server serve`, from when it is ready to the end of the `with`.

    `options` are further words for `serve`. The data directory is made, and removed in the end,
    unless one is given; `config_text` is the configuration.
    """

    def __init__(
        self,
        *options: str,
        workers: int = 1,
        config_text: str | None = None,
        data_dir: Path | None = None,
    ) -> None:
        """Start it on a free port, and wait until clients can come."""
        self.directory = Path(tempfile.mkdtemp(prefix="bench-archive-"))
        self.directory.chmod(0o711)  # PostgreSQL may run as another user
        self.data_dir = data_dir or self.directory / "data"
        config = self.directory / "archive.toml"
        config.write_text(config_text or "")
        command: list[str | Path] = [*PROGRAM, "serve", "--listen", "127.0.0.1:0"]
        command += ["--data", self.data_dir, "--config", config, *options]
        if workers != 1:
            command += ["--workers", str(workers)]
        started = time.monotonic()
        super().__init__(command, 0, self.directory / "log", ARCHIVE_ADMIN_PASSWORD=PASSWORD)
        try:
            self.port = self._await_ready()
            self.ready_s = time.monotonic() - started
            self.proxy: Any = xmlrpc.client.ServerProxy(f"{self.url}/xmlrpc")
            self.session_id = ""
            login = self.call("login", login="root", **{"pass": PASSWORD})
            self.session_id = str(login["sessid"])
        except BaseException:
            self.stop()
            raise

    def pids(self) -> list[int]:
        """Our processes; PostgreSQL's are in `postgres_pids`."""
        mine = set(tree(self.process.pid)) - set(self.postgres_pids())
        return sorted(mine)

    def postgres_pids(self) -> list[int]:
        """The embedded PostgreSQL's processes."""
        return [pid for pid in tree(self.process.pid) if name_of(pid).startswith("postgres")]

    @property
    def dsn(self) -> str:
        """How others reach the embedded PostgreSQL."""
        return RunningPostgres(self.data_dir / "socket").dsn()

    def call(self, method: str, **members: object) -> Any:
        """Call `locstor.METHOD` with our session. Raises xmlrpc.client.Fault."""
        return getattr(self.proxy.locstor, method)({"sessid": self.session_id, **members})

    def store(self, path: Path, title: str = "") -> str:
        """Store a file as a clip; return its id."""
        digest = hashlib.md5(usedforsecurity=False)
        with path.open("rb") as file:
            while block := file.read(2**20):
                digest.update(block)
        upload = self.call(
            "storeAudioClipOpen",
            gunid="",
            metadata=document(title) if title else "",
            fname=path.name,
            chsum=digest.hexdigest(),
        )
        put(str(upload["url"]), path)
        return str(self.call("storeAudioClipClose", token=upload["token"])["gunid"])

    def lease(self, gunid: str) -> str:
        """A URL under which the clip's audio can be read."""
        return str(self.call("downloadRawAudioDataOpen", gunid=gunid)["url"])

    def stop(self) -> None:
        """End it, and remove what was made for it."""
        if hasattr(self, "proxy"):
            self.proxy("close")()
        super().stop()
        shutil.rmtree(self.directory, ignore_errors=True)

    def _await_ready(self) -> int:
        deadline = time.monotonic() + _READY_S
        while not (ready := _READY.search(self.log.read_text())):
            self.require_running(deadline)
            time.sleep(0.005)
        return int(ready[1])

    def __enter__(self) -> Self:
        return self


def document(title: str) -> str:
    """The metadata of a clip with this title."""
    return (
        '<?xml version="1.0"?><audioClip><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{title}</dc:title></metadata></audioClip>"
    )


def put(url: str, path: Path) -> None:
    """Send a file. Raises RuntimeError if it is not taken."""
    parts = urlsplit(url)
    connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=600)
    try:
        with path.open("rb") as file:
            connection.request("PUT", parts.path, file)
            answer = connection.getresponse()
            said = answer.read()
        if answer.status != 200:
            raise RuntimeError(f"PUT of {path.name}: {answer.status} {said!r}")
    finally:
        connection.close()
