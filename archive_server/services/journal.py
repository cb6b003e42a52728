"""Following what happens to the library, by a cursor that misses nothing."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Any

from archive_server.blocking import Database
from archive_server.database import journal
from archive_server.errors import CursorLost
from archive_server.model.journal import AuditEvent, AuditPage, E, Event, EventKind, EventPage, Page
from archive_server.model.rights import Action
from archive_server.model.users import Caller
from archive_server.services.rights import require_on_archive

BEGINNING = 0  # the cursor before everything that is kept
END = -1  # the cursor after everything that has happened


@dataclass(frozen=True)
class JournalService:
    """Reading the journal."""

    database: Database
    longest_page: int

    async def events(
        self, caller: Caller, after: int, limit: int = 0, kinds: Collection[EventKind] = ()
    ) -> EventPage:
        """The first events after a cursor, of these kinds (none: of all), and the next cursor.

        Without a limit, as with one that is too large, it is the longest page there is. Raises
        Forbidden; CursorLost for events that are kept no more, and for a cursor of another archive.
        """
        return await self.database.run(_events_for, caller, after, self._bounded(limit), kinds)

    async def read(
        self, after: int, limit: int = 0, kinds: Collection[EventKind] = ()
    ) -> EventPage:
        """The same for who has the whole archive at hand. Raises CursorLost."""
        return await self.database.run(_events, after, self._bounded(limit), kinds)

    async def audit_for(self, caller: Caller, after: int, limit: int = 0) -> AuditPage:
        """Who came, governed, and took something away, after a cursor; pages are as above.

        It takes the right to change users and groups. Raises Forbidden, CursorLost.
        """
        return await self.database.run(_audit_for, caller, after, self._bounded(limit))

    async def audit(self, after: int, limit: int = 0) -> AuditPage:
        """The same for who has the whole archive at hand. Raises CursorLost."""
        return await self.database.run(_audit, after, self._bounded(limit))

    def _bounded(self, limit: int) -> int:
        return min(limit, self.longest_page) if limit > 0 else self.longest_page


def _events_for(
    cursor: Any, caller: Caller, after: int, limit: int, kinds: Collection[EventKind]
) -> EventPage:
    require_on_archive(cursor, caller, Action.READ)
    return _events(cursor, after, limit, kinds)


def _events(cursor: Any, after: int, limit: int, kinds: Collection[EventKind]) -> EventPage:
    def find(through: int) -> list[Event]:
        return journal.list_between(cursor, after, through, kinds, limit)

    return _page(cursor, after, limit, find)


def _audit_for(cursor: Any, caller: Caller, after: int, limit: int) -> AuditPage:
    require_on_archive(cursor, caller, Action.SUBJECTS)
    return _audit(cursor, after, limit)


def _audit(cursor: Any, after: int, limit: int) -> AuditPage:
    def find(through: int) -> list[AuditEvent]:
        return journal.list_audit(cursor, after, through, limit)

    return _page(cursor, after, limit, find)


def _page(cursor: Any, after: int, limit: int, find: Callable[[int], list[E]]) -> Page[E]:
    """What `find` finds up to a number, and the next cursor. Raises CursorLost."""
    # Each a statement of its own, in this order: see schema/0010_operations.sql.
    through = journal.horizon(cursor)
    events = find(through) if after > END else []
    last = journal.last(cursor, through)
    # Afterwards, as it may be pruned at this moment: what was seen before was not pruned then.
    pruned, newest = journal.bounds(cursor)
    has_more = len(events) == limit
    reached = events[-1].number if has_more else max(last, pruned)
    if BEGINNING < after < pruned:
        raise CursorLost(
            f"events up to {pruned} are not kept any more, and cursor {after} is older"
        )
    if after > newest:
        raise CursorLost(f"cursor {after} is ahead of this archive, whose last is {newest}")
    # A writer may look back further than the one before: a cursor never does.
    return Page(events, max(reached, after), has_more)
