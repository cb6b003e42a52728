"""Users and groups, as `admin.*` calls. The classic archive had none of these."""

from dataclasses import dataclass

from archive_server.errors import (
    BadRequest,
    Conflict,
    Forbidden,
    NoSession,
    NotFound,
    UnknownGroup,
)
from archive_server.model.users import Caller, Role
from archive_server.services.groups import GroupService
from archive_server.services.sessions import SessionService
from archive_server.services.users import UserService
from archive_server.xmlrpc.method import Client, Kind, Member, Method
from archive_server.xmlrpc.parameters import optional_text, text
from archive_server.xmlrpc.sessions import SESSION, caller_of
from archive_server.xmlrpc.values import Struct


@dataclass(frozen=True)
class AdministrationMethods:
    """The calls about users and groups. They need the right `subjects` on the archive."""

    sessions: SessionService
    users: UserService
    groups: GroupService

    async def add_user(self, client: Client, struct: Struct) -> Struct:
        """Add a user."""
        caller = await self._caller(client, struct)
        login, password = text(struct, "login"), text(struct, "pass")
        await self.users.add(caller, login, password, _role(struct))
        return {"status": True}

    async def remove_user(self, client: Client, struct: Struct) -> Struct:
        """Remove a user."""
        await self.users.remove(await self._caller(client, struct), text(struct, "login"))
        return {"status": True}

    async def change_password(self, client: Client, struct: Struct) -> Struct:
        """Change a user's password."""
        caller = await self._caller(client, struct)
        await self.users.change_password(caller, text(struct, "login"), text(struct, "pass"))
        return {"status": True}

    async def list_users(self, client: Client, struct: Struct) -> Struct:
        """List the users."""
        users = await self.users.list_users(await self._caller(client, struct))
        return {"users": [{"login": user.login, "role": user.role.value} for user in users]}

    async def add_group(self, client: Client, struct: Struct) -> Struct:
        """Add a group."""
        await self.groups.add(await self._caller(client, struct), text(struct, "group"))
        return {"status": True}

    async def remove_group(self, client: Client, struct: Struct) -> Struct:
        """Remove a group."""
        await self.groups.remove(await self._caller(client, struct), text(struct, "group"))
        return {"status": True}

    async def list_groups(self, client: Client, struct: Struct) -> Struct:
        """List the groups."""
        groups = await self.groups.list_groups(await self._caller(client, struct))
        return {
            "groups": [
                {
                    "group": group.name,
                    "includes": group.includes or "",
                    "members": [str(member) for member in group.members],
                }
                for group in groups
            ]
        }

    async def join_group(self, client: Client, struct: Struct) -> Struct:
        """Put a user or a group into a group."""
        caller = await self._caller(client, struct)
        await self.groups.join(caller, text(struct, "member"), text(struct, "group"))
        return {"status": True}

    async def leave_group(self, client: Client, struct: Struct) -> Struct:
        """Take a user or a group out of a group."""
        caller = await self._caller(client, struct)
        await self.groups.leave(caller, text(struct, "member"), text(struct, "group"))
        return {"status": True}

    async def _caller(self, client: Client, struct: Struct) -> Caller:
        return await caller_of(self.sessions, client, struct)


def _role(struct: Struct) -> Role:
    word = optional_text(struct, "role") or Role.CLIENT
    if word not in set(Role):
        raise BadRequest(f"role: one of {', '.join(Role)} expected")
    return Role(word)


STATUS = Member("status", Kind.BOOLEAN, "true")
SINCE = "archive-server 0.2"
_LOGIN = Member("login", Kind.STRING, "the user's name")
_PASS = Member("pass", Kind.STRING, "the password, 1 to 1024 characters")
_GROUP = Member("group", Kind.STRING, "the group's name")
_MEMBER = Member(
    "member", Kind.STRING, "a user or a group; `user:NAME` or `group:NAME` where there are both"
)
_ALWAYS = (BadRequest, NoSession, Forbidden)

METHODS = (
    Method(
        "admin.addUser",
        "Adds a user.",
        takes=(
            SESSION,
            _LOGIN,
            _PASS,
            Member("role", Kind.STRING, "`client`, `maintainer` or `admin`", optional=True),
        ),
        gives=(STATUS,),
        call=AdministrationMethods.add_user,
        raises=(*_ALWAYS, Conflict),
        since=SINCE,
    ),
    Method(
        "admin.removeUser",
        "Removes a user, their sessions and preferences; what they own stays.",
        takes=(SESSION, _LOGIN),
        gives=(STATUS,),
        call=AdministrationMethods.remove_user,
        raises=(*_ALWAYS, NotFound, Conflict),
        since=SINCE,
    ),
    Method(
        "admin.changePassword",
        "Changes a user's password and ends the user's sessions.",
        takes=(SESSION, _LOGIN, _PASS),
        gives=(STATUS,),
        call=AdministrationMethods.change_password,
        raises=(*_ALWAYS, NotFound),
        since=SINCE,
    ),
    Method(
        "admin.listUsers",
        "Lists the users.",
        takes=(SESSION,),
        gives=(Member("users", Kind.ARRAY, "structs of `login` and `role`"),),
        call=AdministrationMethods.list_users,
        raises=_ALWAYS,
        since=SINCE,
    ),
    Method(
        "admin.addGroup",
        "Adds a group.",
        takes=(SESSION, _GROUP),
        gives=(STATUS,),
        call=AdministrationMethods.add_group,
        raises=(*_ALWAYS, Conflict),
        since=SINCE,
    ),
    Method(
        "admin.removeGroup",
        "Removes a group, its preferences and the permissions for it.",
        takes=(SESSION, _GROUP),
        gives=(STATUS,),
        call=AdministrationMethods.remove_group,
        raises=(*_ALWAYS, UnknownGroup, Conflict),
        since=SINCE,
    ),
    Method(
        "admin.listGroups",
        "Lists the groups, those that are built in first.",
        takes=(SESSION,),
        gives=(
            Member(
                "groups",
                Kind.ARRAY,
                "structs of `group`; `includes`: who is in it by itself, `everybody`, "
                "`maintainer`, `admin` or nobody; `members`: who was put into it",
            ),
        ),
        call=AdministrationMethods.list_groups,
        raises=_ALWAYS,
        since=SINCE,
    ),
    Method(
        "admin.joinGroup",
        "Puts a user or a group into a group.",
        takes=(SESSION, _MEMBER, _GROUP),
        gives=(STATUS,),
        call=AdministrationMethods.join_group,
        raises=(*_ALWAYS, NotFound, UnknownGroup, Conflict),
        since=SINCE,
    ),
    Method(
        "admin.leaveGroup",
        "Takes a user or a group out of a group it was put into.",
        takes=(SESSION, _MEMBER, _GROUP),
        gives=(STATUS,),
        call=AdministrationMethods.leave_group,
        raises=(*_ALWAYS, NotFound, UnknownGroup),
        since=SINCE,
    ),
)
