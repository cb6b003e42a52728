"""How well the archive is, part by part."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum


class Status(StrEnum):
    """In the words of draft-inadarei-api-health-check, 3.1; from good to bad."""

    PASS = "pass"  # noqa: S105 - no password
    WARN = "warn"  # it works, and somebody should look
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Part:
    """How one part is."""

    name: str
    status: Status
    reason: str = ""  # a sentence for who keeps the archive; empty where all is well
    observed: float | None = None  # what was measured, in this unit
    unit: str = ""


def worst(parts: Sequence[Part]) -> Status:
    """How the whole is: as its worst part."""
    order = list(Status)
    return max((part.status for part in parts), key=order.index, default=Status.PASS)
