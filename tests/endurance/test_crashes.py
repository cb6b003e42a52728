"""A short run of random crashes; and that a run would see what must not happen."""

import random
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from endurance.archive import Archive, Victim
from endurance.crashes import CONFIG, Run, run
from endurance.schedule import crashes
from endurance.writers import Order


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory that PostgreSQL's user can get to, unlike pytest's own."""
    made = Path(tempfile.mkdtemp(prefix="crashes-"))
    made.chmod(0o711)
    yield made
    shutil.rmtree(made)


@pytest.mark.slow
def test_random_crashes_lose_nothing(directory):
    seed = random.SystemRandom().randrange(2**32)
    tally = run(seed, 15, directory)
    assert tally.findings == [], tally.to_text()
    assert sum(tally.kills.values()) == 15
    assert tally.operations["store or replace"] > 5


@pytest.mark.slow
def test_a_run_sees_bytes_that_are_damaged_and_clips_that_are_gone(directory):
    archive = Archive(directory, CONFIG)
    try:
        running = Run(archive, seed=1)
        running.crash(next(crashes(1, 1)))
        running.look_at_everything()
        assert running.counted(0).findings == []
        for path in (archive.data_dir / "store" / "content").rglob("*"):
            if path.is_file():
                path.chmod(0o600)
                path.write_bytes(path.read_bytes()[:-1] + b"?")
        running.look_at_everything()
        findings = "\n".join(running.counted(0).findings)
        assert "check finds" in findings
        assert "writer" in findings
    finally:
        archive.end()


def test_the_same_seed_gives_the_same_crashes_and_orders():
    def orders(seed):
        chance = random.Random(seed)
        return [Order.drawn(number, chance) for number in range(100)]

    assert list(crashes(7, 100)) == list(crashes(7, 100)) != list(crashes(8, 100))
    assert orders("7") == orders("7") != orders("8")
    assert {crash.victim for crash in crashes(7, 100)} == set(Victim)
