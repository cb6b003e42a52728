"""Ranges of 64 KiB of leased clips, over connections that are kept: what players ask for."""

import random
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness.archive import RunningArchive
from benchmarks.harness.audio import write_noise
from benchmarks.harness.command import Scale, main
from benchmarks.harness.meter import ANSWERS_S, CPU_US, Meter
from benchmarks.harness.peers.nginx import Nginx
from benchmarks.harness.peers.program import Program, missing
from benchmarks.harness.processes import ServerProcess
from benchmarks.harness.receiving import get, receive
from benchmarks.harness.report import OURS, Goal, Report
from benchmarks.harness.rounds import alternate_several

TITLE = "Ranges: 64 KiB of leased clips, 64 connections that are kept"

_CLIPS = 16
_SIZE = 10_000_000
_RANGE = 65536
_ASKED = 200  # different requests of each connection
_CONNECTIONS = 64

Files = Sequence[str]  # the paths of the clips


def run(scale: Scale) -> Report:
    """Measure one worker of each."""
    report = Report(TITLE)
    meter = Meter(scale.of(2.0, 0.2))
    with TemporaryDirectory(prefix="bench-files-") as name:
        audio = [
            write_noise(Path(name) / f"{seed:02}.wav", _SIZE, seed)
            for seed in range(scale.of(_CLIPS, 2))
        ]
        with _servers(audio, report) as servers:
            contestants = {
                name: meter.measuring(
                    server, partial(receive, (server.host, server.port), _requests(server, files))
                )
                for name, (server, files) in servers.items()
            }
            taken = alternate_several(contestants, scale.rounds)
    goals = Goal("nginx", 0.8), Goal("static.File", 10)
    report.add("throughput", taken[ANSWERS_S], *goals, unit=ANSWERS_S)
    report.add("server's processor", taken[CPU_US], unit=CPU_US, better="less")
    meter.remark(report)
    return report


def _requests(server: ServerProcess, files: Files) -> list[list[bytes]]:
    """What each connection asks for: ranges all over the clips, of heads of equal lengths."""
    chance = random.Random(1)  # noqa: S311  the same for all, not a secret

    def request() -> bytes:
        first = chance.randrange(1_000_000, _SIZE - _RANGE - 1000)
        asked = f"bytes={first}-{first + _RANGE - 1}"
        return get(chance.choice(files), server.host, Range=asked)

    return [[request() for _ in range(_ASKED)] for _ in range(_CONNECTIONS)]


@contextmanager
def _servers(
    audio: Sequence[Path], report: Report
) -> Iterator[Mapping[str, tuple[ServerProcess, Files]]]:
    """Who takes part, and the paths of the files there."""
    folder, names = audio[0].parent, [f"/{path.name}" for path in audio]
    with ExitStack() as stack:
        archive = stack.enter_context(RunningArchive())
        leases = [archive.lease(archive.store(path)).removeprefix(archive.url) for path in audio]
        servers: dict[str, tuple[ServerProcess, Files]] = {OURS: (archive, leases)}
        if reason := Nginx.missing():
            report.left_out("nginx", reason)
        else:
            servers["nginx"] = stack.enter_context(Nginx(folder)), names
        static = stack.enter_context(Program("static_file", "1", folder))
        servers["static.File"] = static, names
        if reason := missing("aiohttp"):
            report.left_out("aiohttp", reason)
        else:
            servers["aiohttp"] = stack.enter_context(Program("aiohttp_files", folder)), names
        yield servers


if __name__ == "__main__":
    main(TITLE, run)
