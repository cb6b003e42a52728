"""What targets find around them: databases, and a directory. Whoever runs them provides it."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Surroundings:
    """Where a run takes place."""

    # By target, a database with our schema: in it a transaction is open until the end.
    dsns: Mapping[str, str]
    directory: Path  # for files; whoever made it removes it


_provided: list[Surroundings] = []


def provide(surroundings: Surroundings) -> None:
    """Let targets find these."""
    _provided.append(surroundings)


def surroundings() -> Surroundings:
    """What was provided last."""
    assert _provided, "whoever runs targets that need surroundings provides them"
    return _provided[-1]
