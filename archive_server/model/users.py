"""Users, and who calls."""

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import TypeAlias

from archive_server.model.rights import Scope


class Role(StrEnum):
    """What a user is meant for: it decides which of the groups that are built in they are in.

    What that allows is for the rules to say; what they say at first is noted here.
    """

    CLIENT = "client"  # in All: reads and searches
    MAINTAINER = "maintainer"  # in Maintainers too: stores, replaces, describes, deletes
    ADMIN = "admin"  # in Admins too: everything


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can log in."""

    user_id: int
    login: str
    role: Role
    address: str | None = field(default=None, compare=False)  # where they call from, if known
    scope: Scope = field(default=Scope.ADMIN, compare=False)  # less for a program with a token


Caller: TypeAlias = User  # the one behind a call


@dataclass(frozen=True, slots=True)
class Session:
    """A login that holds."""

    caller: Caller
    created_at: datetime
    last_used_at: datetime  # as it is kept, which may be a little while ago
