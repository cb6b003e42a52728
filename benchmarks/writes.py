"""Storing, replacing and describing one clip, with everything on the disk when it is answered.

Beside it the least that any archive must do: one row and one file of the same size, each waited
for. A store here is three requests (open, PUT, close), its digests and a decoder's verdict.

    python -m benchmarks.writes [--keep DIR]
"""

import contextlib
import os
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from functools import partial
from hashlib import md5
from http.client import HTTPConnection
from pathlib import Path
from statistics import median
from typing import Any
from urllib.parse import urlsplit
from xmlrpc.client import ServerProxy

from archive_server.database import embedded
from archive_server.database.connections import connect
from benchmarks.harness.archive import RunningArchive, document
from benchmarks.harness.audio import write_noise
from benchmarks.harness.command import Scale, main
from benchmarks.harness.report import OURS, Goal, Report
from benchmarks.harness.rounds import alternate_several
from benchmarks.library_archive import prepare

BARE = "INSERT, and a file with fsync"
_CLIP_BYTES = 88_000  # a jingle of half a second
_KINDS = ("store", "replace", "update")


def run(scale: Scale) -> Report:
    """Measure one client and eight."""
    report = Report("writes", unit="ms", better="less")
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-writes-")))
        directory.chmod(0o711)  # PostgreSQL may run as another user
        data_dir = stack.enter_context(scale.directory())
        prepare(data_dir, scale.of(1_000_000, 200))
        archive = stack.enter_context(RunningArchive(data_dir=data_dir))
        clip = write_noise(directory / "clip.wav", _CLIP_BYTES).read_bytes()
        for clients in (1, 8):
            count = scale.of(40, 2)
            contestants = {
                OURS: partial(_archive_latencies, archive, clip, clients, count),
                BARE: partial(_bare_latencies, data_dir, directory, clip, clients, count),
            }
            for kind, figures in alternate_several(contestants, scale.rounds).items():
                report.add(f"{kind}, {clients} at once", figures, Goal(BARE, 3))
    report.note(f"the median of each round; in an archive of {scale.of(1_000_000, 200):,} clips")
    return report


def _archive_latencies(
    archive: RunningArchive, clip: bytes, clients: int, count: int
) -> dict[str, float]:
    """The median time of each kind of write, in milliseconds."""
    with ThreadPoolExecutor(clients) as pool:
        taken = list(
            pool.map(lambda number: _one_client(archive, clip, number, count), range(clients))
        )
    return {
        kind: 1000 * median(time_s for client in taken for time_s in client[kind])
        for kind in _KINDS
    }


def _one_client(
    archive: RunningArchive, clip: bytes, number: int, count: int
) -> dict[str, list[float]]:
    taken: dict[str, list[float]] = {kind: [] for kind in _KINDS}
    with contextlib.closing(_Client(archive)) as client:
        for each in range(count):
            title = f"clip {number} {each} {time.time_ns()}"
            gunid, stored_s = _timed(partial(client.store, "", _unique(clip), title))
            _, replaced_s = _timed(partial(client.store, gunid, _unique(clip), title))
            _, updated_s = _timed(partial(client.describe, gunid, f"{title} again"))
            for kind, time_s in zip(_KINDS, (stored_s, replaced_s, updated_s), strict=True):
                taken[kind].append(time_s)
            client.delete(gunid)
    return taken


class _Client:
    """One studio: a connection for calls and one for bytes, both kept."""

    def __init__(self, archive: RunningArchive) -> None:
        self._calls: Any = ServerProxy(f"{archive.url}/xmlrpc")
        self._bytes = HTTPConnection(archive.host, archive.port)
        self._session = {"sessid": archive.session_id}

    def store(self, gunid: str, clip: bytes, title: str) -> str:
        """A new clip, or new audio of one; its id."""
        locstor = self._calls.locstor
        upload = locstor.storeAudioClipOpen(
            {
                **self._session,
                "gunid": gunid,
                "metadata": document(title),
                "fname": "clip.wav",
                "chsum": md5(clip, usedforsecurity=False).hexdigest(),
            }
        )
        self._bytes.request("PUT", urlsplit(upload["url"]).path, clip)
        answer = self._bytes.getresponse()
        answer.read()
        if answer.status != 200:
            raise RuntimeError(f"PUT: {answer.status}")
        closed = locstor.storeAudioClipClose({**self._session, "token": upload["token"]})
        return str(closed["gunid"])

    def describe(self, gunid: str, title: str) -> None:
        """Another document."""
        self._calls.locstor.updateAudioClipMetadata(
            {**self._session, "gunid": gunid, "metadata": document(title)}
        )

    def delete(self, gunid: str) -> None:
        """So that the archive stays as large as it is."""
        self._calls.locstor.deleteAudioClip({**self._session, "gunid": gunid, "forced": True})

    def close(self) -> None:
        """Close both connections."""
        self._bytes.close()
        self._calls("close")()


def _bare_latencies(
    data_dir: Path, directory: Path, clip: bytes, clients: int, count: int
) -> dict[str, float]:
    """The median time of the least there is to do, the same for each kind of write."""
    server = embedded.attach(data_dir)
    assert server is not None, "the archive runs it"
    with contextlib.closing(connect(server.dsn())) as connection, connection.cursor() as cursor:
        cursor.execute("CREATE TABLE IF NOT EXISTS bare_write (number bigint, said text)")
        connection.commit()
    with ThreadPoolExecutor(clients) as pool:
        work = partial(_bare_client, server.dsn(), directory, clip, count)
        taken = [time_s for client in pool.map(work, range(clients)) for time_s in client]
    with contextlib.closing(connect(server.dsn())) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE bare_write")
        connection.commit()
    return dict.fromkeys(_KINDS, 1000 * median(taken))


def _bare_client(
    dsn: str, directory: Path, clip: bytes, count: int, number: int
) -> Sequence[float]:
    with contextlib.closing(connect(dsn)) as connection, connection.cursor() as cursor:

        def write(file: Path) -> None:
            with file.open("wb") as opened:
                opened.write(clip)
                opened.flush()
                os.fsync(opened.fileno())
            cursor.execute("INSERT INTO bare_write VALUES (%s, %s)", (number, document("bare")))
            connection.commit()

        names = [directory / f"bare-{number}-{each}" for each in range(count)]
        times = [_timed(partial(write, name))[1] for name in names]
    for name in names:
        name.unlink()
    return times


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    started = time.perf_counter()
    result = work()
    return result, time.perf_counter() - started


def _unique(clip: bytes) -> bytes:
    """The same sound in other bytes: equal ones would not be written again."""
    return clip[:-8] + os.urandom(8)


if __name__ == "__main__":
    main("Store, replace and update one clip, beside one row and one file.", run)
