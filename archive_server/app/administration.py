"""Administering users, groups, permissions and tokens: what commands need, and no more."""

from dataclasses import dataclass
from datetime import UTC, datetime

from archive_server.blocking import Database, InThread
from archive_server.services.groups import GroupService
from archive_server.services.permissions import PermissionService
from archive_server.services.tokens import TokenService
from archive_server.services.users import UserService


@dataclass(frozen=True)
class Administration:
    """Who can log in, and what they may do."""

    users: UserService
    groups: GroupService
    permissions: PermissionService
    tokens: TokenService


def build_administration(database: Database, hash_in_thread: InThread) -> Administration:
    """The services, over what is given; nothing is started."""
    return Administration(
        UserService(database, hash_in_thread),
        GroupService(database),
        PermissionService(database),
        TokenService(database, lambda: datetime.now(UTC)),
    )
