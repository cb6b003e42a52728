"""Who may come in: logging in and out, and who is behind a session id."""

import math
import re
import secrets
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from archive_server.blocking import Database, InThread, InTurn
from archive_server.database import guessing as failures
from archive_server.database import journal, sessions, tokens, users
from archive_server.errors import BadCredentials, BadRequest, NoSession, TooManyAttempts
from archive_server.model import guessing
from archive_server.model.journal import AuditKind
from archive_server.model.neighbours import neighbourhood
from archive_server.model.tokens import ApiToken, is_api_token
from archive_server.model.users import Caller, Session, User
from archive_server.services import passwords
from archive_server.services.remembering import Memory, unheard
from archive_server.services.tokens import digest_of

_SESSION_ID = re.compile(r"[0-9a-f]{32}")
# Longer ones are nobody's, and hashing them would be work for an attacker to give us.
_LONGEST_PASSWORD = 1024
_LONGEST_LOGIN = 255


@dataclass(frozen=True, slots=True)
class SessionPolicy:
    """How long a session lives: after its last use, and at most."""

    idle: timedelta
    absolute: timedelta


@dataclass(frozen=True, slots=True)
class KnownSession:
    """A session, or an API token, that is remembered."""

    caller: Caller
    since: datetime
    until: datetime  # when the database is asked again, which notes the use and sees to the end


@dataclass(frozen=True)
class SessionService:
    """Logging in and out."""

    database: Database
    hash_in_thread: InThread
    in_turn: InTurn
    now: Callable[[], datetime]
    policy: SessionPolicy
    memory: Memory[bytes, KnownSession] = field(default_factory=unheard)

    async def authenticate(self, login: str, password: str, address: str) -> bool:
        """Whether the password is right. Raises TooManyAttempts."""
        try:
            await self._verify(login, password, address)
        except TooManyAttempts:
            raise
        except BadCredentials:
            return False
        return True

    async def log_in(self, login: str, password: str, address: str) -> str:
        """Begin a session and return its id. Raises BadCredentials, TooManyAttempts."""
        user, password_hash = await self._verify(login, password, address)
        session_id = secrets.token_hex(16)
        user = replace(user, address=address or None)
        await self.database.run(_begin, digest_of(session_id), user, password_hash, self.now())
        return session_id

    async def log_out(self, session_id: str, address: str = "") -> None:
        """End a session. Raises NoSession when it has ended already, BadRequest for a token."""
        if is_api_token(session_id):
            raise BadRequest("an API token ends when it is removed")
        caller = replace(await self.caller(session_id), address=address or None)
        await self.database.run(_end, digest_of(session_id), caller)

    async def caller(self, session_id: str) -> Caller:
        """Who is behind a session id, or an API token; counts as a use. Raises NoSession."""
        is_token = is_api_token(session_id)
        if not is_token and not _SESSION_ID.fullmatch(session_id):
            raise _no_session()
        digest, now = digest_of(session_id), self.now()
        known = self.memory.find(digest)
        if known is not None and known.since <= now < known.until:
            return known.caller
        with self.memory.reading(digest) as remember:
            look = self._look_for_token if is_token else self._look_for_session
            found = await look(digest, now)
            remember(found)
        return found.caller

    async def _look_for_session(self, digest: bytes, now: datetime) -> KnownSession:
        session = await self.database.run(
            sessions.use,
            digest,
            at=now,
            created_after=now - self.policy.absolute,
            used_after=now - self.policy.idle,
        )
        if session is None:
            raise _no_session()
        return self._known(session, now)

    async def _look_for_token(self, digest: bytes, now: datetime) -> KnownSession:
        found = await self.database.run(tokens.use, digest, now)
        if found is None:
            raise NoSession("this API token is unknown, has expired or was removed")
        caller, token = found
        return KnownSession(caller, now, _next_look(token, now))

    def _known(self, session: Session, now: datetime) -> KnownSession:
        """What to remember: not beyond the next time that its use is noted, or its end."""
        until = min(
            session.last_used_at + min(sessions.RESOLUTION, self.policy.idle),
            session.created_at + self.policy.absolute,
        )
        return KnownSession(session.caller, now, until)

    async def _verify(self, login: str, password: str, address: str) -> tuple[User, str]:
        """The user, and the hash that the password was compared with."""
        # One at a time for an address: the many guesses of one guesser wait for each other, are
        # refused once the first few have failed, and keep no hashing thread from anybody else.
        place = neighbourhood(address)
        async with self.in_turn(place):
            keys, found = await self.database.run(_admit, login, place, self.now())
            user, password_hash = found or (None, passwords.NOBODY)
            right = len(password) <= _LONGEST_PASSWORD and await self.hash_in_thread(
                passwords.is_right, password, password_hash
            )
            if user is None or not right:
                await self.database.run(_refuse, user, address, keys, self.now())
                raise BadCredentials("wrong login name or password")
            await self.database.run(_welcome, user, password_hash, place, keys, self.now())
            return user, password_hash


