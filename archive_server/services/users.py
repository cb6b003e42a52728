"""Who can log in: adding and removing users, changing passwords."""

from dataclasses import dataclass
from typing import Any

from archive_server.blocking import Database, InThread
from archive_server.database import journal, users
from archive_server.errors import BadRequest, Conflict
from archive_server.model.journal import AuditKind
from archive_server.model.permissions import checked_name
from archive_server.model.rights import Action
from archive_server.model.users import Caller, Role, User
from archive_server.services import passwords
from archive_server.services.first_start import FIRST_USER
from archive_server.services.rights import require_on_archive, require_to_administer

_LONGEST_PASSWORD = 1024  # `SessionService` refuses longer ones unseen


@dataclass(frozen=True)
class UserService:
    """Administering users, by callers who may, or by the operator of the machine (None)."""

    database: Database
    hash_in_thread: InThread

    async def add(self, caller: Caller | None, login: str, password: str, role: Role) -> None:
        """Add a user. Raises Forbidden, BadRequest, Conflict."""
        checked_name(login, "login")
        password_hash = await self._hashed(caller, password)
        await self.database.run(_add, caller, login, password_hash, role)

    async def change_password(self, caller: Caller | None, login: str, password: str) -> None:
        """Change a password and end the user's sessions. Raises Forbidden, BadRequest, NotFound."""
        checked_name(login, "login")
        password_hash = await self._hashed(caller, password)
        await self.database.run(_change_password, caller, login, password_hash)

    async def change_role(self, caller: Caller | None, login: str, role: Role) -> None:
        """Change what a user may do.

        Raises Forbidden, BadRequest, NotFound, Conflict for the first user, who stays what it is.
        """
        await self.database.run(_change_role, caller, checked_name(login, "login"), role)

    async def remove(self, caller: Caller | None, login: str) -> None:
        """Remove a user; the user's clips stay.

        Raises Forbidden, BadRequest, NotFound, Conflict for the first user, who stays.
        """
        await self.database.run(_remove, caller, checked_name(login, "login"))

    async def list_users(self, caller: Caller | None) -> list[User]:
        """All users, by login name. Raises Forbidden."""
        return await self.database.run(_list, caller)

    async def _hashed(self, caller: Caller | None, password: str) -> str:
        if not 0 < len(password) <= _LONGEST_PASSWORD:
            raise BadRequest(f"password: 1 to {_LONGEST_PASSWORD} characters expected")
        if caller is not None:
            # Before the work, too: hashing is slow on purpose.
            await self.database.run(require_on_archive, caller, Action.SUBJECTS)
        return await self.hash_in_thread(passwords.hashed, password)


def _add(cursor: Any, caller: Caller | None, login: str, password_hash: str, role: Role) -> None:
    require_to_administer(cursor, caller, Action.SUBJECTS)
    users.add(cursor, login, password_hash, role)
    _note(cursor, AuditKind.USER_ADDED, login, caller, role)


def _change_password(cursor: Any, caller: Caller | None, login: str, password_hash: str) -> None:
    require_to_administer(cursor, caller, Action.SUBJECTS)
    users.change_password(cursor, login, password_hash)
    _note(cursor, AuditKind.PASSWORD_CHANGED, login, caller)


def _change_role(cursor: Any, caller: Caller | None, login: str, role: Role) -> None:
    require_to_administer(cursor, caller, Action.SUBJECTS)
    if login == FIRST_USER:
        raise Conflict(f"user {FIRST_USER} stays an administrator")
    users.change_role(cursor, login, role)
    _note(cursor, AuditKind.ROLE_CHANGED, login, caller, role)


def _remove(cursor: Any, caller: Caller | None, login: str) -> None:
    require_to_administer(cursor, caller, Action.SUBJECTS)
    if login == FIRST_USER:
        raise Conflict(f"user {FIRST_USER} stays: an archive without an administrator is of no use")
    users.remove(cursor, login)
    _note(cursor, AuditKind.USER_REMOVED, login, caller)


def _list(cursor: Any, caller: Caller | None) -> list[User]:
    require_to_administer(cursor, caller, Action.SUBJECTS)
    return users.list_users(cursor)


def _note(
    cursor: Any, kind: AuditKind, login: str, caller: Caller | None, role: Role | None = None
) -> None:
    detail = "" if role is None else f"role {role}"
    journal.add_audit(cursor, kind, f"user:{login}", by=caller, detail=detail)
