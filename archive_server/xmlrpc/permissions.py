"""Rules and classes of objects, as `admin.*` calls. The classic archive had none of these."""

from dataclasses import dataclass

from archive_server.errors import BadRequest, Conflict, Forbidden, NoSession, NotFound, UnknownGroup
from archive_server.model.permissions import Object, parsed_action
from archive_server.model.users import Caller
from archive_server.services.permissions import PermissionService
from archive_server.services.sessions import SessionService
from archive_server.xmlrpc.administration import SINCE, STATUS
from archive_server.xmlrpc.method import Client, Kind, Member, Method
from archive_server.xmlrpc.parameters import optional_text, text
from archive_server.xmlrpc.sessions import SESSION, caller_of
from archive_server.xmlrpc.values import Struct


@dataclass(frozen=True)
class PermissionMethods:
    """The calls about rules and classes. They need `editPrivs` or `classes` on the archive."""

    sessions: SessionService
    permissions: PermissionService

    async def allow(self, client: Client, struct: Struct) -> Struct:
        """Allow something."""
        return await self._put(client, struct, allows=True)

    async def deny(self, client: Client, struct: Struct) -> Struct:
        """Deny something."""
        return await self._put(client, struct, allows=False)

    async def revoke(self, client: Client, struct: Struct) -> Struct:
        """Remove a rule."""
        caller = await self._caller(client, struct)
        subject, action = text(struct, "subject"), parsed_action(text(struct, "action"))
        await self.permissions.revoke(caller, subject, action, _object(struct))
        return {"status": True}

    async def list_permissions(self, client: Client, struct: Struct) -> Struct:
        """List rules."""
        caller = await self._caller(client, struct)
        subject = optional_text(struct, "subject")
        target = _object(struct) if optional_text(struct, "object") else None
        permissions = await self.permissions.list_permissions(caller, subject, target)
        return {
            "permissions": [
                {
                    "subject": str(each.subject),
                    "action": each.action.value,
                    "object": str(each.object),
                    "allows": each.allows,
                }
                for each in permissions
            ]
        }

    async def test(self, client: Client, struct: Struct) -> Struct:
        """Tell whether somebody may do something, and why."""
        caller = await self._caller(client, struct)
        login = text(struct, "login")
        action = parsed_action(text(struct, "action"), also_any=False)
        verdict = await self.permissions.test(caller, login, action, _object(struct))
        return {"allowed": verdict.is_allowed, "reason": verdict.reason}

    async def add_class(self, client: Client, struct: Struct) -> Struct:
        """Add a class."""
        await self.permissions.add_class(await self._caller(client, struct), text(struct, "class"))
        return {"status": True}

    async def remove_class(self, client: Client, struct: Struct) -> Struct:
        """Remove a class."""
        caller = await self._caller(client, struct)
        await self.permissions.remove_class(caller, text(struct, "class"))
        return {"status": True}

    async def list_classes(self, client: Client, struct: Struct) -> Struct:
        """List the classes."""
        classes = await self.permissions.list_classes(await self._caller(client, struct))
        return {
            "classes": [
                {"class": each.name, "members": [str(member) for member in each.members]}
                for each in classes
            ]
        }

    async def add_to_class(self, client: Client, struct: Struct) -> Struct:
        """Put an object into a class."""
        return await self._classify(client, struct, is_in=True)

    async def remove_from_class(self, client: Client, struct: Struct) -> Struct:
        """Take an object out of a class."""
        return await self._classify(client, struct, is_in=False)

    async def _put(self, client: Client, struct: Struct, *, allows: bool) -> Struct:
        caller = await self._caller(client, struct)
        subject, action = text(struct, "subject"), parsed_action(text(struct, "action"))
        await self.permissions.put(caller, subject, action, _object(struct), allows=allows)
        return {"status": True}

    async def _classify(self, client: Client, struct: Struct, *, is_in: bool) -> Struct:
        caller = await self._caller(client, struct)
        await self.permissions.classify(caller, text(struct, "class"), _object(struct), is_in=is_in)
        return {"status": True}

    async def _caller(self, client: Client, struct: Struct) -> Caller:
        return await caller_of(self.sessions, client, struct)


def _object(struct: Struct) -> Object:
    return Object.parse(text(struct, "object"))


