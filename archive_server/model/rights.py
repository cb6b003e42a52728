"""Who may do what: which of the rules that apply decides (LiveSupport storage protocol, 2.3)."""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum


class Action(StrEnum):
    """What somebody may want to do with an object."""

    READ = "read"
    WRITE = "write"
    EDIT_RIGHTS = "editPrivs"
    CLASSES = "classes"
    SUBJECTS = "subjects"
    ANY = "_all"  # in rules only: every action


class Scope(StrEnum):
    """How much of what a user may do, somebody who acts for them may."""

    READ = "read"
    WRITE = "write"  # and read
    ADMIN = "admin"  # everything

    def allows(self, action: Action) -> bool:
        """Whether an action is within it, whatever the rules say."""
        if self is Scope.ADMIN:
            return True
        return action is Action.READ or (self is Scope.WRITE and action is Action.WRITE)


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule that applies to somebody who wants to do something with an object.

    It may be about the object itself or about one that the object lies in, for the user or for a
    group that the user is in, directly or through other groups: that is what the distances say.
    """

    rule_id: int
    action: Action
    allows: bool
    object_distance: int  # the less the nearer; of a class: its nearest member's
    member_distance: int  # 0: the user; 1: a group the user was put into; …
    of_class: bool = False  # it is about a class of objects


def deciding(action: Action, rules: Iterable[Rule]) -> Rule | None:
    """The rule that decides about an action, or None, which denies.

    Rules about objects come before rules about classes. Of either the nearest object decides, then
    the nearest membership, then what names the action before what names every action, then what
    denies before what allows.
    """
    about_it = (rule for rule in rules if rule.action in (action, Action.ANY))
    return min(about_it, key=_rank, default=None)


def is_allowed(action: Action, rules: Iterable[Rule]) -> bool:
    """Whether the rules that apply allow an action."""
    rule = deciding(action, rules)
    return rule is not None and rule.allows


def _rank(rule: Rule) -> tuple[bool, int, int, bool, bool]:
    return (
        rule.of_class,
        rule.object_distance,
        rule.member_distance,
        rule.action is Action.ANY,
        rule.allows,
    )
