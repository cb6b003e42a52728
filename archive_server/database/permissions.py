"""Rules, as administrators write and read them."""

from typing import Any
from uuid import UUID

from psycopg2.extensions import cursor as Cursor

from archive_server.errors import BadRequest, NotFound, UnknownGroup
from archive_server.model.gunid import Gunid
from archive_server.model.permissions import (
    Object,
    ObjectKind,
    Permission,
    Subject,
    SubjectKind,
)
from archive_server.model.rights import Action

_SUBJECT_COLUMNS = {SubjectKind.USER: "user_id", SubjectKind.GROUP: "group_id"}
_OBJECT_COLUMNS = {
    ObjectKind.HOME: "home_of",
    ObjectKind.CLIP: "clip_id",
    ObjectKind.CLASS: "class_id",
}

_SUBJECTS = {
    SubjectKind.USER: "SELECT user_id FROM users WHERE login = %s",
    SubjectKind.GROUP: "SELECT group_id FROM user_group WHERE name = %s",
}
_OBJECTS = {
    ObjectKind.HOME: "SELECT user_id FROM users WHERE login = %s",
    ObjectKind.CLIP: "SELECT clip_id FROM clip WHERE gunid = %s",
    ObjectKind.CLASS: "SELECT class_id FROM object_class WHERE name = %s",
}


def find_subject(cursor: Cursor, text: str) -> tuple[Subject, int]:
    """The user or group that is meant, and its number.

    Raises NotFound, UnknownGroup, BadRequest where it can be either.
    """
    candidates = Subject.candidates(text)
    found = [
        (subject, number)
        for subject in candidates
        if (number := _subject_id(cursor, subject)) is not None
    ]
    if len(found) > 1:
        raise BadRequest(f"there is a user and a group {text}: say user:{text} or group:{text}")
    if found:
        return found[0]
    if len(candidates) > 1:
        raise NotFound(f"there is no user or group {text}")
    (subject,) = candidates
    if subject.kind is SubjectKind.GROUP:
        raise UnknownGroup(f"there is no group {subject.name}")
    raise NotFound(f"there is no user {subject.name}")


def _subject_id(cursor: Cursor, subject: Subject) -> int | None:
    return _only(cursor, _SUBJECTS[subject.kind], subject.name)


def get_object_id(cursor: Cursor, target: Object) -> int | None:
    """The number of a home's user, a clip or a class; None for the archive. Raises NotFound."""
    if target.kind is ObjectKind.ARCHIVE:
        return None
    name = str(Gunid.parse(target.name).uuid) if target.kind is ObjectKind.CLIP else target.name
    found = _only(cursor, _OBJECTS[target.kind], name)
    if found is None:
        what = "user" if target.kind is ObjectKind.HOME else target.kind
        raise NotFound(f"there is no {what} {target.name}")
    return found


def _only(cursor: Cursor, query: str, name: str) -> int | None:
    cursor.execute(query, (name,))
    row = cursor.fetchone()
    return int(row[0]) if row else None


def put(
    cursor: Cursor,
    subject: Subject,
    subject_id: int,
    action: Action,
    target: Object,
    *,
    allows: bool,
) -> None:
    """Make a rule. One that said the opposite says this now."""
    columns = _SUBJECT_COLUMNS[subject.kind]
    values: list[object] = [action.value, allows, subject_id]
    if target.kind is not ObjectKind.ARCHIVE:
        columns += f", {_OBJECT_COLUMNS[target.kind]}"
        values.append(get_object_id(cursor, target))
    cursor.execute(
        f"""
        INSERT INTO rule (action, allows, {columns}) VALUES %s
        ON CONFLICT ON CONSTRAINT rule_says_one_thing DO UPDATE SET allows = EXCLUDED.allows
        """,  # noqa: S608
        (tuple(values),),
    )