def _no_session() -> NoSession:
    return NoSession("invalid session id: log in first")


def _next_look(token: ApiToken, now: datetime) -> datetime:
    """When the use of a token is noted next, or when it expires."""
    used_at = token.last_used_at
    noted_at = now if used_at is None or now - used_at > sessions.RESOLUTION else used_at
    next_use = noted_at + sessions.RESOLUTION
    return next_use if token.expires_at is None else min(next_use, token.expires_at)


def _admit(
    cursor: Any, login: str, address: str, at: datetime
) -> tuple[list[str], tuple[User, str] | None]:
    """The keys an attempt is counted under, and the user it is for."""
    if not 0 < len(login) <= _LONGEST_LOGIN or "\0" in login:
        raise BadCredentials("wrong login name or password")
    keys = guessing.keys(login, address, is_known=failures.is_known(cursor, login, address))
    until = failures.blocked_until(cursor, keys, at)
    if until is not None:
        seconds = math.ceil((until - at).total_seconds())
        raise TooManyAttempts(f"too many wrong passwords; try again in {seconds} s", seconds)
    return keys, users.find(cursor, login)


def _require_unchanged(cursor: Any, user: User, password_hash: str) -> None:
    """Raise BadCredentials for a user who got another password, or went, while it was compared.

    Changing a password ends all sessions: one that begins afterwards would be left.
    """
    if not users.still_has(cursor, user.user_id, password_hash):
        raise BadCredentials("wrong login name or password")


def _begin(cursor: Any, digest: bytes, user: User, password_hash: str, at: datetime) -> None:
    _require_unchanged(cursor, user, password_hash)
    sessions.add(cursor, digest, user.user_id, at)
    journal.add_audit(cursor, AuditKind.LOGGED_IN, f"user:{user.login}", by=user)


def _end(cursor: Any, digest: bytes, caller: Caller) -> None:
    sessions.remove(cursor, digest)
    journal.add_audit(cursor, AuditKind.LOGGED_OUT, f"user:{caller.login}", by=caller)


def _refuse(cursor: Any, user: User | None, address: str, keys: list[str], at: datetime) -> None:
    failures.count_failure(cursor, keys, at)
    # The name that was given is not told where nobody has it: passwords are typed there, too.
    subject = "nobody" if user is None else f"user:{user.login}"
    journal.add_audit(cursor, AuditKind.LOGIN_REFUSED, subject, by=None, address=address)


def _welcome(
    cursor: Any, user: User, password_hash: str, address: str, keys: list[str], at: datetime
) -> None:
    _require_unchanged(cursor, user, password_hash)
    # The user's own count goes, the address's stays: else one good account hides many guesses.
    own = [key for key in keys if not key.startswith("address ")]
    failures.forget(cursor, own)
    failures.remember(cursor, user.user_id, address, at)
