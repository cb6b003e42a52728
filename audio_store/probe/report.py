"""What a probe is allowed, and what it found."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields
from typing import Any


@dataclass(frozen=True, slots=True)
class Remark:
    """A stable code of the table in `verdicts`, and a sentence about this file."""

    code: str
    text: str


@dataclass(frozen=True, slots=True)
class Facts:
    """What was measured on the audio."""

    format: str  # ogg, mp3 or wav: what the bytes are, whatever the file's name says
    codec: str
    encoder: str  # as the file tells it; empty if it does not
    frames: int  # samples a channel
    sample_rate: int  # Hz
    channels: int
    duration_us: int
    bit_rate: int  # bits a second, averaged over the audio


@dataclass(frozen=True, slots=True)
class Report:
    """The verdict on one file: it may be stored if nothing speaks against it.

    `facts` are there for every file that is accepted, and for a refused one as far as it could be
    understood. `tags` are texts by the neutral names of `tags`; empty for a refused file.
    """

    refusals: tuple[Remark, ...] = ()
    warnings: tuple[Remark, ...] = ()
    facts: Facts | None = None
    tags: Mapping[str, tuple[str, ...]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one file may cost before its worker is killed."""

    memory_bytes: int = 2**30
    cpu_s: float = 60
    cpu_share: float = 0.05  # CPU seconds more for each second of audio
    tags_cpu_s: float = 10
    wall_s: float = 600
    wall_share: float = 0.25
    longest_s: float = 24 * 3600  # longer audio is refused before it is decoded
    files: int = 2000  # a worker is replaced after so many; to start one takes 0.2 s of a core

    def cpu_for(self, duration_s: float) -> float:
        return self.cpu_s + self.cpu_share * self._believed(duration_s)

    def wall_for(self, duration_s: float) -> float:
        return self.wall_s + self.wall_share * self._believed(duration_s)

    def _believed(self, duration_s: float) -> float:
        # Where a station accepts overlong audio, a forged header must not buy centuries.
        return min(duration_s, 7 * self.longest_s)


def to_json(report: Report) -> dict[str, Any]:
    """Everything but the tags, which come later than the verdict."""
    return {
        "refusals": remarks_to_json(report.refusals),
        "warnings": remarks_to_json(report.warnings),
        # Not `asdict`, which copies deeply: 0.1 ms a file.
        "facts": {name: getattr(report.facts, name) for name in _FACTS} if report.facts else None,
    }


_FACTS = tuple(each.name for each in fields(Facts))


def remarks_to_json(remarks: Iterable[Remark]) -> list[Mapping[str, str]]:
    return [{"code": remark.code, "text": remark.text} for remark in remarks]


def from_json(verdict: Mapping[str, Any]) -> Report:
    facts = verdict["facts"]
    return Report(
        refusals=remarks_from_json(verdict["refusals"]),
        warnings=remarks_from_json(verdict["warnings"]),
        facts=Facts(**facts) if facts else None,
    )


def remarks_from_json(remarks: list[Mapping[str, str]]) -> tuple[Remark, ...]:
    return tuple(Remark(remark["code"], remark["text"]) for remark in remarks)
