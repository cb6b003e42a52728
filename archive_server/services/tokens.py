"""API tokens: making, listing and removing them. They are used as session ids are."""

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from archive_server.blocking import Database
from archive_server.database import journal, tokens
from archive_server.errors import BadRequest
from archive_server.model.journal import AuditKind
from archive_server.model.permissions import checked_name
from archive_server.model.rights import Action, Scope
from archive_server.model.tokens import ApiToken, new_api_token
from archive_server.model.users import Caller
from archive_server.services.rights import require_to_administer

_MOST_DAYS = 36_500


@dataclass(frozen=True)
class TokenService:
    """Administering tokens, by callers who may change users, or by the operator (None).

    Not by users for themselves: a token outlives a change of the password, and who has stolen a
    password shall not be able to make one.
    """

    database: Database
    now: Callable[[], datetime]

    async def add(
        self, caller: Caller | None, login: str, name: str, scope: Scope, days: int
    ) -> str:
        """Make a token that is good for so many days (0: for ever), and tell it, this once.

        Raises Forbidden, BadRequest, NotFound, Conflict.
        """
        if not 0 <= days <= _MOST_DAYS:
            raise BadRequest(f"days: a number from 0 to {_MOST_DAYS} expected")
        now = self.now()
        made = ApiToken(
            login=checked_name(login, "login"),
            name=checked_name(name, "name"),
            scope=scope,
            created_at=now,
            expires_at=now + timedelta(days=days) if days else None,
            last_used_at=None,
        )
        text = new_api_token()
        await self.database.run(_add, caller, digest_of(text), made)
        return text

    async def list_tokens(self, caller: Caller | None, login: str | None = None) -> list[ApiToken]:
        """The tokens of a user, or of everybody. Raises Forbidden."""
        return await self.database.run(_list, caller, login)

    async def remove(self, caller: Caller | None, login: str, name: str) -> None:
        """End a token, everywhere and at once. Raises Forbidden, BadRequest, NotFound."""
        await self.database.run(
            _remove, caller, checked_name(login, "login"), checked_name(name, "name")
        )


def digest_of(text: str) -> bytes:
    """What is kept of a token."""
    return hashlib.sha256(text.encode()).digest()


def _add(cursor: Any, caller: Caller | None, digest: bytes, token: ApiToken) -> None:
    require_to_administer(cursor, caller, Action.SUBJECTS)
    tokens.add(cursor, digest, token)
    until = "" if token.expires_at is None else f" until {token.expires_at:%Y-%m-%d}"
    detail = f"{token.name}: {token.scope}{until}"
    _note(cursor, AuditKind.TOKEN_ADDED, token.login, caller, detail)


def _list(cursor: Any, caller: Caller | None, login: str | None) -> list[ApiToken]:
    require_to_administer(cursor, caller, Action.SUBJECTS)
    return tokens.list_tokens(cursor, login)


def _remove(cursor: Any, caller: Caller | None, login: str, name: str) -> None:
    require_to_administer(cursor, caller, Action.SUBJECTS)
    tokens.remove(cursor, login, name)
    _note(cursor, AuditKind.TOKEN_REMOVED, login, caller, name)


def _note(cursor: Any, kind: AuditKind, login: str, caller: Caller | None, detail: str) -> None:
    journal.add_audit(cursor, kind, f"user:{login}", by=caller, detail=detail)
