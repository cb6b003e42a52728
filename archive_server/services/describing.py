"""Giving an item another document, in every place that knows it."""

from datetime import datetime
from typing import Any

from archive_server.database import clips, documents, search
from archive_server.model.clips import Clip
from archive_server.model.documents import Document


def redescribe(cursor: Any, clip: Clip, document: Document, at: datetime) -> None:
    """Give a clip or a webstream another document. The caller holds the gunid."""
    stamped = document.stamped(at)
    clips.describe(cursor, clip.clip_id, documents.add(cursor, stamped.to_xml()), at)
    documents.remove_unless_used(cursor, clip.document_id)
    search.index(cursor, clip.clip_id, clip.gunid, clip.file_type, stamped, at)
