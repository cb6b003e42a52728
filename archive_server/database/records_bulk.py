"""Items from their records, many at once: the rows that made the records, a COPY a table."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from psycopg2.extensions import cursor as Cursor

from archive_server.database.copying import array, copy_rows, next_numbers
from archive_server.database.search import Findable
from archive_server.model.clips import ClipState
from archive_server.model.permissions import Subject, SubjectKind
from archive_server.model.records import Item


@dataclass(frozen=True, slots=True)
class Names:
    """Whom and what items may name, with their numbers in the database."""

    users: dict[str, int] = field(default_factory=dict)
    groups: dict[str, int] = field(default_factory=dict)
    classes: dict[str, int] = field(default_factory=dict)

    @classmethod
    def read(cls, cursor: Cursor) -> "Names":
        """All there are."""
        names = cls()
        for known, query in (
            (names.users, "SELECT login, user_id FROM users"),
            (names.groups, "SELECT name, group_id FROM user_group"),
            (names.classes, "SELECT name, class_id FROM object_class"),
        ):
            cursor.execute(query)
            known.update(cursor.fetchall())
        return names

    def of(self, subject: Subject) -> int | None:
        """The number of a user or group."""
        return (self.users if subject.kind is SubjectKind.USER else self.groups).get(subject.name)

    def unknown(self, item: Item) -> list[str]:
        """What an item names and nobody is called, each in words."""
        found = [f"user {item.owner}"] if item.owner and item.owner not in self.users else []
        found += [str(rule.subject) for rule in item.rules if self.of(rule.subject) is None]
        return found + [f"class {name}" for name in item.classes if name not in self.classes]


def add_all(cursor: Cursor, items: Sequence[Item], names: Names) -> list[Findable]:
    """Add items whose contents are in the store, and whose ids are new; return what can be found.

    Whoever they name and is unknown is left out. Nobody else may use the database meanwhile.
    """
    _add_contents(cursor, items)
    numbers = _numbers(cursor, items)
    documents = iter(
        next_numbers(cursor, "document", "document_id", sum(map(_count_documents, items)))
    )
    own = [next(documents) for _ in items]
    versions = [
        (number, version, own_id if version.document is None else next(documents))
        for item, number, own_id in zip(items, numbers, own, strict=True)
        for version in item.versions
    ]
    numbered = list(zip(items, numbers, strict=True))
    texts = [(own_id, item.document) for item, own_id in zip(items, own, strict=True)]
    texts += [(each, it.document) for _, it, each in versions if it.document is not None]
    copy_rows(cursor, "document (document_id, xml)", texts)
    copy_rows(
        cursor,
        "clip (clip_id, gunid, file_type, state, owner_id, file_name, document_id, revision,"
        " mtime, created_at, trashed_at)",
        (
            (
                number, item.gunid.uuid, item.file_type.value, item.state.value,
                names.users.get(item.owner or ""), item.file_name, own_id, item.revision,
                item.mtime, item.created_at, item.trashed_at,
            )
            for (item, number), own_id in zip(numbered, own, strict=True)
        ),
    )  # fmt: skip
    copy_rows(
        cursor,
        "playlist_revision (clip_id, number, document_id, created_at, superseded_at)",
        (
            (number, version.number, document, version.created_at, version.superseded_at)
            for number, version, document in versions
        ),
    )
    _add_revisions(cursor, numbered)
    _add_rights(cursor, numbered, names)
    copy_rows(
        cursor,
        "playlist_link (clip_id, held)",
        ((number, held.uuid) for item, number in numbered for held in item.held()),
    )
    return [
        Findable(number, item.gunid, item.file_type, item.searched, item.mtime)
        for item, number in numbered
        if item.state is ClipState.READY
    ]


def finish(cursor: Cursor) -> None:
    """Let numbers go on behind those that were brought along."""
    for table, column in (
        ("clip", "clip_id"),
        ("users", "user_id"),
        ("user_group", "group_id"),
        ("object_class", "class_id"),
    ):
        cursor.execute(
            f"SELECT setval(pg_get_serial_sequence('{table}', '{column}'), greatest("  # noqa: S608
            f"(SELECT max({column}) FROM {table}),"
            f" nextval(pg_get_serial_sequence('{table}', '{column}'))))"
        )


def _add_contents(cursor: Cursor, items: Iterable[Item]) -> None:
    contents = {each.content.sha256: each for item in items for each in item.revisions}
    cursor.execute(
        """
        INSERT INTO content (content_id, md5, size, created_at)
        SELECT * FROM unnest(%s::bytea[], %s::bytea[], %s::bigint[], %s::timestamptz[])
        ON CONFLICT (content_id) DO UPDATE SET created_at = least(content.created_at,
                                                                  EXCLUDED.created_at)
        """,
        (
            list(contents),
            [each.content.md5 for each in contents.values()],
            [each.content.size for each in contents.values()],
            [each.stored_at for each in contents.values()],
        ),
    )


def _numbers(cursor: Cursor, items: Sequence[Item]) -> list[int]:
    """The items' own numbers; another one for who brings a number that somebody has."""
    cursor.execute(
        "SELECT clip_id FROM clip WHERE clip_id = ANY (%s)", ([item.number for item in items],)
    )
    taken = {number for (number,) in cursor.fetchall()}
    cursor.execute("SELECT coalesce(max(clip_id), 0) FROM clip")
    (highest,) = cursor.fetchone() or (0,)
    highest = max(highest, *(item.number for item in items))
    numbers = []
    for item in items:
        number = item.number
        if number in taken:
            highest += 1
            number = highest
        taken.add(number)
        numbers.append(number)
    return numbers


def _count_documents(item: Item) -> int:
    return 1 + sum(version.document is not None for version in item.versions)


def _add_revisions(cursor: Cursor, numbered: Sequence[tuple[Item, int]]) -> None:
    copy_rows(
        cursor,
        "revision (clip_id, number, content_id, format, duration_us, sample_rate, channels,"
        " bit_rate, warnings, created_at, superseded_at)",
        (
            (
                number, each.number, each.content.sha256, each.facts.format.value,
                each.facts.duration_us, each.facts.sample_rate, each.facts.channels,
                each.facts.bit_rate, array(each.warnings), each.created_at, each.superseded_at,
            )
            for item, number in numbered
            for each in item.revisions
        ),
    )  # fmt: skip


def _add_rights(cursor: Cursor, numbered: Sequence[tuple[Item, int]], names: Names) -> None:
    rules = [
        (names.of(rule.subject), rule, number) for item, number in numbered for rule in item.rules
    ]
    for kind, column in ((SubjectKind.USER, "user_id"), (SubjectKind.GROUP, "group_id")):
        copy_rows(
            cursor,
            f"rule ({column}, action, allows, clip_id)",
            (
                (subject, rule.action.value, rule.allows, number)
                for subject, rule, number in rules
                if subject is not None and rule.subject.kind is kind
            ),
        )
    members: Iterable[tuple[Any, int]] = (
        (names.classes.get(name), number) for item, number in numbered for name in item.classes
    )
    copy_rows(
        cursor,
        "class_member (class_id, clip_id)",
        (member for member in members if member[0] is not None),
    )
