"""The command line that all benchmarks share."""

import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import click

from benchmarks.harness.report import Report

_ROUNDS = 5

_T = TypeVar("_T")


@dataclass(frozen=True, slots=True)
class Scale:
    """How much is to be done."""

    quick: bool = False  # only as much as shows that it runs
    rounds: int = _ROUNDS
    keep: Path | None = None  # where what takes long to make stays for the next time

    def of(self, full: _T, quick: _T) -> _T:
        """One of two sizes."""
        return quick if self.quick else full

    @contextmanager
    def directory(self) -> Iterator[Path]:
        """Where to make what takes long: what is kept, or a place that goes at the end."""
        if self.keep is not None:
            yield self.keep
            return
        made = Path(tempfile.mkdtemp(prefix="bench-"))
        made.chmod(0o711)  # PostgreSQL may run as another user
        try:
            yield made
        finally:
            shutil.rmtree(made)


def main(title: str, run: Callable[[Scale], Report]) -> None:
    """Run a benchmark as the command line says, and print what it found."""

    @click.command(help=title)
    @click.option("--quick", is_flag=True, help="Only show that it runs: small, one round.")
    @click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
    @click.option(
        "--rounds",
        type=click.IntRange(1),
        help=f"How often each contestant is measured; {_ROUNDS}, or 1 with --quick.",
    )
    @click.option(
        "--keep",
        type=click.Path(file_okay=False, path_type=Path),
        help="Where what takes long to make is made, and found the next time.",
    )
    def command(quick: bool, as_json: bool, rounds: int | None, keep: Path | None) -> None:
        # Or the servers that were started would be left running.
        signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
        report = run(Scale(quick, rounds or (1 if quick else _ROUNDS), keep))
        click.echo(report.to_json() if as_json else report.to_text())

    command()
