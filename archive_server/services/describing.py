"""Giving an item another document, in every place that knows it."""

from datetime import datetime
from typing import Any

from archive_server.database import clips, search
from archive_server.model.clips import Clip
from archive_server.model.documents import Document


def redescribe(cursor: Any, clip: Clip, document: Document, at: datetime) -> None:
    """Give a clip or a webstream another document. The caller holds the gunid."""
    stamped = document.stamped(at)
    clips.redescribe(cursor, clip, stamped.to_xml(), at)
    search.index(cursor, clip.clip_id, clip.gunid, clip.file_type, stamped, at)
