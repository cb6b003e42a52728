"""Following what happens to the library, by a cursor that misses nothing."""

from collections.abc import Collection
from dataclasses import dataclass
from typing import Any

from archive_server.blocking import Database
from archive_server.database import journal
from archive_server.errors import CursorLost
from archive_server.model.journal import EventKind, EventPage
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

    def _bounded(self, limit: int) -> int:
        return min(limit, self.longest_page) if limit > 0 else self.longest_page


def _events_for(
    cursor: Any, caller: Caller, after: int, limit: int, kinds: Collection[EventKind]
) -> EventPage:
    require_on_archive(cursor, caller, Action.READ)
    return _events(cursor, after, limit, kinds)


def _events(cursor: Any, after: int, limit: int, kinds: Collection[EventKind]) -> EventPage:
    # Each a statement of its own, in this order: see schema/0010_operations.sql.
    through = journal.horizon(cursor)
    events = journal.list_between(cursor, after, through, kinds, limit) if after > END else []
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
    return EventPage(events, max(reached, after), has_more)
