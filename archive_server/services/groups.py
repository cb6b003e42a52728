"""Groups of users, and who is in them."""

from dataclasses import dataclass
from typing import Any

from archive_server.blocking import Database
from archive_server.database import groups, journal
from archive_server.database.permissions import find_subject
from archive_server.model.groups import Group
from archive_server.model.journal import AuditKind
from archive_server.model.permissions import checked_name
from archive_server.model.rights import Action
from archive_server.model.users import Caller
from archive_server.services.rights import require_to_administer


@dataclass(frozen=True)
class GroupService:
    """Administering groups, by callers who may, or by the operator of the machine (None)."""

    database: Database

    async def add(self, caller: Caller | None, name: str) -> None:
        """Add a group. Raises Forbidden, BadRequest, Conflict."""
        await self.database.run(_add, caller, checked_name(name, "group"))

    async def remove(self, caller: Caller | None, name: str) -> None:
        """Remove a group and the rules for it.

        Raises Forbidden, BadRequest, UnknownGroup, Conflict for one that is built in.
        """
        await self.database.run(_remove, caller, checked_name(name, "group"))

    async def list_groups(self, caller: Caller | None) -> list[Group]:
        """All groups, those built in first. Raises Forbidden."""
        return await self.database.run(_list, caller)

    async def join(self, caller: Caller | None, member: str, group: str) -> None:
        """Put a user or a group into a group.

        Raises Forbidden, NotFound, UnknownGroup, BadRequest, Conflict for a circle.
        """
        await self.database.run(_join, caller, member, checked_name(group, "group"))

    async def leave(self, caller: Caller | None, member: str, group: str) -> None:
        """Take a user or a group out of a group.

        Raises Forbidden, NotFound, UnknownGroup, BadRequest. Who is in it by their role stays.
        """
        await self.database.run(_leave, caller, member, checked_name(group, "group"))


def _add(cursor: Any, caller: Caller | None, name: str) -> None:
    require_to_administer(cursor, caller, Action.SUBJECTS)
    groups.add(cursor, name)
    journal.add_audit(cursor, AuditKind.GROUP_ADDED, f"group:{name}", by=caller)


def _remove(cursor: Any, caller: Caller | None, name: str) -> None:
    require_to_administer(cursor, caller, Action.SUBJECTS)
    groups.remove(cursor, name)
    journal.add_audit(cursor, AuditKind.GROUP_REMOVED, f"group:{name}", by=caller)


def _list(cursor: Any, caller: Caller | None) -> list[Group]:
    require_to_administer(cursor, caller, Action.SUBJECTS)
    return groups.list_groups(cursor)


def _join(cursor: Any, caller: Caller | None, member: str, group: str) -> None:
    require_to_administer(cursor, caller, Action.SUBJECTS)
    subject, subject_id = find_subject(cursor, member)
    groups.join(cursor, groups.get_id(cursor, group), subject.kind, subject_id)
    journal.add_audit(
        cursor, AuditKind.GROUP_JOINED, f"group:{group}", by=caller, detail=str(subject)
    )


def _leave(cursor: Any, caller: Caller | None, member: str, group: str) -> None:
    require_to_administer(cursor, caller, Action.SUBJECTS)
    subject, subject_id = find_subject(cursor, member)
    groups.leave(cursor, groups.get_id(cursor, group), subject.kind, subject_id)
    journal.add_audit(
        cursor, AuditKind.GROUP_LEFT, f"group:{group}", by=caller, detail=str(subject)
    )
