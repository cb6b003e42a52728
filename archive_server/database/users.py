"""Users, as they are kept.

Users of every role but client have a home: a rule that lets them do everything with what they own.
"""

from psycopg2.errors import UniqueViolation
from psycopg2.extensions import cursor as Cursor

from archive_server.errors import Conflict, NotFound
from archive_server.model.users import Role, User


def add(cursor: Cursor, login: str, password_hash: str, role: Role) -> User:
    """Add a user. Raises Conflict when the login name is taken."""
    try:
        cursor.execute(
            "INSERT INTO users (login, password_hash, role) VALUES (%s, %s, %s) RETURNING user_id",
            (login, password_hash, role.value),
        )
    except UniqueViolation as error:
        raise Conflict(f"there is a user {login} already") from error
    (user_id,) = cursor.fetchone() or ()
    _settle(cursor, user_id, role)
    return User(user_id, login, role)


def _settle(cursor: Cursor, user_id: int, role: Role) -> None:
    """Give who stores a home, where they may do everything."""
    if role is not Role.CLIENT:
        cursor.execute(
            """
            INSERT INTO rule (user_id, action, allows, home_of) VALUES (%s, '_all', true, %s)
            ON CONFLICT DO NOTHING
            """,
            (user_id, user_id),
        )


def find(cursor: Cursor, login: str) -> tuple[User, str] | None:
    """The user with this login name and the hash of the password, or None."""
    cursor.execute(
        "SELECT user_id, login, role, password_hash FROM users WHERE login = %s", (login,)
    )
    row = cursor.fetchone()
    return (User(row[0], row[1], Role(row[2])), row[3]) if row else None


def still_has(cursor: Cursor, user_id: int, password_hash: str) -> bool:
    """Whether a user has this password still, and keeps it until the transaction ends."""
    cursor.execute(
        "SELECT FROM users WHERE user_id = %s AND password_hash = %s FOR SHARE",
        (user_id, password_hash),
    )
    return cursor.rowcount > 0


def by_id(cursor: Cursor, user_id: int) -> User | None:
    """The user with this number, or None."""
    cursor.execute("SELECT user_id, login, role FROM users WHERE user_id = %s", (user_id,))
    row = cursor.fetchone()
    return User(row[0], row[1], Role(row[2])) if row else None


def list_users(cursor: Cursor) -> list[User]:
    """All users, by login name."""
    cursor.execute('SELECT user_id, login, role FROM users ORDER BY login COLLATE "C"')
    return [User(user_id, login, Role(role)) for user_id, login, role in cursor.fetchall()]


def change_password(cursor: Cursor, login: str, password_hash: str) -> None:
    """Change a password and end the user's sessions. Raises NotFound."""
    cursor.execute(
        "UPDATE users SET password_hash = %s WHERE login = %s RETURNING user_id",
        (password_hash, login),
    )
    row = cursor.fetchone()
    if row is None:
        raise NotFound(f"there is no user {login}")
    # Whoever knew the old password may hold a session.
    cursor.execute("DELETE FROM session WHERE user_id = %s", row)
    cursor.execute("DELETE FROM known_address WHERE user_id = %s", row)


def change_role(cursor: Cursor, login: str, role: Role) -> None:
    """Change what a user may do, at once. Rules about the user stay. Raises NotFound."""
    cursor.execute(
        "UPDATE users SET role = %s WHERE login = %s RETURNING user_id", (role.value, login)
    )
    row = cursor.fetchone()
    if row is None:
        raise NotFound(f"there is no user {login}")
    if role is Role.CLIENT:
        cursor.execute(
            "DELETE FROM rule WHERE user_id = %s AND home_of = %s AND action = '_all' AND allows",
            (row[0], row[0]),
        )
    _settle(cursor, row[0], role)


def remove(cursor: Cursor, login: str) -> None:
    """Remove a user, their sessions and uploads; clips stay. Raises NotFound."""
    cursor.execute("DELETE FROM users WHERE login = %s", (login,))
    if cursor.rowcount == 0:
        raise NotFound(f"there is no user {login}")
