"""The journal: what happened to the library, in one event a change."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from archive_server.model.clips import FileType
from archive_server.model.gunid import Gunid


class EventKind(StrEnum):
    """What can happen to a clip, a playlist or a webstream."""

    CREATED = "created"
    REPLACED = "replaced"  # other audio, another playlist or address, described anew or not
    UPDATED = "updated"  # another description of the same
    TRASHED = "trashed"
    RESTORED = "restored"  # from the trash
    DELETED = "deleted"  # for good
    ACCESSED = "accessed"  # somebody got it to read


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened."""

    number: int  # grows from event to event; some numbers are never used
    at: datetime
    kind: EventKind
    gunid: Gunid
    file_type: FileType | None  # None: nobody knows any more
    revision: int | None  # the one it left, or that was read; None: it has none
    login: str | None  # None: the archive itself, or a command
    address: str | None  # where the call came from; None: not known


@dataclass(frozen=True, slots=True)
class EventPage:
    """Some events, and the cursor to go on from."""

    events: Sequence[Event]
    cursor: int  # nothing up to it is still to come
    has_more: bool  # there may be more at once
