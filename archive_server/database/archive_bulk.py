"""What an archive has beside its items, from its record."""

from psycopg2.extensions import cursor as Cursor

from archive_server.database.copying import copy_rows
from archive_server.database.records_bulk import Names
from archive_server.model.archive_records import ArchiveRecord
from archive_server.model.permissions import ObjectKind, SubjectKind

_OF_SUBJECT = {SubjectKind.USER: "user_id", SubjectKind.GROUP: "group_id"}
_GAP = 1_000_000  # numbers of events: more than can have happened since a record was written


def is_empty(cursor: Cursor) -> bool:
    """Whether nobody has ever used this database."""
    cursor.execute(
        """
        SELECT NOT EXISTS (SELECT FROM clip) AND NOT EXISTS (SELECT FROM users)
           AND NOT EXISTS (SELECT FROM content) AND NOT EXISTS (SELECT FROM journal)
        """
    )
    (empty,) = cursor.fetchone() or (False,)
    return bool(empty)


def add(cursor: Cursor, record: ArchiveRecord) -> None:
    """Put what the record says into an empty database, in the place of what all begin with."""
    cursor.execute(
        "DELETE FROM rule; DELETE FROM group_preference; DELETE FROM membership;"
        "DELETE FROM user_group"
    )
    copy_rows(
        cursor,
        "users (user_id, login, password_hash, role, created_at)",
        (
            (each.number, each.login, each.password_hash, each.role.value, each.created_at)
            for each in record.users
        ),
    )
    copy_rows(
        cursor,
        "user_group (group_id, name, includes)",
        ((each.number, each.name, each.includes) for each in record.groups),
    )
    copy_rows(
        cursor,
        "object_class (class_id, name)",
        ((each.number, each.name) for each in record.classes),
    )
    names = Names.read(cursor)
    copy_rows(
        cursor,
        "api_token (digest, user_id, name, scope, created_at, expires_at)",
        (
            (
                each.sha256, names.users[each.user], each.name, each.scope.value,
                each.created_at, each.expires_at,
            )
            for each in record.tokens
        ),
    )  # fmt: skip
    _add_members(cursor, record, names)
    _add_rules(cursor, record, names)
    for kind, table in (
        (SubjectKind.USER, "user_preference (user_id, key, value)"),
        (SubjectKind.GROUP, "group_preference (group_id, key, value)"),
    ):
        copy_rows(
            cursor,
            table,
            (
                (names.of(each.subject), each.key, each.value)
                for each in record.preferences
                if each.subject.kind is kind
            ),
        )


def go_on_behind(cursor: Cursor, last_event: int) -> None:
    """Number events from far behind this one on.

    Cursors from before end in CursorLost then, whatever they have seen that the record has not.
    """
    cursor.execute("SELECT setval('journal_number', %s)", (last_event + _GAP,))
    cursor.execute("UPDATE journal_pruned SET through = %s", (last_event + _GAP,))
    cursor.execute("UPDATE sidecar_progress SET journal = %s, passed = 0", (last_event + _GAP,))


def _add_members(cursor: Cursor, record: ArchiveRecord, names: Names) -> None:
    copy_rows(
        cursor,
        "membership (group_id, user_id, member_group)",
        (
            *((group.number, names.users[name], None) for group in record.groups
              for name in group.users),
            *((group.number, None, names.groups[name]) for group in record.groups
              for name in group.groups),
        ),
    )  # fmt: skip
    copy_rows(
        cursor,
        "class_member (class_id, home_of)",
        ((each.number, names.users[name]) for each in record.classes for name in each.homes),
    )


def _add_rules(cursor: Cursor, record: ArchiveRecord, names: Names) -> None:
    for kind, column in _OF_SUBJECT.items():
        copy_rows(
            cursor,
            f"rule ({column}, action, allows, home_of, class_id)",
            (
                (
                    names.of(rule.subject),
                    rule.action.value,
                    rule.allows,
                    names.users[about.name] if about.kind is ObjectKind.HOME else None,
                    names.classes[about.name] if about.kind is ObjectKind.CLASS else None,
                )
                for rule, about in record.rules
                if rule.subject.kind is kind
            ),
        )
