"""What an archive has beside its items, as a text that outlives the database.

Users with the hashes of their passwords, groups, classes, rules, preferences: one JSON object,
which docs/store-format.md describes. Who has it can try to guess passwords.
"""

from dataclasses import dataclass, field
from datetime import datetime

from archive_server.errors import BadRequest
from archive_server.model.permissions import Object, ObjectKind, Subject, SubjectKind
from archive_server.model.record_fields import BadRecord, Fields, read_object
from archive_server.model.records import RecordedRule, rule_of
from archive_server.model.rights import Scope
from archive_server.model.users import Role

FORMAT = 1
ARCHIVE = "archive"  # the kind of record

_BUILT_IN = ("everybody", "maintainer", "admin")  # what groups can include by themselves


@dataclass(frozen=True, slots=True)
class RecordedUser:
    """Somebody who can log in."""

    number: int
    login: str
    password_hash: str = field(repr=False)
    role: Role
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RecordedToken:
    """An API token, of which only the digest is known."""

    user: str
    name: str
    scope: Scope
    sha256: bytes
    created_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class RecordedGroup:
    """A group and who was put into it."""

    number: int
    name: str
    includes: str | None
    users: tuple[str, ...]
    groups: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class RecordedClass:
    """A class of objects, with the homes in it; items say for themselves where they are."""

    number: int
    name: str
    homes: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Preference:
    """What is kept for a user or a group."""

    subject: Subject
    key: str
    value: str


@dataclass(frozen=True, slots=True)
class ArchiveRecord:
    """Everything but items."""

    store_id: str
    last_event: int  # of the journal
    users: tuple[RecordedUser, ...]
    tokens: tuple[RecordedToken, ...]
    groups: tuple[RecordedGroup, ...]
    classes: tuple[RecordedClass, ...]
    rules: tuple[tuple[RecordedRule, Object], ...]
    preferences: tuple[Preference, ...]

    @classmethod
    def parse(cls, text: str | bytes) -> "ArchiveRecord":
        """Read a record. Raises BadRecord."""
        fields = read_object(text, ARCHIVE, FORMAT)
        try:
            record = cls(
                fields.text("store_id"),
                fields.large("last_event"),
                tuple(map(_user, fields.objects("users"))),
                tuple(map(_token, fields.objects("tokens"))),
                tuple(map(_group, fields.objects("groups"))),
                tuple(map(_class, fields.objects("classes"))),
                tuple((rule_of(each), _object(each)) for each in fields.objects("rules")),
                tuple(map(_preference, fields.objects("preferences"))),
            )
        except (BadRequest, ValueError) as error:
            raise BadRecord(str(error)) from error
        _check(record)
        return record


def _user(fields: Fields) -> RecordedUser:
    return RecordedUser(
        fields.number("number", least=1),
        fields.text("login"),
        fields.text("password_hash"),
        Role(fields.text("role")),
        fields.time("created_at"),
    )


def _token(fields: Fields) -> RecordedToken:
    return RecordedToken(
        fields.text("user"),
        fields.text("name"),
        Scope(fields.text("scope")),
        fields.digest("sha256", 32),
        fields.time("created_at"),
        fields.time_or_none("expires_at"),
    )


def _group(fields: Fields) -> RecordedGroup:
    includes = fields.text_or_none("includes")
    if includes is not None and includes not in _BUILT_IN:
        raise BadRecord(f"includes: {', '.join(_BUILT_IN)} or null expected")
    return RecordedGroup(
        fields.number("number", least=1),
        fields.text("name"),
        includes,
        fields.texts("users"),
        fields.texts("groups"),
    )


def _class(fields: Fields) -> RecordedClass:
    return RecordedClass(
        fields.number("number", least=1), fields.text("name"), fields.texts("homes")
    )


def _object(fields: Fields) -> Object:
    for kind in (ObjectKind.HOME, ObjectKind.CLASS):
        name = fields.text_or_none(kind.value)
        if name is not None:
            return Object(kind, name)
    return Object(ObjectKind.ARCHIVE)


def _preference(fields: Fields) -> Preference:
    kind = SubjectKind.GROUP if fields.text_or_none("user") is None else SubjectKind.USER
    return Preference(
        Subject(kind, fields.text(kind.value)), fields.text("key"), fields.text("value")
    )


def _check(record: ArchiveRecord) -> None:
    """Raise BadRecord for what names somebody who is not there, or two alike."""
    users = _unique("users", [each.login for each in record.users])
    groups = _unique("groups", [each.name for each in record.groups])
    classes = _unique("classes", [each.name for each in record.classes])
    for kind in (record.users, record.groups, record.classes):
        _unique("number", [str(each.number) for each in kind])
    _unique("tokens", [each.sha256.hex() for each in record.tokens])
    named = {
        "users": (users, {name for group in record.groups for name in group.users}),
        "tokens": (users, {each.user for each in record.tokens}),
        "groups": (groups, {name for group in record.groups for name in group.groups}),
        "homes": (users, {name for each in record.classes for name in each.homes}),
    }
    for subject in [
        *(rule.subject for rule, _ in record.rules),
        *(preference.subject for preference in record.preferences),
    ]:
        known, names = named["users" if subject.kind is SubjectKind.USER else "groups"]
        names.add(subject.name)
    for _, about in record.rules:
        if about.kind is ObjectKind.HOME:
            named["homes"][1].add(about.name)
    named["classes"] = (
        classes,
        {about.name for _, about in record.rules if about.kind is ObjectKind.CLASS},
    )
    for what, (known, names) in named.items():
        if unknown := sorted(names - known):
            raise BadRecord(f"{what}: nobody has the name {unknown[0][:80]}")
    _refuse_circles({group.name: set(group.groups) for group in record.groups})


def _refuse_circles(held: dict[str, set[str]]) -> None:
    """Raise BadRecord for a group that is in itself: who asks for groups would never end."""
    while leaves := {name for name, groups in held.items() if not groups}:
        held = {name: groups - leaves for name, groups in held.items() if name not in leaves}
    if held:
        raise BadRecord(f"groups: {min(held)[:80]} is in itself")


def _unique(what: str, names: list[str]) -> set[str]:
    found = set(names)
    if len(found) < len(names):
        raise BadRecord(f"{what}: two are alike")
    if not all(0 < len(name) <= 255 for name in found):
        raise BadRecord(f"{what}: names of 1 to 255 characters expected")
    return found
