"""Finding clips by their metadata."""

from dataclasses import dataclass, replace
from typing import Any

from archive_server.blocking import Database
from archive_server.database import search
from archive_server.database.reading import Reading, after, blocking
from archive_server.model.categories import STANDARD, local_name
from archive_server.model.rights import Action
from archive_server.model.search import ANY, Criteria, Page, Values
from archive_server.model.users import Caller
from archive_server.services.rights import allowed_on_archive, require_on_archive

# What makes a search small
_SMALL_PAGE = 100  # hits
_FEW_TERMS = 10  # conditions, and what is sorted by
_FEW_CHARACTERS = 1000  # that are looked for
_WELL_KNOWN = {ANY, *STANDARD, *map(local_name, STANDARD)}


@dataclass(frozen=True)
class SearchService:
    """Searching and browsing."""

    database: Database
    longest_page: int  # an answer is held in memory, and clients ask for everything

    async def find(self, caller: Caller, criteria: Criteria) -> Page:
        """A page of the clips that meet the criteria, and the number of all.

        Without a limit, as with one that is too large, it is the longest page there is. Raises
        Forbidden, BadCriteria.
        """
        bounded = self._bounded(criteria)
        if _is_small(bounded):
            return await self.database.ask(_find, caller, bounded)
        return await self.database.read(blocking(_find, caller, bounded))

    async def browse(self, caller: Caller, category: str, criteria: Criteria) -> Values:
        """The distinct values of a category among the clips that meet the criteria.

        Raises Forbidden, BadCriteria.
        """
        return await self.database.read(_browse, caller, category, self._bounded(criteria))

    def _bounded(self, criteria: Criteria) -> Criteria:
        limit = min(criteria.limit or self.longest_page, self.longest_page)
        return replace(criteria, limit=limit)


def _is_small(criteria: Criteria) -> bool:
    """Whether the reactor may ask and read the answer itself: in less than a millisecond, that is.

    An unknown category is compared with all that are known, for the message.
    """
    conditions = criteria.conditions
    return (
        criteria.limit <= _SMALL_PAGE
        and len(conditions) + len(criteria.orders) <= _FEW_TERMS
        and sum(len(condition.value) for condition in conditions) <= _FEW_CHARACTERS
        and all(condition.category in _WELL_KNOWN for condition in conditions)
    )


def _find(caller: Caller, criteria: Criteria) -> Reading[Page]:
    return (yield from after(allowed_on_archive(caller, Action.READ), search.finding(criteria)))


def _browse(cursor: Any, caller: Caller, category: str, criteria: Criteria) -> Values:
    require_on_archive(cursor, caller, Action.READ)
    return search.browse(cursor, category, criteria)
