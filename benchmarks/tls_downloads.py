"""Big downloads over TLS. The client deciphers nothing: it is the server that is measured."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks.harness.archive import RunningArchive
from benchmarks.harness.audio import write_noise
from benchmarks.harness.certificate import make_certificate
from benchmarks.harness.command import Scale, main
from benchmarks.harness.meter import CPU_S_GB, MB_S, Meter
from benchmarks.harness.peers.nginx import Nginx
from benchmarks.harness.processes import ServerProcess, free_port
from benchmarks.harness.receiving import Received, get, receive_secure
from benchmarks.harness.report import OURS, Goal, Report
from benchmarks.harness.rounds import alternate_several

TITLE = "Big downloads over TLS: 100 MB files"

_SIZE = 100_000_000

# A server, the port on which it speaks TLS, and the path of the file there.
Secure = tuple[ServerProcess, int, str]


def run(scale: Scale) -> Report:
    """Measure 1, 8 and 64 clients of one and of two workers."""
    report = Report(TITLE)
    meter = Meter(scale.of(2.0, 0.2))
    ciphers: dict[str, str] = {}
    with TemporaryDirectory(prefix="bench-files-") as name:
        audio = write_noise(Path(name) / "clip.wav", scale.of(_SIZE, 4_000_000))
        for workers in scale.of((1, 2), (1,)):
            with _servers(audio, workers, report) as servers:
                for clients in scale.of((1, 8, 64), (1, 8)):
                    taken = alternate_several(
                        {
                            name: meter.measuring(
                                server[0], _receiving(name, server, clients, ciphers)
                            )
                            for name, server in servers.items()
                        },
                        scale.rounds,
                    )
                    case = f"clients: {clients}, workers: {workers}"
                    report.add(case, taken[MB_S], Goal("nginx", 0.7), unit=MB_S)
                    report.add(case, taken[CPU_S_GB], unit=CPU_S_GB, better="less")
    meter.remark(report)
    report.note("; ".join(f"{name} chose {cipher}" for name, cipher in ciphers.items()))
    return report


def _receiving(
    name: str, server: Secure, clients: int, ciphers: dict[str, str]
) -> Callable[[float], Received]:
    process, port, path = server
    request = get(path, process.host)

    def receiving(seconds: float) -> Received:
        received, ciphers[name] = receive_secure((process.host, port), request, clients, seconds)
        return received

    return receiving


@contextmanager
def _servers(audio: Path, workers: int, report: Report) -> Iterator[Mapping[str, Secure]]:
    """Who takes part."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory(prefix="bench-key-")))
        certificate = make_certificate(folder)
        port = free_port()
        archive = stack.enter_context(
            RunningArchive(
                workers=workers,
                config_text=f'[tls]\nlisten = ["127.0.0.1:{port}"]\n'
                f'certificate = "{certificate.chain}"\nkey = "{certificate.key}"\n',
            )
        )
        lease = archive.lease(archive.store(audio)).removeprefix(archive.url)
        servers: dict[str, Secure] = {OURS: (archive, port, lease)}
        if reason := Nginx.missing():
            report.left_out("nginx", reason)
        else:
            nginx = stack.enter_context(
                Nginx(audio.parent, workers=workers, certificate=certificate)
            )
            servers["nginx"] = nginx, nginx.port, f"/{audio.name}"
        yield servers


if __name__ == "__main__":
    main(TITLE, run)
