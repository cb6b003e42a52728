"""API tokens, as `admin.*` calls."""

from dataclasses import dataclass
from datetime import datetime

from archive_server.errors import BadRequest, Conflict, Forbidden, NoSession, NotFound
from archive_server.model.rights import Scope
from archive_server.model.tokens import ApiToken
from archive_server.services.sessions import SessionService
from archive_server.services.tokens import TokenService
from archive_server.xmlrpc.method import Client, Kind, Member, Method
from archive_server.xmlrpc.parameters import optional_text, text, whole
from archive_server.xmlrpc.sessions import SESSION, caller_of
from archive_server.xmlrpc.values import Struct


@dataclass(frozen=True)
class TokenMethods:
    """The calls about tokens. They need the right `subjects` on the archive."""

    sessions: SessionService
    tokens: TokenService

    async def add(self, client: Client, struct: Struct) -> Struct:
        """Make a token."""
        caller = await caller_of(self.sessions, client, struct)
        login, name = text(struct, "login"), text(struct, "name")
        days = whole(struct, "days")
        return {"token": await self.tokens.add(caller, login, name, _scope(struct), days)}

    async def remove(self, client: Client, struct: Struct) -> Struct:
        """End a token."""
        caller = await caller_of(self.sessions, client, struct)
        await self.tokens.remove(caller, text(struct, "login"), text(struct, "name"))
        return {"status": True}

    async def list_tokens(self, client: Client, struct: Struct) -> Struct:
        """List tokens."""
        caller = await caller_of(self.sessions, client, struct)
        login = optional_text(struct, "login")
        found = await self.tokens.list_tokens(caller, login or None)
        return {"tokens": [_shown(token) for token in found]}


def _scope(struct: Struct) -> Scope:
    word = optional_text(struct, "scope") or Scope.READ
    if word not in set(Scope):
        raise BadRequest(f"scope: one of {', '.join(Scope)} expected")
    return Scope(word)


def _shown(token: ApiToken) -> Struct:
    return {
        "login": token.login,
        "name": token.name,
        "scope": token.scope.value,
        "created": _time(token.created_at),
        "expires": _time(token.expires_at),
        "used": _time(token.last_used_at),
    }


def _time(at: datetime | None) -> str:
    return "" if at is None else at.strftime("%Y-%m-%dT%H:%M:%SZ")


_LOGIN = Member("login", Kind.STRING, "the name of the user for whom it acts")
_NAME = Member("name", Kind.STRING, "what it is for; one token of a user has it")
_ALWAYS = (BadRequest, NoSession, Forbidden)
_SINCE = "2026-11, an extension"

METHODS = (
    Method(
        "admin.addToken",
        "Makes an API token: what a program shows in place of a session id, here as `sessid` and "
        "over HTTP as `Authorization: Bearer`. It can do what its scope and the rules for its user "
        "both allow.",
        takes=(
            SESSION,
            _LOGIN,
            _NAME,
            Member(
                "scope",
                Kind.STRING,
                "`read`; `write`: to store, change and delete, too; `admin`: all the user may",
                optional=True,
            ),
            Member(
                "days", Kind.INT, "after how many it expires; 0 or absent: never", optional=True
            ),
        ),
        gives=(Member("token", Kind.STRING, "the token; it is not told again"),),
        call=TokenMethods.add,
        raises=(*_ALWAYS, NotFound, Conflict),
        since=_SINCE,
    ),
    Method(
        "admin.removeToken",
        "Ends an API token, everywhere and at once.",
        takes=(SESSION, _LOGIN, _NAME),
        gives=(Member("status", Kind.BOOLEAN, "true"),),
        call=TokenMethods.remove,
        raises=(*_ALWAYS, NotFound),
        since=_SINCE,
    ),
    Method(
        "admin.listTokens",
        "Lists API tokens, also those that have expired.",
        takes=(
            SESSION,
            Member("login", Kind.STRING, "whose; empty or absent: everybody's", optional=True),
        ),
        gives=(
            Member(
                "tokens",
                Kind.ARRAY,
                "structs of `login`, `name`, `scope`, `created`, `expires` (empty: never) and "
                "`used` (the last time, to the minute; empty: never)",
            ),
        ),
        call=TokenMethods.list_tokens,
        raises=_ALWAYS,
        since=_SINCE,
    ),
)
