"""What is in the archive and under way in it, in numbers."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Gauges:
    """Numbers that the database tells, the same for every process."""

    clips: Mapping[tuple[str, str], int]  # by type and state
    contents: int
    content_bytes: int
    damaged_contents: int
    unverified_s: float  # how long ago the content was read that was not read for longest
    held: Mapping[str, int]  # what the brake holds back, by job
    sessions: int
    uploads: Mapping[str, int]  # that are open, by purpose
    leases: Mapping[str, int]  # by kind
    jobs: Mapping[tuple[str, str], int]  # by kind and status: waiting, working, success, fault
    longest_wait_s: float  # of a job that nobody does; 0: none waits
    last_event: int  # the last number of the journal
    chores: Mapping[str, datetime]  # when each was last done to its end
    database_bytes: int
    connections: int  # of everybody, to the whole PostgreSQL server
    most_connections: int
    sidecars_behind: int = 0  # changes that the sidecars do not tell yet
    sidecars_lag_s: float = 0  # how long the oldest of them has waited
