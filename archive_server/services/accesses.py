"""Noting in the journal who got what to read, where a station wants that."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from archive_server.database import journal
from archive_server.model.clips import Clip
from archive_server.model.journal import EventKind
from archive_server.model.users import Caller


@dataclass(frozen=True, slots=True)
class Accesses:
    """Whether accesses are events."""

    are_noted: bool = False

    def note(
        self, cursor: Any, caller: Caller, clip: Clip, at: datetime, revision: int | None = None
    ) -> None:
        """Note that an item is given out: as it is now, or one revision of its audio."""
        if self.are_noted:
            kind = EventKind.ACCESSED
            journal.add(cursor, kind, clip.clip_id, by=caller, at=at, revision=revision)
