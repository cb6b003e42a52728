"""Rules about who may do what, and the classes of objects they can be about."""

from dataclasses import dataclass
from typing import Any

from archive_server.blocking import Database
from archive_server.database import clips, journal, object_classes, permissions, rights, users
from archive_server.errors import BadRequest, NotFound
from archive_server.model.gunid import Gunid
from archive_server.model.journal import AuditKind
from archive_server.model.permissions import (
    Object,
    ObjectClass,
    ObjectKind,
    Permission,
    checked_name,
)
from archive_server.model.rights import Action, Rule, deciding
from archive_server.model.users import Caller
from archive_server.services.rights import require_to_administer


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether somebody may do something, and the rule that says so; None: no rule does."""

    is_allowed: bool
    permission: Permission | None

    @property
    def reason(self) -> str:
        """Why, in words."""
        return "nothing is said about it" if self.permission is None else str(self.permission)


@dataclass(frozen=True)
class PermissionService:
    """Administering rules, by callers who may, or by the operator of the machine (None).

    Subjects and objects are written as `model.permissions` tells; who cannot be read is
    BadRequest, who is not there NotFound.
    """

    database: Database

    async def put(
        self, caller: Caller | None, subject: str, action: Action, target: Object, *, allows: bool
    ) -> Permission:
        """Allow or deny something. Raises Forbidden, BadRequest, NotFound."""
        return await self.database.run(_put, caller, subject, action, target, allows)

    async def revoke(
        self, caller: Caller | None, subject: str, action: Action, target: Object
    ) -> None:
        """Remove a rule, whether it allows or denies. Raises Forbidden, BadRequest, NotFound."""
        await self.database.run(_revoke, caller, subject, action, target)

    async def list_permissions(
        self, caller: Caller | None, subject: str = "", target: Object | None = None
    ) -> list[Permission]:
        """The rules for somebody (empty: anybody) about an object (None: any).

        Raises Forbidden, BadRequest, NotFound.
        """
        return await self.database.run(_list, caller, subject, target)

    async def test(
        self, caller: Caller | None, login: str, action: Action, target: Object
    ) -> Verdict:
        """Whether a user may do this, and why. Raises Forbidden, BadRequest, NotFound."""
        checked_name(login, "login")
        return await self.database.run(_test, caller, login, action, target)

    async def add_class(self, caller: Caller | None, name: str) -> None:
        """Add a class of objects. Raises Forbidden, BadRequest, Conflict."""
        await self.database.run(_add_class, caller, checked_name(name, "class"))

    async def remove_class(self, caller: Caller | None, name: str) -> None:
        """Remove a class and the rules about it, not what is in it.

        Raises Forbidden, BadRequest, NotFound.
        """
        await self.database.run(_remove_class, caller, checked_name(name, "class"))

    async def list_classes(self, caller: Caller | None) -> list[ObjectClass]:
        """All classes, and what is in them. Raises Forbidden."""
        return await self.database.run(_list_classes, caller)

    async def classify(
        self, caller: Caller | None, name: str, member: Object, *, is_in: bool
    ) -> None:
        """Put an object into a class or take it out. Raises Forbidden, BadRequest, NotFound."""
        await self.database.run(_classify, caller, checked_name(name, "class"), member, is_in)


def _put(
    cursor: Any, caller: Caller | None, text: str, action: Action, target: Object, allows: bool
) -> Permission:
    require_to_administer(cursor, caller, Action.EDIT_RIGHTS)
    subject, subject_id = permissions.find_subject(cursor, text)
    permissions.put(cursor, subject, subject_id, action, target, allows=allows)
    made = Permission(subject, action, target, allows)
    journal.add_audit(cursor, AuditKind.PERMISSION_SET, str(subject), by=caller, detail=str(made))
    return made


def _revoke(cursor: Any, caller: Caller | None, text: str, action: Action, target: Object) -> None:
    require_to_administer(cursor, caller, Action.EDIT_RIGHTS)
    subject, subject_id = permissions.find_subject(cursor, text)
    permissions.revoke(cursor, subject, subject_id, action, target)
    journal.add_audit(
        cursor,
        AuditKind.PERMISSION_REVOKED,
        str(subject),
        by=caller,
        detail=f"{action.value} on {target}",
    )


def _list(cursor: Any, caller: Caller | None, text: str, target: Object | None) -> list[Permission]:
    require_to_administer(cursor, caller, Action.EDIT_RIGHTS)
    subject = permissions.find_subject(cursor, text)[0] if text else None
    if target is not None:
        permissions.get_object_id(cursor, target)  # a misspelt one is not one without rules
    return permissions.list_permissions(cursor, subject, target)


def _test(
    cursor: Any, caller: Caller | None, login: str, action: Action, target: Object
) -> Verdict:
    require_to_administer(cursor, caller, Action.EDIT_RIGHTS)
    found = users.find(cursor, login)
    if found is None:
        raise NotFound(f"there is no user {login}")
    rule = deciding(action, _applicable(cursor, found[0].user_id, action, target))
    if rule is None:
        return Verdict(False, None)
    return Verdict(rule.allows, permissions.get(cursor, rule.rule_id))


def _applicable(cursor: Any, user_id: int, action: Action, target: Object) -> list[Rule]:
    if target.kind is ObjectKind.CLASS:
        raise BadRequest("object: what is in a class is tested, not the class")
    if target.kind is not ObjectKind.CLIP:
        home_of = permissions.get_object_id(cursor, target)
        return rights.applicable(cursor, user_id, action, home_of=home_of)
    clip = clips.find(cursor, Gunid.parse(target.name))
    if clip is None:
        raise NotFound(f"there is no clip {target}")
    return rights.applicable(cursor, user_id, action, clip_id=clip.clip_id, home_of=clip.owner_id)


def _add_class(cursor: Any, caller: Caller | None, name: str) -> None:
    require_to_administer(cursor, caller, Action.CLASSES)
    object_classes.add(cursor, name)
    journal.add_audit(cursor, AuditKind.CLASS_ADDED, f"class:{name}", by=caller)


def _remove_class(cursor: Any, caller: Caller | None, name: str) -> None:
    require_to_administer(cursor, caller, Action.CLASSES)
    object_classes.remove(cursor, name)
    journal.add_audit(cursor, AuditKind.CLASS_REMOVED, f"class:{name}", by=caller)


def _list_classes(cursor: Any, caller: Caller | None) -> list[ObjectClass]:
    require_to_administer(cursor, caller, Action.CLASSES)
    return object_classes.list_classes(cursor)


def _classify(cursor: Any, caller: Caller | None, name: str, member: Object, is_in: bool) -> None:
    require_to_administer(cursor, caller, Action.CLASSES)
    change = object_classes.put if is_in else object_classes.take
    change(cursor, name, member)
    kind = AuditKind.CLASS_JOINED if is_in else AuditKind.CLASS_LEFT
    journal.add_audit(cursor, kind, f"class:{name}", by=caller, detail=str(member))
