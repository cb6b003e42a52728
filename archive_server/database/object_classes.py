"""Classes of objects, as they are kept: homes and clips that rules can be about together."""

from psycopg2.errors import UniqueViolation
from psycopg2.extensions import cursor as Cursor

from archive_server.database.permissions import get_object_id
from archive_server.errors import BadRequest, Conflict, NotFound
from archive_server.model.gunid import Gunid
from archive_server.model.permissions import Object, ObjectClass, ObjectKind

_COLUMNS = {ObjectKind.HOME: "home_of", ObjectKind.CLIP: "clip_id"}


def add(cursor: Cursor, name: str) -> None:
    """Add a class. Raises Conflict when there is one of this name."""
    try:
        cursor.execute("INSERT INTO object_class (name) VALUES (%s)", (name,))
    except UniqueViolation as error:
        raise Conflict(f"there is a class {name} already") from error


def remove(cursor: Cursor, name: str) -> None:
    """Remove a class and every rule about it; what was in it stays. Raises NotFound."""
    cursor.execute("DELETE FROM object_class WHERE name = %s", (name,))
    if cursor.rowcount == 0:
        raise NotFound(f"there is no class {name}")


def list_classes(cursor: Cursor) -> list[ObjectClass]:
    """All classes, by name, with what is in them."""
    cursor.execute("""
        SELECT name, login, gunid FROM object_class
        LEFT JOIN class_member USING (class_id)
        LEFT JOIN users ON user_id = home_of LEFT JOIN clip USING (clip_id)
        ORDER BY name COLLATE "C", login COLLATE "C", gunid
        """)
    members: dict[str, list[Object]] = {}
    for name, login, gunid in cursor.fetchall():
        inside = members.setdefault(name, [])
        if login is not None:
            inside.append(Object(ObjectKind.HOME, login))
        elif gunid is not None:
            inside.append(Object(ObjectKind.CLIP, str(Gunid(gunid))))
    return [ObjectClass(name, tuple(inside)) for name, inside in members.items()]


def put(cursor: Cursor, name: str, member: Object) -> None:
    """Put a home or a clip into a class; what is in it already stays. Raises NotFound."""
    class_id, column = _class_id(cursor, name), _column(member)
    cursor.execute(
        f"INSERT INTO class_member (class_id, {column}) VALUES (%s, %s) ON CONFLICT DO NOTHING",  # noqa: S608
        (class_id, get_object_id(cursor, member)),
    )


def take(cursor: Cursor, name: str, member: Object) -> None:
    """Take a home or a clip out of a class. Raises NotFound where it is not in it."""
    class_id, column = _class_id(cursor, name), _column(member)
    cursor.execute(
        f"DELETE FROM class_member WHERE class_id = %s AND {column} = %s",  # noqa: S608
        (class_id, get_object_id(cursor, member)),
    )
    if cursor.rowcount == 0:
        raise NotFound(f"{member} is not in class {name}")


def _class_id(cursor: Cursor, name: str) -> int | None:
    return get_object_id(cursor, Object(ObjectKind.CLASS, name))


def _column(member: Object) -> str:
    if member.kind not in _COLUMNS:
        raise BadRequest("object: in a class can be home:LOGIN or a clip's id")
    return _COLUMNS[member.kind]