def revoke(
    cursor: Cursor, subject: Subject, subject_id: int, action: Action, target: Object
) -> None:
    """Remove a rule, whether it allowed or denied. Raises NotFound where there is none."""
    object_id = get_object_id(cursor, target)
    others = [column for kind, column in _OBJECT_COLUMNS.items() if kind is not target.kind]
    conditions = [f"{_SUBJECT_COLUMNS[subject.kind]} = %(subject)s", "action = %(action)s"]
    conditions += [f"{column} IS NULL" for column in others]
    if target.kind is not ObjectKind.ARCHIVE:
        conditions.append(f"{_OBJECT_COLUMNS[target.kind]} = %(object)s")
    cursor.execute(
        f"DELETE FROM rule WHERE {' AND '.join(conditions)}",  # noqa: S608
        {"subject": subject_id, "action": action.value, "object": object_id},
    )
    if cursor.rowcount == 0:
        raise NotFound(f"there is no rule whether {subject} may {action} {target}")


_PERMISSIONS = """
    SELECT subject.login, user_group.name, action, allows, owner.login, gunid, object_class.name
    FROM rule LEFT JOIN users AS subject ON subject.user_id = rule.user_id
    LEFT JOIN user_group USING (group_id)
    LEFT JOIN users AS owner ON owner.user_id = home_of
    LEFT JOIN clip USING (clip_id)
    LEFT JOIN object_class USING (class_id)
"""


def list_permissions(
    cursor: Cursor, subject: Subject | None = None, target: Object | None = None
) -> list[Permission]:
    """The rules for somebody (None: anybody) about an object (None: any): groups, then users."""
    cursor.execute(
        f"""{_PERMISSIONS}
        WHERE (%(user)s IS NULL OR subject.login = %(user)s)
          AND (%(group)s IS NULL OR user_group.name = %(group)s)
          AND (NOT %(archive)s OR num_nonnulls(home_of, clip_id, class_id) = 0)
          AND (%(home)s IS NULL OR owner.login = %(home)s)
          AND (%(clip)s IS NULL OR gunid = %(clip)s::uuid)
          AND (%(class)s IS NULL OR object_class.name = %(class)s)
        ORDER BY user_group.name COLLATE "C", subject.login COLLATE "C", rule_id
        """,
        _filter(subject, target),
    )
    return [_permission(*row) for row in cursor.fetchall()]


def get(cursor: Cursor, rule_id: int) -> Permission:
    """A rule that there is."""
    cursor.execute(f"{_PERMISSIONS} WHERE rule_id = %s", (rule_id,))
    row = cursor.fetchone()
    assert row is not None, "who asks has just read it in the same transaction"
    return _permission(*row)


def _filter(subject: Subject | None, target: Object | None) -> dict[str, Any]:
    chosen: dict[str, Any] = dict.fromkeys(("user", "group", "home", "clip", "class"))
    chosen["archive"] = target is not None and target.kind is ObjectKind.ARCHIVE
    if subject is not None:
        chosen[subject.kind] = subject.name
    if target is not None and target.kind is ObjectKind.CLIP:
        chosen["clip"] = str(Gunid.parse(target.name).uuid)
    elif target is not None and target.kind is not ObjectKind.ARCHIVE:
        chosen[target.kind] = target.name
    return chosen


def _permission(
    login: str | None,
    group: str | None,
    action: str,
    allows: bool,
    home: str | None,
    gunid: UUID | None,
    class_name: str | None,
) -> Permission:
    if login is not None:
        subject = Subject(SubjectKind.USER, login)
    else:
        assert group is not None, "rule_has_one_subject"
        subject = Subject(SubjectKind.GROUP, group)
    if home is not None:
        target = Object(ObjectKind.HOME, home)
    elif gunid is not None:
        target = Object(ObjectKind.CLIP, str(Gunid(gunid)))
    elif class_name is not None:
        target = Object(ObjectKind.CLASS, class_name)
    else:
        target = Object(ObjectKind.ARCHIVE)
    return Permission(subject, Action(action), target, allows)
