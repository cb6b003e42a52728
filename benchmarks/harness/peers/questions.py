"""What the peers ask the archive's database: the questions of the calls, as functions of a cursor.

Whoever builds such an endpoint asks whether there is such a session and such a clip, in one
statement. The search is our own, its SQL and its page: what differs is what stands around it.
"""

import hashlib
from typing import Any

from archive_server.database import search
from archive_server.model.search import Criteria
from archive_server.xmlrpc.search import found

VERSION = {"version": "1.0"}


def clip_exists(cursor: Any, session_id: str, gunid: str) -> dict[str, Any]:
    """The answer to existsAudioClip. Raises PermissionError without a session."""
    cursor.execute(
        """
        SELECT EXISTS (
            SELECT FROM clip
            WHERE gunid = %s::uuid AND state = 'ready' AND file_type <> 'playlist'
        )
        FROM session WHERE digest = %s AND last_used_at > now() - interval '7 days'
        """,
        (gunid, _digest(session_id)),
    )
    row = cursor.fetchone()
    if row is None:
        raise PermissionError("no session")
    return {"exists": row[0]}


def search_metadata(cursor: Any, session_id: str, text: str, limit: int) -> Any:
    """The answer to searchMetadata for titles that hold a text. Raises PermissionError."""
    cursor.execute(
        "SELECT FROM session WHERE digest = %s AND last_used_at > now() - interval '7 days'",
        (_digest(session_id),),
    )
    if cursor.fetchone() is None:
        raise PermissionError("no session")
    criteria = Criteria.build(conditions=[("dc:title", "partial", text)], limit=limit)
    return found(search.find(cursor, criteria))


def _digest(session_id: str) -> bytes:
    return hashlib.sha256(session_id.encode()).digest()
