"""The journal: what happened to the library, in one event a change; and who came and governed."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Generic, TypeVar

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
    DAMAGED = "damaged"  # the audio of a revision was found damaged in the store
    MENDED = "mended"  # it is whole again


class AuditKind(StrEnum):
    """What can happen to those who use the archive, and to what they may do."""

    LOGGED_IN = "logged-in"
    LOGIN_REFUSED = "login-refused"  # a wrong password
    LOGGED_OUT = "logged-out"
    TOKEN_ADDED = "token-added"  # noqa: S105 - a word
    TOKEN_REMOVED = "token-removed"  # noqa: S105 - a word
    USER_ADDED = "user-added"
    USER_REMOVED = "user-removed"
    PASSWORD_CHANGED = "password-changed"  # noqa: S105 - a word
    ROLE_CHANGED = "role-changed"
    GROUP_ADDED = "group-added"
    GROUP_REMOVED = "group-removed"
    GROUP_JOINED = "group-joined"
    GROUP_LEFT = "group-left"
    PERMISSION_SET = "permission-set"
    PERMISSION_REVOKED = "permission-revoked"
    CLASS_ADDED = "class-added"
    CLASS_REMOVED = "class-removed"
    CLASS_JOINED = "class-joined"
    CLASS_LEFT = "class-left"


# What an auditor wants to know of the library: who has taken something away.
AUDITED = (EventKind.REPLACED, EventKind.TRASHED, EventKind.DELETED)


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
class AuditEvent:
    """Who did what, when, and from where."""

    number: int  # as that of an event
    at: datetime
    kind: EventKind | AuditKind
    subject: str  # whom or what it was done to: `user:alice`, `group:All`, a clip's id
    detail: str  # what has changed of it; empty: the kind says it all
    login: str | None  # who did it; None: nobody who had logged in, or a command
    address: str | None


E = TypeVar("E", Event, AuditEvent)


@dataclass(frozen=True, slots=True)
class Page(Generic[E]):
    """Some events, and the cursor to go on from."""

    events: Sequence[E]
    cursor: int  # nothing up to it is still to come
    has_more: bool  # there may be more at once


EventPage = Page[Event]
AuditPage = Page[AuditEvent]
