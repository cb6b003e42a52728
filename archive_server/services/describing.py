"""Giving an item another document, in every place that knows it."""

from datetime import datetime
from typing import Any

from archive_server.database import clips, journal, search
from archive_server.model.clips import Clip
from archive_server.model.documents import Document
from archive_server.model.journal import EventKind
from archive_server.model.users import Caller


def redescribe(
    cursor: Any, clip: Clip, document: Document, kind: EventKind, caller: Caller, at: datetime
) -> None:
    """Give a clip or a webstream another document, and note it so. The caller holds the gunid."""
    stamped = document.stamped(at)
    search.index(
        cursor,
        clip.clip_id,
        clip.gunid,
        clip.file_type,
        stamped,
        at,
        first=clips.redescription(cursor, clip, stamped.to_xml(), at),
        then=[journal.addition(cursor, kind, clip.clip_id, by=caller, at=at)],
    )
