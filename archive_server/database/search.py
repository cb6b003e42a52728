"""Searching: what changes the search tables, and what asks them."""

from archive_server.database.search_browse import browse
from archive_server.database.search_bulk import index_many, rebuild
from archive_server.database.search_check import differences
from archive_server.database.search_dictionary import prune
from archive_server.database.search_find import find, finding
from archive_server.database.search_index import index, unindex
from archive_server.database.search_missing import index_missing
from archive_server.database.search_staging import Findable

__all__ = [
    "Findable",
    "browse",
    "differences",
    "find",
    "finding",
    "index",
    "index_many",
    "index_missing",
    "prune",
    "rebuild",
    "unindex",
]
