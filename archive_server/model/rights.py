"""What can be allowed or denied (LiveSupport storage protocol, 2.3)."""

from enum import StrEnum


class Action(StrEnum):
    """What somebody may want to do with an object."""

    READ = "read"
    WRITE = "write"
    EDIT_RIGHTS = "editPrivs"
    CLASSES = "classes"
    SUBJECTS = "subjects"
    ANY = "_all"  # in rules only: every action
