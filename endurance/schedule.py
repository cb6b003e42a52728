"""When what is killed: drawn from the seed."""

import random
from collections.abc import Iterator
from dataclasses import dataclass

from endurance.archive import Victim

# A restart of everything takes longest, that of a worker is hardly noticed.
_WEIGHTS = {
    Victim.SERVER: 20,
    Victim.WORKER: 35,
    Victim.POSTGRES: 10,
    Victim.BACKEND: 20,
    Victim.ALL: 15,
}
_MOST_OPERATIONS = 12
_LONGEST_S = 0.05
_TWO_WORKERS = 0.3


@dataclass(frozen=True, slots=True)
class Crash:
    """One of many."""

    victim: Victim
    after: int  # operations that the clients together have begun since the last one
    delay_s: float  # and this much later
    workers: int  # when the server has to be started anew, this many are


def crashes(seed: int, number: int) -> Iterator[Crash]:
    """As many as are asked for; the same ones for the same seed."""
    chance = random.Random(f"{seed} crashes")  # noqa: S311 - not a secret
    victims, weights = list(_WEIGHTS), list(_WEIGHTS.values())
    for _ in range(number):
        (victim,) = chance.choices(victims, weights)
        yield Crash(
            victim,
            chance.randint(1, _MOST_OPERATIONS),
            chance.uniform(0, _LONGEST_S),
            2 if chance.random() < _TWO_WORKERS else 1,
        )
