"""A long day: `python -m endurance.soak --minutes 30`, or `--quick` for twenty seconds.

Clients store, replace, describe, delete, trash, edit playlists, read and resume, as in
`endurance.crashes`, and nothing is killed. Meanwhile what each process holds is written down:
memory, descriptors, threads; connections to PostgreSQL; temporary files. In the end it says which
of them grew over the second half. The clips are a fixed number, replaced again and again, and what
is replaced is removed, so there is no reason to.
"""

import contextlib
import signal
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import click
import psycopg2

from endurance.archive import PASSWORD, Archive
from endurance.crashes import CONFIG, place
from endurance.crowd import Client, Crowd
from endurance.editors import Editor
from endurance.figures import (
    Sample,
    Trend,
    held_by,
    held_by_postgres,
    processes_of,
    trends,
)
from endurance.readers import Reader
from endurance.slots import Slot
from endurance.wire import Wire
from endurance.writers import Writer

_WRITERS, _READERS, _EDITORS = 3, 3, 1
_SAMPLES = 120
# So many more are noise: what is under way at the moment of the look.
_ALLOWANCES = {
    "memory MB": 4,
    "descriptors": 12,
    "threads": 4,
    "connections": 3,
    "processes": 3,
    "files": 12,
}
_CONNECTIONS = "SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'client backend'"


@dataclass
class Day:
    """What was seen."""

    samples: list[Sample] = field(default_factory=list)
    operations: dict[str, int] = field(default_factory=dict)
    findings: list[str] = field(default_factory=list)

    @property
    def trends(self) -> list[Trend]:
        return trends(self.samples, _ALLOWANCES)

    @property
    def is_good(self) -> bool:
        return not self.findings and all(trend.is_flat for trend in self.trends)

    def to_text(self) -> str:
        """For people."""
        done = ", ".join(f"{name} {n}" for name, n in sorted(self.operations.items()))
        head = ("of the second half", "first", "last", "highest", "growth")
        return "\n".join(
            [
                f"{self.samples[-1].seconds:.0f} s: {done}",
                f"{head[0]:34} {head[1]:>12} {head[2]:>12} {head[3]:>12} {head[4]:>12}",
                *(trend.to_text() for trend in self.trends),
                *self.findings,
            ]
        )


def run(seconds: float, workers: int, directory: Path, *, is_watched: bool = False) -> Day:
    """Spend a day of so many seconds, in an empty directory."""
    archive, crowd, day = Archive(directory, CONFIG), Crowd(), Day()
    try:
        archive.start(workers)
        crowd.start(list(_clients(archive, crowd)))
        began = time.monotonic()
        while (passed := time.monotonic() - began) < seconds:
            day.samples.append(Sample(passed, look(archive)))
            if is_watched:
                click.echo(_shortly(day.samples[-1]), err=True)
            time.sleep(min(seconds / _SAMPLES, seconds - passed))
        crowd.end()
        findings = archive.check()["findings"]
        day.findings = crowd.findings + [f"check finds {each}" for each in findings]
        day.findings += archive.tracebacks()
        day.operations = dict(crowd.counts)
        if archive.stop() != 0:
            day.findings.append("it does not stop well")
    finally:
        archive.end()
    return day


def _clients(archive: Archive, crowd: Crowd) -> Iterator[Client]:
    def wire() -> Wire:
        made = Wire(archive.port)
        made.log_in("root", PASSWORD)
        return made

    # Uploads that are forsaken would stay for an hour at least, and so become more and more.
    writers = [Writer(crowd, wire(), number, seed=1, forsakes=False) for number in range(_WRITERS)]
    slots: list[Slot] = [slot for writer in writers for slot in writer.slots]
    yield from writers
    for number in range(_READERS):
        yield Reader(crowd, wire(), number, 1, slots)
    for number in range(_EDITORS):
        yield Editor(crowd, wire(), number, seed=1)


def look(archive: Archive) -> dict[str, float]:
    """What is held at this moment."""
    main, store = archive.process.pid, archive.data_dir / "store"
    figures = held_by(processes_of(main, archive.worker_pids()))
    figures |= held_by_postgres(main)
    figures["connections"] = _connections(archive)
    figures["staged files"] = _files(store / "staging")
    figures["leased files"] = _files(store / "access")
    figures["work files"] = _files(archive.data_dir / "work")
    figures["telling files"] = _files(archive.data_dir / "metrics")
    return figures


def _connections(archive: Archive) -> int:
    with contextlib.closing(psycopg2.connect(archive.dsn)) as connection:
        cursor = connection.cursor()
        cursor.execute(_CONNECTIONS)
        (number,) = cursor.fetchone() or (0,)
        return int(number) - 1


def _files(directory: Path) -> int:
    return sum(1 for _ in directory.rglob("*")) if directory.is_dir() else 0


def _shortly(sample: Sample) -> str:
    shown = ", ".join(f"{name} {value:.0f}" for name, value in sample.values.items())
    return f"{sample.seconds:6.0f} s: {shown}"


@click.command(help=__doc__)
@click.option("--minutes", type=click.FloatRange(min=0.2), default=30, show_default=True)
@click.option("--workers", type=click.IntRange(1), default=2, show_default=True)
@click.option("--quick", is_flag=True, help="Only show that it runs: twenty seconds.")
def main(minutes: float, workers: int, quick: bool) -> None:
    """Run, print what was held, and end with 1 if anything grew or was lost."""
    # Or the server that was started would be left running.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with place("soak-") as directory:
        day = run(20 if quick else minutes * 60, workers, directory, is_watched=not quick)
    click.echo(day.to_text())
    sys.exit(0 if day.is_good else 1)


if __name__ == "__main__":
    main()
