"""Webstreams: titles and addresses of audio that is elsewhere."""

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import PurePath
from typing import Any

from archive_server.blocking import Database
from archive_server.database import clips, documents, journal, search
from archive_server.errors import BadDocument, BadRequest, Conflict
from archive_server.model.clips import ClipState, FileType
from archive_server.model.completion import EXTENT, TITLE, completed
from archive_server.model.documents import Document, Element
from archive_server.model.extents import is_extent
from archive_server.model.gunid import Gunid, IdStyle
from archive_server.model.journal import EventKind
from archive_server.model.users import Caller
from archive_server.services.clip_making import require_to_store
from archive_server.services.describing import redescribe

URL = "ls:url"
# A scheme, and something behind it; but no file of ours.
_ADDRESS = re.compile(r"(?!file:)[a-z][a-z0-9+.-]*://[^\s<>\"]+", re.IGNORECASE)


@dataclass(frozen=True)
class WebstreamService:
    """Storing webstreams. They are read, described and deleted like clips."""

    database: Database
    now: Callable[[], datetime]
    id_style: IdStyle
    largest_document: int  # bytes

    async def store(
        self, caller: Caller, gunid: Gunid | None, xml: str, file_name: str, url: str
    ) -> Gunid:
        """Add a webstream, or replace one; `xml` or `url` may be empty, not both.

        Raises Forbidden, BadRequest, BadDocument, Conflict.
        """
        gunid = gunid or Gunid.new(self.id_style)
        document = Document.parse(xml, largest=self.largest_document) if xml else _default()
        await self.database.run(save, caller, gunid, document, url, file_name, self.now())
        return gunid


def save(
    cursor: Any,
    caller: Caller,
    gunid: Gunid,
    document: Document,
    url: str,
    file_name: str,
    at: datetime,
) -> int:
    """Add a webstream, or replace one; return its number.

    Raises Forbidden, BadRequest, BadDocument, Conflict.
    """
    clips.lock_gunid(cursor, gunid)
    clip = clips.find(cursor, gunid)
    require_to_store(cursor, caller, clip)
    if clip is not None and clip.file_type is not FileType.WEBSTREAM:
        raise Conflict(f"{gunid} is {clip.file_type.noun}, not a webstream")
    document = checked(
        document.with_element(URL, url) if url else document, title=PurePath(file_name).stem
    )
    if clip is None:
        stamped = document.stamped(at)
        clip_id = clips.add(
            cursor,
            gunid,
            FileType.WEBSTREAM,
            owner_id=caller.user_id,
            file_name=file_name,
            document_id=documents.add(cursor, stamped.to_xml()),
            at=at,
        )
        search.index(cursor, clip_id, gunid, FileType.WEBSTREAM, stamped, at)
        journal.add(cursor, EventKind.CREATED, clip_id, by=caller, at=at)
        return clip_id
    if clip.state is ClipState.TRASHED:
        clips.restore(cursor, clip.clip_id)
    clips.rename(cursor, clip.clip_id, file_name)
    redescribe(cursor, clip, document, EventKind.REPLACED, caller, at)
    return clip.clip_id


def checked(document: Document, *, title: str = "", old: Document | None = None) -> Document:
    """The document of a webstream, with what it has to say; some may be known from before.

    Raises BadRequest, BadDocument.
    """
    address = document.first(URL) or (old and old.first(URL)) or ""
    if not _ADDRESS.fullmatch(address):
        raise BadRequest("url: the address of a stream, like http://host:8000/live, expected")
    extent = document.first(EXTENT)
    if extent is not None and not is_extent(extent, strict=True):
        raise BadDocument(f"metadata/{EXTENT}: HH:MM:SS.ffffff expected in a webstream")
    title = title or (old and old.first(TITLE)) or "untitled"
    return completed(document.with_element(URL, address), title=title, duration_us=0)


def _default() -> Document:
    """What a webstream is called by whose sender says nothing (protocol, 5.4)."""
    elements = ((URL, ""), (TITLE, "Empty file"), (EXTENT, "00:00:00.000000"))
    return replace(
        Document.empty(FileType.WEBSTREAM),
        elements=tuple(Element(name, (), text, ()) for name, text in elements),
    )
