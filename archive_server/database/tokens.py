"""API tokens, as they are kept: by the digest of the token."""

from datetime import datetime

from psycopg2.errors import UniqueViolation
from psycopg2.extensions import cursor as Cursor

from archive_server.database.sessions import RESOLUTION
from archive_server.errors import Conflict, NotFound
from archive_server.model.rights import Scope
from archive_server.model.tokens import ApiToken
from archive_server.model.users import Caller, Role


def add(cursor: Cursor, digest: bytes, token: ApiToken) -> None:
    """Add a token. Raises NotFound without the user, Conflict for a name they have used."""
    try:
        cursor.execute(
            """
            INSERT INTO api_token (digest, user_id, name, scope, created_at, expires_at)
            SELECT %s, user_id, %s, %s, %s, %s FROM users WHERE login = %s
            """,
            (
                digest,
                token.name,
                token.scope.value,
                token.created_at,
                token.expires_at,
                token.login,
            ),
        )
    except UniqueViolation as error:
        raise Conflict(f"user {token.login} has a token {token.name} already") from error
    if cursor.rowcount == 0:
        raise NotFound(f"there is no user {token.login}")


def use(cursor: Cursor, digest: bytes, at: datetime) -> tuple[Caller, ApiToken] | None:
    """A token that has not expired, and for whom it acts; or None. Counts as a use."""
    cursor.execute(
        """
        SELECT user_id, login, role, name, scope, token.created_at, expires_at, last_used_at
        FROM api_token AS token JOIN users USING (user_id) WHERE digest = %s
        """,
        (digest,),
    )
    row = cursor.fetchone()
    if row is None:
        return None
    user_id, login, role, name, scope, created_at, expires_at, used_at = row
    token = ApiToken(login, name, Scope(scope), created_at, expires_at, used_at)
    if token.has_expired(at):
        return None
    if used_at is None or at - used_at > RESOLUTION:
        cursor.execute("UPDATE api_token SET last_used_at = %s WHERE digest = %s", (at, digest))
    return Caller(user_id, login, Role(role), scope=token.scope), token


def list_tokens(cursor: Cursor, login: str | None) -> list[ApiToken]:
    """The tokens of a user (None: of everybody), by login and name."""
    cursor.execute(
        """
        SELECT login, name, scope, token.created_at, expires_at, last_used_at
        FROM api_token AS token JOIN users USING (user_id)
        WHERE %(login)s IS NULL OR login = %(login)s
        ORDER BY login COLLATE "C", name COLLATE "C"
        """,
        {"login": login},
    )
    return [ApiToken(who, name, Scope(scope), *rest) for who, name, scope, *rest in cursor]


def remove(cursor: Cursor, login: str, name: str) -> None:
    """End a token. Raises NotFound."""
    cursor.execute(
        "DELETE FROM api_token USING users WHERE users.user_id = api_token.user_id "
        "AND login = %s AND name = %s",
        (login, name),
    )
    if cursor.rowcount == 0:
        raise NotFound(f"user {login} has no token {name}")
