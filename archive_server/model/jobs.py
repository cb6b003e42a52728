"""Jobs: work that takes longer than a call, and is asked about by its token."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any

from archive_server.model.users import Caller


class JobStatus(StrEnum):
    """How it stands with a job; the words are those of the wire."""

    WORKING = "working"  # or waiting for somebody to work
    SUCCESS = "success"
    FAULT = "fault"


@dataclass(frozen=True, slots=True)
class JobState:
    """What is known of a job."""

    kind: str
    status: JobStatus
    fault: str  # a sentence for the caller; empty unless it ended with a fault
    progress: float  # 0 to 1
    result: Mapping[str, Any]  # what the work returned; empty before its success


@dataclass(frozen=True, slots=True)
class Job:
    """A job in the hands of a process that does it."""

    token: str
    kind: str
    parameters: Mapping[str, Any]
    caller: Caller  # who asked for it, with the role they have now
    directory: Path  # for its files; empty when the work begins, removed with the job
    holder: str  # who does it; another one may take over what seems to be left behind


class JobCancelled(Exception):
    """Nobody wants the job to go on: it was closed, or the server stops."""


# Tells how far the work is, 0 to 1, from any thread, as often as it likes. Raises JobCancelled,
# and is called often enough (every second or so) for that to end the work soon.
Report = Callable[[float], None]

# Does a job and returns its result, which JSON can hold. It may be done again from the start, by
# another process, if this one dies. An ArchiveError is the job's fault, in its own words.
Work = Callable[[Job, Report], Awaitable[Mapping[str, Any]]]
