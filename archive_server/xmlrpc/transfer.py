"""Exporting and importing playlists, as `locstor.*` calls."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from archive_server.errors import (
    BadDocument,
    BadRequest,
    Conflict,
    Forbidden,
    NoSession,
    NotFound,
    RefusedArchive,
    RefusedAudio,
    Unavailable,
    UnknownToken,
    UploadBusy,
    WrongToken,
)
from archive_server.model.gunid import Gunid
from archive_server.model.leases import LeaseKind
from archive_server.model.playlist_archives import ListType
from archive_server.services.downloads import DownloadService
from archive_server.services.exporting import ExportService
from archive_server.services.importing import ImportService
from archive_server.services.sessions import SessionService
from archive_server.xmlrpc.method import Client, Kind, Member, Method
from archive_server.xmlrpc.parameters import boolean, items, text
from archive_server.xmlrpc.sessions import SESSION, caller_of
from archive_server.xmlrpc.values import Struct, Value

_TAR = "tar"


@dataclass(frozen=True)
class TransferMethods:
    """The calls that make archives of playlists, and playlists of archives."""

    sessions: SessionService
    exports: ExportService
    imports: ImportService
    downloads: DownloadService
    access_url: Callable[[str, str, str], str]  # of our base URL, a token and an extension
    upload_url: Callable[[str, str], str]  # of our base URL and a token

    async def export_open(self, client: Client, struct: Struct) -> Struct:
        """Say where to GET an archive of playlists."""
        caller = await caller_of(self.sessions, client, struct)
        token = await self.exports.open(
            caller, _plids(struct), _list_type(struct), standalone=boolean(struct, "standalone")
        )
        return {"url": self.access_url(client.base_url, token, _TAR), "token": token}

    async def export_close(self, client: Client, struct: Struct) -> Struct:
        """End an export."""
        await self.downloads.close(text(struct, "token"), LeaseKind.EXPORT)
        return {"status": True}

    async def import_open(self, client: Client, struct: Struct) -> Struct:
        """Say where to PUT an archive of playlists."""
        caller = await caller_of(self.sessions, client, struct)
        upload = await self.imports.open(caller, text(struct, "chsum"))
        return {"url": self.upload_url(client.base_url, upload.token), "token": upload.token}

    async def import_close(self, client: Client, struct: Struct) -> Struct:
        """Import what was PUT."""
        return {"gunid": str(await self.imports.close(text(struct, "token")))}


def _plids(struct: Struct) -> Sequence[Gunid]:
    """Read ids of playlists; a single one may stand by itself."""
    value = struct.get("plids")
    if value is None:
        raise BadRequest("plids: array expected")
    return [_plid(each) for each in ([value] if isinstance(value, str) else items(struct, "plids"))]


def _plid(value: Value) -> Gunid:
    if not isinstance(value, str):
        raise BadRequest("plids: array of strings expected")
    try:
        return Gunid.parse(value)
    except BadRequest:
        raise BadRequest("plids: 16 hex digits or a UUID expected in each") from None


def _list_type(struct: Struct) -> ListType:
    try:
        return ListType(text(struct, "type").lower())
    except ValueError:
        raise BadRequest("type: lspl, smil or m3u expected") from None


METHODS = (
    Method(
        "locstor.exportPlaylistOpen",
        "Says where to GET a tar archive of playlists and all they hold: playlists, audio and "
        "metadata. What it gives stays the same to the end, even when something of it is changed "
        "or deleted meanwhile.",
        takes=(
            SESSION,
            Member("plids", Kind.ARRAY, "the ids of the playlists; a single one may be a string"),
            Member(
                "type",
                Kind.STRING,
                "how playlists are written: `lspl` (as they are kept), `smil` or `m3u`",
            ),
            Member("standalone", Kind.BOOLEAN, "whether to leave out the clips", optional=True),
        ),
        gives=(
            Member("url", Kind.STRING, "where to GET it, as often as needed and in parts"),
            Member("token", Kind.STRING, "for `exportPlaylistClose`"),
        ),
        call=TransferMethods.export_open,
        raises=(BadRequest, NoSession, Forbidden, NotFound, Unavailable),
        since="2006-03",
    ),
    Method(
        "locstor.exportPlaylistClose",
        "Ends what `exportPlaylistOpen` began; the URL stops to work.",
        takes=(Member("token", Kind.STRING, "what `exportPlaylistOpen` gave"),),
        gives=(Member("status", Kind.BOOLEAN, "true"),),
        call=TransferMethods.export_close,
        raises=(BadRequest, UnknownToken, WrongToken),
        since="2006-03",
    ),
    Method(
        "locstor.importPlaylistOpen",
        "Begins to import an archive that `exportPlaylistOpen` has made, of this or another "
        "archive. Send it to the URL with PUT, then call `importPlaylistClose`; until then nothing "
        "changes.",
        takes=(
            SESSION,
            Member("chsum", Kind.STRING, "the MD5 of the archive, 32 hex digits, or empty"),
        ),
        gives=(
            Member("url", Kind.STRING, "where to PUT the archive"),
            Member("token", Kind.STRING, "for `importPlaylistClose`"),
        ),
        call=TransferMethods.import_open,
        raises=(BadRequest, NoSession, Forbidden),
        since="2006-03",
    ),
    Method(
        "locstor.importPlaylistClose",
        "Imports what was sent, all or nothing: clips replace those of the same ids, playlists "
        "that are there already stay as they are.",
        takes=(Member("token", Kind.STRING, "what `importPlaylistOpen` gave"),),
        gives=(Member("gunid", Kind.STRING, "the id of the (main) playlist"),),
        call=TransferMethods.import_close,
        raises=(
            BadRequest,
            BadDocument,
            Forbidden,
            Conflict,
            UnknownToken,
            WrongToken,
            UploadBusy,
            RefusedArchive,
            RefusedAudio,
            Unavailable,
        ),
        since="2006-03",
    ),
)
