"""Contestants measured in turns, so that a change of the machine's mood hits all of them alike."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from statistics import median


@dataclass(frozen=True, slots=True)
class Figures:
    """What one contestant reached, one number a round, in the order of the rounds."""

    taken: tuple[float, ...]

    @property
    def median(self) -> float:
        """The middle one."""
        return median(self.taken)

    @property
    def lowest(self) -> float:
        """The smallest number, be that good or bad."""
        return min(self.taken)

    @property
    def highest(self) -> float:
        """The largest number."""
        return max(self.taken)

    def ratio_to(self, other: "Figures") -> float:
        """How many times the other's figures these are.

        Of contestants in the same rounds it is the median of the rounds' ratios, since what slowed
        one down in a round slowed down its neighbour; or else the ratio of the medians.
        """
        if len(self.taken) != len(other.taken):
            return _divided(self.median, other.median)
        return median(
            _divided(mine, theirs) for mine, theirs in zip(self.taken, other.taken, strict=True)
        )


def alternate(contestants: Mapping[str, Callable[[], float]], rounds: int) -> dict[str, Figures]:
    """Measure each contestant once a round; each round begins with another one."""
    several = {name: _alone(measure) for name, measure in contestants.items()}
    return alternate_several(several, rounds)[""]


def alternate_several(
    contestants: Mapping[str, Callable[[], Mapping[str, float]]], rounds: int
) -> dict[str, dict[str, Figures]]:
    """The same for contestants whose every run gives several numbers, by the numbers' names.

    `{"MB/s": {"archive": Figures, "nginx": Figures}, ...}`
    """
    names = list(contestants)
    taken: dict[str, dict[str, list[float]]] = {}
    for turn in range(rounds):
        first = turn % len(names)
        for name in names[first:] + names[:first]:
            for measure, number in contestants[name]().items():
                by_name = taken.setdefault(measure, {each: [] for each in names})
                by_name[name].append(number)
    return {
        measure: {name: Figures(tuple(numbers)) for name, numbers in by_name.items() if numbers}
        for measure, by_name in taken.items()
    }


def _alone(measure: Callable[[], float]) -> Callable[[], Mapping[str, float]]:
    return lambda: {"": measure()}


def _divided(mine: float, theirs: float) -> float:
    if theirs:
        return mine / theirs
    return float("inf") if mine else 1.0
