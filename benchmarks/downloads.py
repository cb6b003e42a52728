"""Big downloads: throughput, and what the server's processors spend on it."""

from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness.archive import RunningArchive
from benchmarks.harness.audio import write_noise
from benchmarks.harness.command import Scale, main
from benchmarks.harness.meter import CPU_S_GB, MB_S, Meter
from benchmarks.harness.peers.nginx import Nginx
from benchmarks.harness.peers.program import Program
from benchmarks.harness.processes import ServerProcess
from benchmarks.harness.receiving import get, receive
from benchmarks.harness.report import OURS, Goal, Report
from benchmarks.harness.rounds import alternate_several

TITLE = "Big downloads: 100 MB files, plain HTTP"

_SIZE = 100_000_000


def run(scale: Scale) -> Report:
    """Measure 1, 8 and 64 clients of one and of two workers."""
    report = Report(TITLE)
    meter = Meter(scale.of(2.0, 0.2))
    with TemporaryDirectory(prefix="bench-files-") as name:
        audio = write_noise(Path(name) / "clip.wav", scale.of(_SIZE, 4_000_000))
        for workers in scale.of((1, 2), (1,)):
            with _servers(audio, workers, report) as servers:
                for clients in scale.of((1, 8, 64), (1, 8)):
                    case = f"clients: {clients}, workers: {workers}"
                    _measure(scale, report, meter, servers, case, clients)
    meter.remark(report)
    return report


@contextmanager
def _servers(
    audio: Path, workers: int, report: Report
) -> Iterator[Mapping[str, tuple[ServerProcess, str]]]:
    """Who takes part, and the path of the file there."""
    with ExitStack() as stack:
        archive = stack.enter_context(RunningArchive(workers=workers))
        lease = archive.lease(archive.store(audio)).removeprefix(archive.url)
        servers: dict[str, tuple[ServerProcess, str]] = {OURS: (archive, lease)}
        if reason := Nginx.missing():
            report.left_out("nginx", reason)
        else:
            nginx = stack.enter_context(Nginx(audio.parent, workers=workers))
            servers["nginx"] = nginx, f"/{audio.name}"
        static = stack.enter_context(Program("static_file", str(workers), audio.parent))
        servers["static.File"] = static, f"/{audio.name}"
        yield servers


def _measure(
    scale: Scale,
    report: Report,
    meter: Meter,
    servers: Mapping[str, tuple[ServerProcess, str]],
    case: str,
    clients: int,
) -> None:
    contestants = {
        name: meter.measuring(
            server,
            partial(receive, (server.host, server.port), [[get(path, server.host)]] * clients),
        )
        for name, (server, path) in servers.items()
    }
    taken = alternate_several(contestants, scale.rounds)
    report.add(case, taken[MB_S], Goal("nginx", 1.0), Goal("static.File", 2.5), unit=MB_S)
    report.add(case, taken[CPU_S_GB], Goal("nginx", 1.1), unit=CPU_S_GB, better="less")


if __name__ == "__main__":
    main(TITLE, run)
