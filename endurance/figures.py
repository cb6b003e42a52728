"""What processes hold, over time: memory, descriptors, threads; and whether it grows."""

import contextlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.harness.processes import name_of, resident_bytes, tree

_SHARE_OF_MEAN = 0.05  # that may be added in half a run: allocators and caches breathe


@dataclass(frozen=True, slots=True)
class Sample:
    """What was held at a moment."""

    seconds: float  # since the beginning
    values: Mapping[str, float]


@dataclass(frozen=True, slots=True)
class Trend:
    """What became of a figure over the second half."""

    name: str
    first: float
    last: float
    highest: float
    mean: float
    growth: float  # over the second half, by the straight line that fits best
    is_flat: bool

    def to_text(self) -> str:
        """One line."""
        verdict = "flat" if self.is_flat else "GROWS"
        return (
            f"{self.name:34} {self.first:12,.0f} {self.last:12,.0f} {self.highest:12,.0f} "
            f"{self.growth:+12,.1f}  {verdict}"
        )


def held_by(pids: Mapping[str, int]) -> dict[str, float]:
    """What each of these processes holds; MB are of 10^6 bytes."""
    found: dict[str, float] = {}
    for name, pid in pids.items():
        place = Path(f"/proc/{pid}")
        with contextlib.suppress(OSError):
            found[f"{name} memory MB"] = resident_bytes([pid]) / 1e6
            found[f"{name} descriptors"] = len(list((place / "fd").iterdir()))
            found[f"{name} threads"] = len(list((place / "task").iterdir()))
    return found


def processes_of(main: int, workers: Sequence[int]) -> dict[str, int]:
    """The processes that serve, by what they are."""
    if not workers:
        return {"server": main}
    return {"supervisor": main, **{f"worker {n}": pid for n, pid in enumerate(sorted(workers))}}


def held_by_postgres(main: int) -> dict[str, float]:
    """What PostgreSQL's processes hold together, but for the memory they share."""
    pids = [pid for pid in tree(main) if name_of(pid).startswith("postgres")]
    return {
        "PostgreSQL memory MB": sum(map(_private_bytes, pids)) / 1e6,
        "PostgreSQL processes": len(pids),
    }


def _private_bytes(pid: int) -> int:
    """The memory that only this process has (proc(5), smaps_rollup)."""
    with contextlib.suppress(OSError):
        lines = Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()
        return sum(int(line.split()[1]) * 1024 for line in lines if line.startswith("Private_"))
    return 0


def trends(samples: Sequence[Sample], allowances: Mapping[str, float]) -> list[Trend]:
    """How each figure went in the second half.

    It is flat where it has grown by no more than a twentieth of its mean, or than its allowance:
    that of figures whose names end so, for what is so little that a twentieth says nothing.
    """
    half = samples[len(samples) // 2 :]
    names = dict.fromkeys(name for sample in samples for name in sample.values)
    found = []
    for name in names:
        points = [(each.seconds, each.values[name]) for each in half if name in each.values]
        if len(points) > 1:
            found.append(_trend(name, points, allowances))
    return found


def _trend(
    name: str, points: Sequence[tuple[float, float]], allowances: Mapping[str, float]
) -> Trend:
    values = [value for _, value in points]
    mean = sum(values) / len(values)
    growth = _slope(points) * (points[-1][0] - points[0][0])
    allowed = next((most for end, most in allowances.items() if name.endswith(end)), 0.0)
    is_flat = growth <= max(_SHARE_OF_MEAN * mean, allowed)
    return Trend(name, values[0], values[-1], max(values), mean, growth, is_flat)


def _slope(points: Sequence[tuple[float, float]]) -> float:
    """Of the straight line with the least squares."""
    count = len(points)
    mean_x, mean_y = sum(x for x, _ in points) / count, sum(y for _, y in points) / count
    spread = sum((x - mean_x) ** 2 for x, _ in points)
    return sum((x - mean_x) * (y - mean_y) for x, y in points) / spread if spread else 0.0
