"""What is known of the bytes of contents, and how much maintenance may do at once."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from archive_server.model.clips import Content


class Outcome(StrEnum):
    """What became of a content that was looked at."""

    WHOLE = "whole"
    MENDED = "mended"  # it was damaged, and is whole again
    DAMAGED = "damaged"  # since now
    STILL_DAMAGED = "still damaged"
    HELD = "held back"  # damaged, but the brake keeps us from saying so
    UNKNOWN = "unknown"  # it cannot be told now how it is
    CHANGED = "changed"  # it went, or was stored again meanwhile: there is nothing to be said


@dataclass(frozen=True, slots=True)
class Looked:
    """A content that was looked at."""

    content: Content
    outcome: Outcome
    flaw: str | None  # a sentence; None: it is whole, or nobody can tell


@dataclass(frozen=True, slots=True)
class DamagedContent:
    """A content that is known to be damaged, and the clips that have it."""

    sha256: bytes
    size: int  # bytes
    damage: str
    damaged_at: datetime
    clips: tuple[str, ...]  # their ids


class BrakeJob(StrEnum):
    """What maintenance removes or marks, and may hold back when it is too much."""

    TRASH = "trash"  # clips that have been in the trash for long enough
    REVISIONS = "revisions"  # audio that was replaced long ago
    CONTENTS = "contents"  # bytes that nothing refers to any more
    ORPHANS = "orphans"  # files that no row knows
    DAMAGE = "damage"  # contents that are marked as damaged

    @property
    def few(self) -> int:
        """So many may always be, whatever their share.

        Somebody has removed what the first three are about. Nobody ever has the other two in mind:
        they tell of crashes and broken disks, or of a database that belongs to another store.
        """
        return 10 if self in (BrakeJob.ORPHANS, BrakeJob.DAMAGE) else 100

    @property
    def noun(self) -> str:
        """What is counted, in a sentence."""
        return {
            BrakeJob.TRASH: "clips are to go from the trash",
            BrakeJob.REVISIONS: "replaced revisions are to go",
            BrakeJob.CONTENTS: "contents that nothing refers to are to go",
            BrakeJob.ORPHANS: "files that no row knows are to go",
            BrakeJob.DAMAGE: "contents are to be marked as damaged",
        }[self]


@dataclass(frozen=True, slots=True)
class BrakePolicy:
    """How much a job may do at once without being told to."""

    most: int  # 0: any number
    percent: int  # of all there are; 100: any share

    def limit(self, job: BrakeJob, total: int) -> int | None:
        """How much that is; None: there is no limit."""
        limits = [self.most] if self.most else []
        if self.percent < 100:
            limits.append(max(job.few, total * self.percent // 100))
        return min(limits, default=None)


@dataclass(frozen=True, slots=True)
class HeldJob:
    """Maintenance that has stopped before it did too much."""

    job: BrakeJob
    held: int
    total: int
    since: datetime

    def __str__(self) -> str:
        return f"{self.held} of {self.total} {self.job.noun}"
