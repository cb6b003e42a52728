"""Groups of users."""

from dataclasses import dataclass

from archive_server.model.permissions import Subject


@dataclass(frozen=True, slots=True)
class Group:
    """A group and who was put into it."""

    name: str
    includes: str | None  # who is in it without: "everybody", or the users of a role; None: nobody
    members: tuple[Subject, ...]

    @property
    def is_built_in(self) -> bool:
        """Whether it comes with the archive and stays."""
        return self.includes is not None
