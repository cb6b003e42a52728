"""Rendering playlists, as `locstor.*` calls.

LiveSupport storage protocol, 7.5; the original's renderer was a dummy.
"""

from collections.abc import Callable
from dataclasses import dataclass

from archive_server.errors import (
    BadRequest,
    Forbidden,
    NoSession,
    NotFound,
    TooManyJobs,
    UnknownToken,
    WrongToken,
)
from archive_server.services.rendering import Rendered, Rendering, RenderingService
from archive_server.services.sessions import SessionService
from archive_server.xmlrpc.method import Client, Kind, Member, Method
from archive_server.xmlrpc.parameters import text
from archive_server.xmlrpc.playlists import PLID, plid
from archive_server.xmlrpc.sessions import SESSION, caller_of
from archive_server.xmlrpc.values import Struct

_NO_GUNID = "NULL"  # what clients are told before there is one


@dataclass(frozen=True)
class RenderingMethods:
    """The calls that begin, watch and end renderings; to watch or end one, the token is enough."""

    sessions: SessionService
    rendering: RenderingService
    access_url: Callable[[str, str, str], str]  # of our base URL, a token and an extension

    async def open_file(self, client: Client, struct: Struct) -> Struct:
        """Begin to render a playlist to a file."""
        return await self._start(client, struct, Rendering.FILE)

    async def check_file(self, client: Client, struct: Struct) -> Struct:
        """Tell how far that is, and where to GET the file."""
        rendered = await self.rendering.check(text(struct, "token"), Rendering.FILE)
        return self._with_url(client, rendered, "ogg")

    async def close_file(self, client: Client, struct: Struct) -> Struct:
        """Remove the file, or do not make it."""
        return await self._close(struct, Rendering.FILE)

    async def open_clip(self, client: Client, struct: Struct) -> Struct:
        """Begin to render a playlist to a new clip."""
        return await self._start(client, struct, Rendering.CLIP)

    async def check_clip(self, client: Client, struct: Struct) -> Struct:
        """Tell how far that is, and the clip's id."""
        rendered = await self.rendering.check(text(struct, "token"), Rendering.CLIP)
        gunid = _NO_GUNID if rendered.gunid is None else str(rendered.gunid)
        return {"status": rendered.status.value, "gunid": gunid, "faultString": rendered.fault}

    async def open_feed(self, client: Client, struct: Struct) -> Struct:
        """Begin to write a playlist as a feed."""
        return await self._start(client, struct, Rendering.FEED)

    async def check_feed(self, client: Client, struct: Struct) -> Struct:
        """Tell how far that is, and where to GET the feed."""
        rendered = await self.rendering.check(text(struct, "token"), Rendering.FEED)
        return self._with_url(client, rendered, "rss")

    async def close_feed(self, client: Client, struct: Struct) -> Struct:
        """Remove the feed."""
        return await self._close(struct, Rendering.FEED)

    async def _start(self, client: Client, struct: Struct, kind: Rendering) -> Struct:
        caller = await caller_of(self.sessions, client, struct)
        return {"token": await self.rendering.start(caller, plid(struct), kind, client.base_url)}

    async def _close(self, struct: Struct, kind: Rendering) -> Struct:
        await self.rendering.close(text(struct, "token"), kind)
        return {"status": True}

    def _with_url(self, client: Client, rendered: Rendered, extension: str) -> Struct:
        url = ""
        if rendered.lease:
            url = self.access_url(client.base_url, rendered.lease, extension)
        return {"status": rendered.status.value, "url": url, "faultString": rendered.fault}


_TOKEN = Member("token", Kind.STRING, "what the call that began it gave")
_STATUS = Member("status", Kind.STRING, "`working`, `success` or `fault`")
_URL = Member("url", Kind.STRING, "where to GET it; empty before its success")
_FAULT = Member("faultString", Kind.STRING, "why it ended with a fault, or empty")
_OPENED = (Member("token", Kind.STRING, "for the calls that watch and end it"),)
_CLOSED = (Member("status", Kind.BOOLEAN, "true"),)
_RAISED_OPENING = (BadRequest, Forbidden, NoSession, NotFound, TooManyJobs)
_RAISED = (BadRequest, UnknownToken, WrongToken)
_SINCE = "2006-03"

METHODS = (
    Method(
        "locstor.renderPlaylistToFileOpen",
        "Begins to mix a playlist, with its fades and all playlists in it, into one Ogg Vorbis "
        "file. It is done in the background.",
        takes=(SESSION, PLID),
        gives=_OPENED,
        call=RenderingMethods.open_file,
        raises=_RAISED_OPENING,
        since=_SINCE,
    ),
    Method(
        "locstor.renderPlaylistToFileCheck",
        "Tells how it stands with a mix, and at last where to GET the file, as often as needed, "
        "until `renderPlaylistToFileClose` or as long as somebody uses it or asks.",
        takes=(_TOKEN,),
        gives=(_STATUS, _URL, _FAULT),
        call=RenderingMethods.check_file,
        raises=_RAISED,
        since=_SINCE,
    ),
    Method(
        "locstor.renderPlaylistToFileClose",
        "Removes the file that `renderPlaylistToFileOpen` made; one that is being made is given "
        "up.",
        takes=(_TOKEN,),
        gives=_CLOSED,
        call=RenderingMethods.close_file,
        raises=_RAISED,
        since=_SINCE,
    ),
    Method(
        "locstor.renderPlaylistToStorageOpen",
        "Begins to mix a playlist as `renderPlaylistToFileOpen` does, and to store it as a new "
        "audio clip with the title, extent, creator and description of the playlist.",
        takes=(SESSION, PLID),
        gives=_OPENED,
        call=RenderingMethods.open_clip,
        raises=_RAISED_OPENING,
        since=_SINCE,
    ),
    Method(
        "locstor.renderPlaylistToStorageCheck",
        "Tells how it stands with a mix that is to be stored, and at last the id of the clip.",
        takes=(_TOKEN,),
        gives=(
            _STATUS,
            Member("gunid", Kind.STRING, f"the clip's id; `{_NO_GUNID}` before its success"),
            _FAULT,
        ),
        call=RenderingMethods.check_clip,
        raises=_RAISED,
        since=_SINCE,
    ),
    Method(
        "locstor.renderPlaylistToRSSOpen",
        "Begins to write a playlist as an RSS 2.0 feed, with an item for each clip, in order.",
        takes=(SESSION, PLID),
        gives=_OPENED,
        call=RenderingMethods.open_feed,
        raises=_RAISED_OPENING,
        since=_SINCE,
    ),
    Method(
        "locstor.renderPlaylistToRSSCheck",
        "Tells how it stands with a feed, and at last where to GET it, as often as needed, until "
        "`renderPlaylistToRSSClose` or as long as somebody uses it or asks.",
        takes=(_TOKEN,),
        gives=(_STATUS, _URL, _FAULT),
        call=RenderingMethods.check_feed,
        raises=_RAISED,
        since=_SINCE,
    ),
    Method(
        "locstor.renderPlaylistToRSSClose",
        "Removes the feed that `renderPlaylistToRSSOpen` made.",
        takes=(_TOKEN,),
        gives=_CLOSED,
        call=RenderingMethods.close_feed,
        raises=_RAISED,
        since=_SINCE,
    ),
)
