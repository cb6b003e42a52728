"""What clients who behave notice of those who do not: latencies during attacks, and without."""

import http.client
import resource
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path
from statistics import quantiles
from tempfile import TemporaryDirectory

from benchmarks.harness.archive import RunningArchive
from benchmarks.harness.audio import write_noise
from benchmarks.harness.command import Scale, main
from benchmarks.harness.receiving import BadAnswer
from benchmarks.harness.report import OURS, Bound, Report
from benchmarks.harness.rounds import alternate_several

TITLE = "Attacks: latencies of well-behaved clients meanwhile"

_UNDISTURBED = "undisturbed"
_SIZE = 1_000_000  # of what is downloaded
_LARGE = 20_000_000  # of what slow readers do not read
_RANGE = 64 * 1024
# Who attacks, how many, and what it is called.
_ATTACKS = (
    ("idle", 2000, "2,000 idle connections"),
    ("slow-readers", 500, "500 slow readers"),
    ("guessers", 8, "a client that guesses passwords"),
    ("malformed", 8, "a flood of malformed calls"),
    ("slow-heads", 500, "500 slow heads"),
)
_BOUND_MS = 250  # of the slowest in a hundred


def run(scale: Scale) -> Report:
    """Measure calls, ranges and downloads during each attack, in turn with nobody attacking."""
    report = Report(TITLE, unit="ms", better="less")
    resource.setrlimit(resource.RLIMIT_NOFILE, (resource.getrlimit(resource.RLIMIT_NOFILE)[1],) * 2)
    with TemporaryDirectory(prefix="bench-files-") as name, RunningArchive() as archive:
        small = archive.store(write_noise(Path(name) / "small.wav", _SIZE))
        large = archive.store(write_noise(Path(name) / "large.wav", _LARGE))
        target = archive.lease(large).removeprefix(archive.url)
        client = Client(archive, small)
        for kind, count, title in _ATTACKS:
            measure = partial(client.latencies, scale.of(6.0, 0.5))
            attack = partial(_attack, archive, kind, scale.of(count, min(count, 20)), target)
            contestants: dict[str, Callable[[], Mapping[str, float]]] = {
                OURS: partial(_during, attack, measure),
                _UNDISTURBED: measure,
            }
            taken = alternate_several(contestants, min(scale.rounds, 3))
            for what, figures in taken.items():
                goal = Bound(_BOUND_MS) if what.endswith("p99") else None
                report.add(f"{title}: {what}", figures, goal)
    report.note("attackers, clients and server share the machine's cores")
    return report


class Client:
    """Somebody who calls, reads a range, and downloads, one after the other."""

    def __init__(self, archive: RunningArchive, gunid: str) -> None:
        self._archive = archive
        self._gunid = gunid
        self._path = archive.lease(gunid).removeprefix(archive.url)

    def latencies(self, seconds: float) -> Mapping[str, float]:
        """The middle one, and the slowest in a hundred, of each, in ms."""
        taken: dict[str, list[float]] = {"a call": [], "64 KiB": [], "1 MB": []}
        connection = http.client.HTTPConnection(self._archive.host, self._archive.port, timeout=60)
        deadline = time.monotonic() + seconds
        turn = 0
        while time.monotonic() < deadline or turn < 3:
            start = turn * _RANGE % (_SIZE - _RANGE)
            part = {"Range": f"bytes={start}-{start + _RANGE - 1}"}
            taken["a call"].append(_timed(self._call))
            taken["64 KiB"].append(_timed(partial(self._get, connection, part, _RANGE)))
            taken["1 MB"].append(_timed(partial(self._get, connection, {}, _SIZE)))
            turn += 1
        connection.close()
        return {
            f"{what}, {name}": number * 1000
            for what, times in taken.items()
            for name, number in (("p50", _percentile(times, 50)), ("p99", _percentile(times, 99)))
        }

    def _call(self) -> None:
        if not self._archive.call("existsAudioClip", gunid=self._gunid)["exists"]:
            raise BadAnswer("the clip is gone")

    def _get(
        self, connection: http.client.HTTPConnection, headers: Mapping[str, str], size: int
    ) -> None:
        connection.request("GET", self._path, headers=dict(headers))
        answer = connection.getresponse()
        if len(answer.read()) < size:
            raise BadAnswer(f"{answer.status} is no answer of {size} bytes")


def _during(
    attack: Callable[[], AbstractContextManager[None]],
    measure: Callable[[], Mapping[str, float]],
) -> Mapping[str, float]:
    with attack():
        return measure()


@contextmanager
def _attack(archive: RunningArchive, kind: str, count: int, path: str) -> Iterator[None]:
    """Be attacked for the time of a block, by another process."""
    command = [sys.executable, "-m", "benchmarks.harness.attackers"]
    words = [kind, archive.host, str(archive.port), str(count), path]
    with subprocess.Popen(
        [*command, *words], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as attackers:
        try:
            assert attackers.stdout is not None
            if attackers.stdout.readline() != "ready\n":
                raise RuntimeError(f"the attackers fail ({kind})")
            yield
            if attackers.poll() is not None:
                raise RuntimeError(f"the attackers have given up ({kind})")
        finally:
            attackers.kill()


def _timed(work: Callable[[], None]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _percentile(times: list[float], percent: int) -> float:
    return quantiles(times, n=100, method="inclusive")[percent - 1]


if __name__ == "__main__":
    main(TITLE, run)