_SUBJECT_TEXT = "a user or a group; `user:NAME` or `group:NAME` where there are both"
_OBJECT_TEXT = "`archive`, `home:LOGIN`, `class:NAME` or the id of a clip, playlist or webstream"
_SUBJECT = Member("subject", Kind.STRING, _SUBJECT_TEXT)
_ACTION = Member(
    "action", Kind.STRING, "`read`, `write`, `editPrivs`, `classes`, `subjects` or `_all`"
)
_OBJECT = Member("object", Kind.STRING, _OBJECT_TEXT)
_CLASS = Member("class", Kind.STRING, "the class's name")
_MEMBER = Member("object", Kind.STRING, "`home:LOGIN` or the id of a clip, playlist or webstream")
_ALWAYS = (BadRequest, NoSession, Forbidden)
_NAMED = (*_ALWAYS, NotFound, UnknownGroup)

METHODS = (
    Method(
        "admin.allow",
        "Allows a user or a group to do something with an object and what lies in it.",
        takes=(SESSION, _SUBJECT, _ACTION, _OBJECT),
        gives=(STATUS,),
        call=PermissionMethods.allow,
        raises=_NAMED,
        since=SINCE,
    ),
    Method(
        "admin.deny",
        "Denies a user or a group to do something with an object and what lies in it.",
        takes=(SESSION, _SUBJECT, _ACTION, _OBJECT),
        gives=(STATUS,),
        call=PermissionMethods.deny,
        raises=_NAMED,
        since=SINCE,
    ),
    Method(
        "admin.revoke",
        "Removes what `allow` or `deny` said.",
        takes=(SESSION, _SUBJECT, _ACTION, _OBJECT),
        gives=(STATUS,),
        call=PermissionMethods.revoke,
        raises=_NAMED,
        since=SINCE,
    ),
    Method(
        "admin.listPermissions",
        "Lists what is allowed and denied.",
        takes=(
            SESSION,
            Member("subject", Kind.STRING, f"only for this one: {_SUBJECT_TEXT}", optional=True),
            Member("object", Kind.STRING, f"only about this one: {_OBJECT_TEXT}", optional=True),
        ),
        gives=(
            Member("permissions", Kind.ARRAY, "structs of `subject`, `action`, `object`, `allows`"),
        ),
        call=PermissionMethods.list_permissions,
        raises=_NAMED,
        since=SINCE,
    ),
    Method(
        "admin.testPermission",
        "Tells whether a user may do something with an object, and why.",
        takes=(
            SESSION,
            Member("login", Kind.STRING, "the user's name"),
            Member("action", Kind.STRING, "an action as of `allow`, but not `_all`"),
            _OBJECT,
        ),
        gives=(
            Member("allowed", Kind.BOOLEAN, "whether the user may"),
            Member("reason", Kind.STRING, "the permission that decides"),
        ),
        call=PermissionMethods.test,
        raises=(*_ALWAYS, NotFound),
        since=SINCE,
    ),
    Method(
        "admin.addClass",
        "Adds a class of objects, for permissions that are about all of them. They hold where "
        "none is about the object or what it lies in.",
        takes=(SESSION, _CLASS),
        gives=(STATUS,),
        call=PermissionMethods.add_class,
        raises=(*_ALWAYS, Conflict),
        since=SINCE,
    ),
    Method(
        "admin.removeClass",
        "Removes a class and the permissions about it; what is in it stays.",
        takes=(SESSION, _CLASS),
        gives=(STATUS,),
        call=PermissionMethods.remove_class,
        raises=(*_ALWAYS, NotFound),
        since=SINCE,
    ),
    Method(
        "admin.listClasses",
        "Lists the classes.",
        takes=(SESSION,),
        gives=(Member("classes", Kind.ARRAY, "structs of `class` and `members`"),),
        call=PermissionMethods.list_classes,
        raises=_ALWAYS,
        since=SINCE,
    ),
    Method(
        "admin.addToClass",
        "Puts an object into a class.",
        takes=(SESSION, _CLASS, _MEMBER),
        gives=(STATUS,),
        call=PermissionMethods.add_to_class,
        raises=(*_ALWAYS, NotFound),
        since=SINCE,
    ),
    Method(
        "admin.removeFromClass",
        "Takes an object out of a class.",
        takes=(SESSION, _CLASS, _MEMBER),
        gives=(STATUS,),
        call=PermissionMethods.remove_from_class,
        raises=(*_ALWAYS, NotFound),
        since=SINCE,
    ),
)
