"""Storing webstreams, as a `locstor.*` call."""

from dataclasses import dataclass

from archive_server.errors import BadDocument, BadRequest, Conflict, Forbidden, NoSession
from archive_server.model.gunid import Gunid
from archive_server.services.sessions import SessionService
from archive_server.services.webstreams import WebstreamService
from archive_server.xmlrpc.clips import GUNID, METADATA, gunid, metadata
from archive_server.xmlrpc.file_names import file_name
from archive_server.xmlrpc.method import Client, Kind, Member, Method
from archive_server.xmlrpc.parameters import optional_text, text
from archive_server.xmlrpc.sessions import SESSION, caller_of
from archive_server.xmlrpc.values import Struct


@dataclass(frozen=True)
class WebstreamMethods:
    """The call that stores webstreams; the calls for clips do the rest."""

    sessions: SessionService
    webstreams: WebstreamService

    async def store(self, client: Client, struct: Struct) -> Struct:
        """Add a webstream, or replace one."""
        caller = await caller_of(self.sessions, client, struct)
        wanted: Gunid | None = gunid(struct) if optional_text(struct, "gunid") else None
        stored = await self.webstreams.store(
            caller,
            wanted,
            metadata(text(struct, "metadata")),
            file_name(text(struct, "fname")),
            text(struct, "url").strip(),
        )
        return {"gunid": str(stored)}


METHODS = (
    Method(
        "locstor.storeWebstream",
        "Stores a webstream, or replaces one. It is searched, read, described and deleted like a "
        "clip.",
        takes=(
            SESSION,
            Member("gunid", Kind.STRING, "the webstream's id; empty for a new one", optional=True),
            METADATA,
            Member("fname", Kind.STRING, "its name; of a path or URI the last part"),
            Member("url", Kind.STRING, "where it is to be heard; empty: as the metadata says"),
        ),
        gives=(GUNID,),
        call=WebstreamMethods.store,
        raises=(BadRequest, BadDocument, NoSession, Forbidden, Conflict),
        since="2005-02",
    ),
)
