"""Groups and who is in them, as they are kept.

Only direct memberships are kept; which groups somebody is in through others is asked for each
time. Memberships never make a circle: see `join`.
"""

from psycopg2.errors import UniqueViolation
from psycopg2.extensions import cursor as Cursor

from archive_server.errors import Conflict, NotFound, UnknownGroup
from archive_server.model.groups import Group
from archive_server.model.permissions import Subject, SubjectKind

_SHOWN = 80  # characters of a name that nobody has

# A common table expression: the groups of the user %(user)s, and how far away each is. A group that
# is reached on several ways is there several times.
BELONGS = """
    RECURSIVE belongs (group_id, member_distance) AS (
        SELECT group_id, 1 FROM membership WHERE user_id = %(user)s
        UNION
        SELECT group_id, 1 FROM users JOIN user_group ON includes IN ('everybody', role)
        WHERE user_id = %(user)s
        UNION
        SELECT membership.group_id, member_distance + 1
        FROM belongs JOIN membership ON member_group = belongs.group_id
    )"""


def add(cursor: Cursor, name: str) -> None:
    """Add a group. Raises Conflict when there is one of this name."""
    try:
        cursor.execute("INSERT INTO user_group (name) VALUES (%s)", (name,))
    except UniqueViolation as error:
        raise Conflict(f"there is a group {name} already") from error


def remove(cursor: Cursor, name: str) -> None:
    """Remove a group, and every rule for it. Raises UnknownGroup, Conflict for one built in."""
    group_id = get_id(cursor, name)
    cursor.execute("DELETE FROM user_group WHERE group_id = %s AND includes IS NULL", (group_id,))
    if cursor.rowcount == 0:
        raise Conflict(f"group {name} is built in: it stays")


def get_id(cursor: Cursor, name: str) -> int:
    """The number of a group. Raises UnknownGroup."""
    cursor.execute("SELECT group_id FROM user_group WHERE name = %s", (name,))
    row = cursor.fetchone()
    if row is None:
        raise UnknownGroup(f"there is no group {name[:_SHOWN]}")
    return int(row[0])


def list_groups(cursor: Cursor) -> list[Group]:
    """All groups by name, those built in first."""
    cursor.execute("""
        SELECT each.name, each.includes,
               array_agg(login ORDER BY login COLLATE "C") FILTER (WHERE login IS NOT NULL),
               array_agg(inside.name ORDER BY inside.name COLLATE "C")
                   FILTER (WHERE inside.name IS NOT NULL)
        FROM user_group AS each LEFT JOIN membership USING (group_id)
        LEFT JOIN users USING (user_id)
        LEFT JOIN user_group AS inside ON inside.group_id = member_group
        GROUP BY each.group_id ORDER BY each.includes IS NULL, each.name COLLATE "C"
        """)
    return [
        Group(
            name,
            includes,
            tuple(Subject(SubjectKind.USER, login) for login in logins or ())
            + tuple(Subject(SubjectKind.GROUP, inside) for inside in inside_groups or ()),
        )
        for name, includes, logins, inside_groups in cursor.fetchall()
    ]


def is_member(cursor: Cursor, user_id: int, group_id: int) -> bool:
    """Whether a user is in a group, directly or through others."""
    cursor.execute(
        f"WITH {BELONGS} SELECT FROM belongs WHERE group_id = %(group)s LIMIT 1",
        {"user": user_id, "group": group_id},
    )
    return cursor.rowcount > 0


def join(cursor: Cursor, group_id: int, kind: SubjectKind, member_id: int) -> None:
    """Put a user or a group into a group; who is in it already stays.

    Raises Conflict where a group would come to be in itself.
    """
    if kind is SubjectKind.GROUP:
        # One at a time: two that are harmless each could make a circle together.
        cursor.execute("SELECT pg_advisory_xact_lock(hashtextextended('membership', 4))")
        if _contains(cursor, member_id, group_id):
            raise Conflict("a group cannot be in itself, nor in a group that is in it")
    column = _COLUMNS[kind]
    cursor.execute(
        f"INSERT INTO membership (group_id, {column}) VALUES (%s, %s) ON CONFLICT DO NOTHING",  # noqa: S608
        (group_id, member_id),
    )


def leave(cursor: Cursor, group_id: int, kind: SubjectKind, member_id: int) -> None:
    """Take a user or a group out of a group. Raises NotFound for who was not put into it."""
    cursor.execute(
        f"DELETE FROM membership WHERE group_id = %s AND {_COLUMNS[kind]} = %s",  # noqa: S608
        (group_id, member_id),
    )
    if cursor.rowcount == 0:
        raise NotFound(f"this {kind} was not put into the group")


_COLUMNS = {SubjectKind.USER: "user_id", SubjectKind.GROUP: "member_group"}


def _contains(cursor: Cursor, outer_id: int, inner_id: int) -> bool:
    """Whether a group is another, or is in it, directly or through others."""
    cursor.execute(
        """
        WITH RECURSIVE inside (group_id) AS (
            SELECT %s UNION
            SELECT member_group FROM inside JOIN membership USING (group_id)
            WHERE member_group IS NOT NULL
        )
        SELECT FROM inside WHERE group_id = %s
        """,
        (outer_id, inner_id),
    )
    return cursor.rowcount > 0
