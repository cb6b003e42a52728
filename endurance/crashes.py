"""Crashes at random moments: `python -m endurance.crashes --crashes 1000 --seed 1`.

The real server, with one process or two, is killed again and again while clients store, replace,
describe, delete, trash, edit playlists, read, and take up what was broken off. After each crash
every client compares the archive with what it was told:

- what was acknowledged is there, and is what was sent;
- what got no answer is there wholly or not at all;
- who reads gets the bytes of one revision, over any number of crashes;
- `archive-server check` finds no damage, and, when the grace time is over, nothing left over.

The same seed gives the same crashes (what is killed, after how many operations, how many
milliseconds later, with how many processes it is started again) and to each client the same orders
in the same sequence (what to do, to which clip, with which audio, at which pace). How the threads
interleave, and so what is under way when the kill comes, is up to the machine; an order for a clip
that is not there stores it.
"""

import contextlib
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import click

from endurance.archive import PASSWORD, Archive, Victim
from endurance.crowd import Client, Crowd, Lost
from endurance.editors import Editor
from endurance.readers import Reader
from endurance.schedule import Crash, crashes
from endurance.slots import Slot
from endurance.wire import Refused, Unanswered, Wire
from endurance.writers import Writer

_WRITERS, _READERS, _EDITORS = 3, 2, 1
_CHECK_EVERY = 25
_GRACE_S = 10
_SWEPT_S = 30
# Nothing that was replaced is kept, so that there is something to remove; and what a crash leaves
# may be removed as soon as no transaction can be about to claim it.
CONFIG = f"""\
[retention]
revisions_days = 0
trash_days = 0
orphans_s = {_GRACE_S}
"""


@dataclass
class Tally:
    """What was done, and what came of it."""

    seed: int
    kills: Counter[str] = field(default_factory=Counter)
    operations: Counter[str] = field(default_factory=Counter)
    checks: int = 0
    seconds: float = 0
    findings: list[str] = field(default_factory=list)

    def to_text(self) -> str:
        """For people."""
        number = sum(self.kills.values())
        lines = [
            f"seed {self.seed}: {number} crashes in {self.seconds:.0f} s, "
            f"{self.seconds / max(number, 1):.2f} s each; {self.checks} full checks",
            _table("killed", self.kills),
            _table("done", self.operations),
            f"losses: {len(self.findings)}",
            *self.findings,
        ]
        return "\n".join(lines)


def _table(title: str, counts: Counter[str]) -> str:
    return f"{title}: " + ", ".join(f"{name} {n}" for name, n in sorted(counts.items()))


