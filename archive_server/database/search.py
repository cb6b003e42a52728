"""Searching: what changes the search tables, and what asks them."""

from archive_server.database.search_browse import browse
from archive_server.database.search_check import differences
from archive_server.database.search_find import find
from archive_server.database.search_index import index, prune, unindex

__all__ = ["browse", "differences", "find", "index", "prune", "unindex"]
