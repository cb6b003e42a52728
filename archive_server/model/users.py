"""Who calls, and what they may do."""

from dataclasses import dataclass
from enum import StrEnum

from archive_server.errors import Forbidden


class Role(StrEnum):
    """What a user may do; each role includes those before it."""

    CLIENT = "client"  # reads and searches
    MAINTAINER = "maintainer"  # stores, replaces, describes, deletes
    ADMIN = "admin"


_RANK = {role: rank for rank, role in enumerate(Role)}


@dataclass(frozen=True, slots=True)
class User:
    """Somebody who can log in."""

    user_id: int
    login: str
    role: Role


@dataclass(frozen=True, slots=True)
class Caller:
    """The user behind a call."""

    user_id: int
    login: str
    role: Role

    def must_be(self, role: Role) -> None:
        """Raise Forbidden unless the caller has this role or a higher one."""
        if _RANK[self.role] < _RANK[role]:
            raise Forbidden(f"user {self.login} is a {self.role}; this needs a {role}")