class Run:
    """One archive, its clients, and all that happens to them."""

    def __init__(self, archive: Archive, seed: int) -> None:
        """Start them all."""
        self.tally = Tally(seed)
        self._archive = archive
        self._crowd = Crowd()
        self._which = random.Random(f"{seed} which")  # noqa: S311 - not a secret
        archive.start(workers=1)
        self._writers = [Writer(self._crowd, self._wire(), n, seed) for n in range(_WRITERS)]
        slots: list[Slot] = [slot for writer in self._writers for slot in writer.slots]
        self._clients: list[Client] = [
            *self._writers,
            *(Reader(self._crowd, self._wire(), n, seed, slots) for n in range(_READERS)),
            *(Editor(self._crowd, self._wire(), n, seed) for n in range(_EDITORS)),
        ]
        self._crowd.start(self._clients)

    def _wire(self) -> Wire:
        wire = Wire(self._archive.port)
        wire.log_in("root", PASSWORD)
        return wire

    def crash(self, crash: Crash) -> None:
        """Kill, bring back, and let everybody look."""
        self._crowd.await_begun(crash.after)
        time.sleep(crash.delay_s)
        self._crowd.note_crash()
        self._archive.kill(crash.victim, self._which)
        self._archive.recover(crash.workers)
        self._crowd.note_recovered()
        self.tally.kills[crash.victim] += 1

    def look_at_everything(self) -> None:
        """Compare all that is there with all that must be, while nothing happens."""
        self._crowd.pause()
        for client in self._clients:
            self._verify(client)
        report = self._archive.check()
        self._report("check finds", [each for each in report["findings"] if _is_damage(each)])
        self.tally.checks += 1
        self._crowd.resume()

    def _verify(self, client: Client) -> None:
        try:
            client.verify_all()
        except (Lost, Refused, Unanswered) as error:
            self._report(client.name, [error])

    def finish(self) -> None:
        """Look at everything; then wait for the grace time, after which nothing may be left."""
        self.look_at_everything()
        self._crowd.end()
        self._archive.kill(Victim.ALL, self._which)
        time.sleep(_GRACE_S + 1)
        self._archive.start(workers=1)  # it looks for what is left over when it starts
        deadline = time.monotonic() + _SWEPT_S
        while (left := self._archive.check()["findings"]) and time.monotonic() < deadline:
            time.sleep(1)
        self._report("left over", left)
        self._report("sockets left over", _sockets(self._archive.data_dir.parent)[1:])
        self._report("exit code", [code] if (code := self._archive.stop()) else [])
        self._report("in the log", self._archive.tracebacks())

    def _report(self, what: str, found: Sequence[object]) -> None:
        self._crowd.findings += [f"{what}: {each}" for each in found]

    def counted(self, seconds: float) -> Tally:
        """The tally, with all that is known."""
        self.tally.operations = self._crowd.counts
        self.tally.findings = self._crowd.findings
        self.tally.seconds = seconds
        return self.tally


def _is_damage(finding: dict[str, str]) -> bool:
    return finding["severity"] == "damage"


def _sockets(directory: Path) -> list[Path]:
    """The directories of PostgreSQL's sockets; one is in use."""
    return list(directory.glob("archive-*"))


@contextlib.contextmanager
def place(prefix: str) -> Iterator[Path]:
    """Make a directory for the time of a block."""
    directory = Path(tempfile.mkdtemp(prefix=prefix))
    directory.chmod(0o711)  # PostgreSQL may run as another user
    try:
        yield directory
    finally:
        shutil.rmtree(directory, ignore_errors=True)


def run(seed: int, number: int, directory: Path, *, is_watched: bool = False) -> Tally:
    """Crash so many times; return what came of it. Everything is in an empty directory."""
    began = time.monotonic()
    archive = Archive(directory, CONFIG)
    try:
        running = Run(archive, seed)
        for done, crash in enumerate(crashes(seed, number), 1):
            running.crash(crash)
            if done % _CHECK_EVERY == 0 or done == number:
                running.look_at_everything()
                if is_watched:
                    seconds = time.monotonic() - began
                    losses = len(running.counted(seconds).findings)
                    click.echo(f"{done} crashes, {seconds:.0f} s, losses: {losses}", err=True)
        running.finish()
    finally:
        archive.end()
    return running.counted(time.monotonic() - began)


@click.command(help=__doc__)
@click.option("--crashes", "number", type=click.IntRange(1), default=1000, show_default=True)
@click.option("--seed", type=int, help="Of another run, to do the same again.")
def main(number: int, seed: int | None) -> None:
    """Run, print the tally, and end with 1 if there was a loss."""
    if seed is None:
        seed = random.SystemRandom().randrange(2**32)
    # Or the server that was started would be left running.
    signal.signal(signal.SIGTERM, lambda number, frame: sys.exit(128 + number))
    with place("crashes-") as directory:
        tally = run(seed, number, directory, is_watched=True)
        click.echo(tally.to_text())
        if tally.findings:
            kept = directory.with_name(f"{directory.name}-lost")
            shutil.copytree(directory, kept, symlinks=True)
            click.echo(f"the archive is kept in {kept}")
    sys.exit(1 if tally.findings else 0)


if __name__ == "__main__":
    main()
