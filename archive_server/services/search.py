"""Finding clips by their metadata."""

from dataclasses import dataclass

from archive_server.blocking import Database
from archive_server.database import search
from archive_server.model.search import Criteria, Page, Values
from archive_server.model.users import Caller


@dataclass(frozen=True)
class SearchService:
    """Searching and browsing; every user may."""

    database: Database

    async def find(self, caller: Caller, criteria: Criteria) -> Page:
        """A page of the clips that meet the criteria, and their number. Raises BadCriteria."""
        return await self.database.run(search.find, criteria)

    async def browse(self, caller: Caller, category: str, criteria: Criteria) -> Values:
        """The distinct values of a category among the clips that meet the criteria.

        Raises BadCriteria.
        """
        return await self.database.run(search.browse, category, criteria)
