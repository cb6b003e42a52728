"""What is to be mixed: parts of files, each at its place, with its fades.

Times are microseconds. They are rounded to frames one by one, so that errors do not add up.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

SECOND_US = 1_000_000


@dataclass(frozen=True, slots=True)
class Fade:
    """A straight rise from 0 to 100 % at `start_us` of the mix, and a fall to 0 % at `end_us`."""

    start_us: int
    end_us: int
    in_us: int
    out_us: int


@dataclass(frozen=True, slots=True)
class Part:
    """What is heard of one file. All its fades apply at once: their levels are multiplied."""

    path: str
    at_us: int  # where in the mix
    from_us: int  # where in the file
    length_us: int  # silence follows where the file ends sooner
    fades: tuple[Fade, ...] = ()


@dataclass(frozen=True, slots=True)
class Mix:
    """Parts that become one file of this form and length; what lies behind its end is cut off."""

    sample_rate: int  # Hz
    channels: int  # 1 or 2
    length_us: int
    parts: tuple[Part, ...]
    title: str = ""
    artist: str = ""

    @property
    def frames(self) -> int:
        return frames_of(self.length_us, self.sample_rate)

    @property
    def work_s(self) -> float:
        """The seconds of audio that are read and written."""
        read_us = sum(part.from_us + part.length_us for part in self.parts)
        return (read_us + self.length_us) / SECOND_US


def frames_of(time_us: int, sample_rate: int) -> int:
    """The frame nearest to a time."""
    return (time_us * sample_rate + SECOND_US // 2) // SECOND_US


def to_json(mix: Mix) -> dict[str, Any]:
    return asdict(mix)


def from_json(mix: Mapping[str, Any]) -> Mix:
    parts = tuple(
        Part(**{**part, "fades": tuple(Fade(**fade) for fade in part["fades"])})
        for part in mix["parts"]
    )
    return Mix(**{**mix, "parts": parts})
