"""Finding clips by their metadata."""

from dataclasses import dataclass, replace
from typing import Any

from archive_server.blocking import Database
from archive_server.database import search
from archive_server.model.rights import Action
from archive_server.model.search import Criteria, Page, Values
from archive_server.model.users import Caller
from archive_server.services.rights import require_on_archive


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
        return await self.database.read(_find, caller, self._bounded(criteria))

    async def browse(self, caller: Caller, category: str, criteria: Criteria) -> Values:
        """The distinct values of a category among the clips that meet the criteria.

        Raises Forbidden, BadCriteria.
        """
        return await self.database.read(_browse, caller, category, self._bounded(criteria))

    def _bounded(self, criteria: Criteria) -> Criteria:
        limit = min(criteria.limit or self.longest_page, self.longest_page)
        return replace(criteria, limit=limit)


def _find(cursor: Any, caller: Caller, criteria: Criteria) -> Page:
    require_on_archive(cursor, caller, Action.READ)
    return search.find(cursor, criteria)


def _browse(cursor: Any, caller: Caller, category: str, criteria: Criteria) -> Values:
    require_on_archive(cursor, caller, Action.READ)
    return search.browse(cursor, category, criteria)
