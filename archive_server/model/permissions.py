"""Rules as administrators write them: who may or may not do what with which object.

| written            | means                                                       |
|--------------------|-------------------------------------------------------------|
| `NAME`             | the user or the group of this name; an error if both exist  |
| `user:NAME`        | the user                                                    |
| `group:NAME`       | the group                                                   |
| `archive`          | everything                                                  |
| `home:LOGIN`       | what the user owns                                          |
| `class:NAME`       | what is in a class                                          |
| a gunid            | a clip, playlist or webstream                               |
"""

from dataclasses import dataclass
from enum import StrEnum

from archive_server.errors import BadRequest
from archive_server.model.gunid import Gunid
from archive_server.model.rights import Action

_LONGEST_NAME = 255


class SubjectKind(StrEnum):
    """Whom a rule can be for."""

    USER = "user"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Subject:
    """Whom a rule is for."""

    kind: SubjectKind
    name: str

    def __str__(self) -> str:
        return f"{self.kind}:{self.name}"

    @classmethod
    def candidates(cls, text: str) -> "list[Subject]":
        """Whom a text can mean. Raises BadRequest."""
        kind, colon, name = text.partition(":")
        if colon and kind in ("user", "group"):
            return [cls(SubjectKind(kind), checked_name(name, "subject"))]
        name = checked_name(text, "subject")
        return [cls(kind, name) for kind in SubjectKind]


class ObjectKind(StrEnum):
    """What a rule can be about."""

    ARCHIVE = "archive"
    HOME = "home"
    CLASS = "class"
    CLIP = "clip"


@dataclass(frozen=True, slots=True)
class Object:
    """What a rule is about; `name` is a login, a class's name, a gunid, or empty."""

    kind: ObjectKind
    name: str = ""

    def __str__(self) -> str:
        if self.kind is ObjectKind.ARCHIVE:
            return "archive"
        return self.name if self.kind is ObjectKind.CLIP else f"{self.kind}:{self.name}"

    @classmethod
    def parse(cls, text: str) -> "Object":
        """Read what an administrator wrote. Raises BadRequest."""
        kind, colon, name = text.partition(":")
        if text == "archive":
            return cls(ObjectKind.ARCHIVE)
        if colon and kind in ("home", "class"):
            return cls(ObjectKind(kind), checked_name(name, "object"))
        try:
            return cls(ObjectKind.CLIP, str(Gunid.parse(text)))
        except BadRequest as error:
            raise BadRequest(
                "object: archive, home:LOGIN, class:NAME or a clip's id expected"
            ) from error


@dataclass(frozen=True, slots=True)
class Permission:
    """A rule, as administrators see it."""

    subject: Subject
    action: Action
    object: Object
    allows: bool

    def __str__(self) -> str:
        verb = "may" if self.allows else "may not"
        return f"{self.subject} {verb} {self.action} {self.object}"


def parsed_action(text: str, *, also_any: bool = True) -> Action:
    """Read the name of an action. Raises BadRequest."""
    actions = [action for action in Action if also_any or action is not Action.ANY]
    for action in actions:
        if action.value == text:
            return action
    raise BadRequest(f"action: one of {', '.join(actions)} expected")


def checked_name(name: str, what: str) -> str:
    """The name of a user, group or class. Raises BadRequest for what can be none."""
    if not 0 < len(name) <= _LONGEST_NAME or not name.isprintable():
        raise BadRequest(f"{what}: a name of 1 to {_LONGEST_NAME} printable characters expected")
    return name


@dataclass(frozen=True, slots=True)
class ObjectClass:
    """Homes and clips that rules can be about together."""

    name: str
    members: tuple[Object, ...]
