"""Uploads: one of a gigabyte, and four at once, beside the tools that do as much to the bytes.

The pipeline takes the same digests and brings the file to the disk, but receives nothing over a
network. nginx receives, and digests nothing.

    python -m benchmarks.uploads
"""

import os
import shlex
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from pathlib import Path

from benchmarks.harness.archive import RunningArchive
from benchmarks.harness.audio import write_noise
from benchmarks.harness.command import Scale, main
from benchmarks.harness.peers.nginx import Nginx
from benchmarks.harness.report import OURS, Goal, Report
from benchmarks.harness.rounds import alternate

PIPELINE = "tee to digests and disk"
NGINX = "nginx dav, no digests"
_MB = 1_000_000
_AT_ONCE = 4


def run(scale: Scale) -> Report:
    """Measure both cases."""
    report = Report("uploads", unit="MB/s", better="more")
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-uploads-")))
        archive = stack.enter_context(RunningArchive())
        puts: dict[str, Callable[[Path], list[str]]] = {
            OURS: partial(_to_archive, archive),
            PIPELINE: _pipeline,
        }
        if missing := Nginx.missing():
            report.left_out(NGINX, missing)
        else:
            dav = directory / "dav"
            dav.mkdir()
            nginx = stack.enter_context(Nginx(dav, workers=2, more="dav_methods PUT;"))
            puts[NGINX] = lambda file: _curl(file, f"{nginx.url}/{file.name}-{time.monotonic_ns()}")
        for number, size in ((1, scale.of(1000, 8) * _MB), (_AT_ONCE, scale.of(250, 4) * _MB)):
            files = [
                write_noise(directory / f"{number}-{each}.wav", size, seed=each)
                for each in range(number)
            ]
            contestants = {name: partial(_rate, files, put) for name, put in puts.items()}
            for each in contestants.values():
                each()  # once for nothing: files in the page cache, programs too
            figures = alternate(contestants, scale.rounds)
            name = f"{number} of {size // _MB} MB" + (" at once" if number > 1 else "")
            report.add(name, figures, Goal(PIPELINE, 0.9))
    report.note("nothing is read from a disk: the files sent are in the page cache")
    return report


def _rate(files: list[Path], put: Callable[[Path], list[str]]) -> float:
    """MB/s of all of them together."""
    commands = [put(file) for file in files]
    os.sync()  # what others have left to write is not to be paid for here
    started = time.perf_counter()
    running = [subprocess.Popen(command, stdout=subprocess.DEVNULL) for command in commands]
    for process in running:
        if process.wait() != 0:
            raise RuntimeError(f"{process.args!r} has failed")
    elapsed = time.perf_counter() - started
    return sum(file.stat().st_size for file in files) / _MB / elapsed


def _to_archive(archive: RunningArchive, file: Path) -> list[str]:
    upload = archive.call("storeAudioClipOpen", gunid="", metadata="", fname=file.name, chsum="")
    return _curl(file, str(upload["url"]))


def _curl(file: Path, url: str) -> list[str]:
    # A file in one PUT; no `Expect: 100-continue`, which would only wait.
    return ["curl", "-sS", "--fail", "-o", os.devnull, "-H", "Expect:", "-T", str(file), url]


def _pipeline(file: Path) -> list[str]:
    source, copy = shlex.quote(str(file)), shlex.quote(f"{file}.copy")
    # `dd conv=fsync` and not a third argument of tee: the copy shall be on the disk in the end.
    digests = "tee >(sha256sum >/dev/null) >(md5sum >/dev/null)"
    return [
        shutil.which("bash") or "bash",
        "-c",
        f"{digests} < {source} | dd of={copy} bs=1M iflag=fullblock conv=fsync status=none; wait",
    ]


if __name__ == "__main__":
    main("Uploads beside a pipeline with the same digests, and nginx without any.", run)
