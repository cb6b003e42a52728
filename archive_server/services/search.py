"""Finding clips by their metadata."""

from dataclasses import dataclass, replace

from archive_server.blocking import Database
from archive_server.database import search
from archive_server.model.search import Criteria, Page, Values
from archive_server.model.users import Caller


@dataclass(frozen=True)
class SearchService:
    """Searching and browsing; every user may."""

    database: Database
    longest_page: int  # an answer is held in memory, and clients ask for everything

    async def find(self, caller: Caller, criteria: Criteria) -> Page:
        """A page of the clips that meet the criteria, and the number of all. Raises BadCriteria.

        Without a limit, as with one that is too large, it is the longest page there is.
        """
        return await self.database.run(search.find, self._bounded(criteria))

    async def browse(self, caller: Caller, category: str, criteria: Criteria) -> Values:
        """The distinct values of a category among the clips that meet the criteria.

        Raises BadCriteria.
        """
        return await self.database.run(search.browse, category, self._bounded(criteria))

    def _bounded(self, criteria: Criteria) -> Criteria:
        limit = min(criteria.limit or self.longest_page, self.longest_page)
        return replace(criteria, limit=limit)
