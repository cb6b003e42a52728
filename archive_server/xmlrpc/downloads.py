"""Leases of audio, of files and of metadata documents, as `locstor.*` calls."""

from collections.abc import Callable
from dataclasses import dataclass

from archive_server.errors import (
    BadRequest,
    Forbidden,
    NoSession,
    NotFound,
    Unavailable,
    UnknownToken,
    WrongToken,
)
from archive_server.model.leases import LeaseKind
from archive_server.model.users import Caller
from archive_server.services.downloads import DownloadService
from archive_server.services.leased_files import OpenLease
from archive_server.services.sessions import SessionService
from archive_server.xmlrpc.clips import GUNID, gunid
from archive_server.xmlrpc.method import Client, Kind, Member, Method
from archive_server.xmlrpc.parameters import text
from archive_server.xmlrpc.sessions import SESSION, caller_of
from archive_server.xmlrpc.values import Struct


@dataclass(frozen=True)
class DownloadMethods:
    """The calls that open and close leases; to close one, the token is enough."""

    sessions: SessionService
    downloads: DownloadService
    access_url: Callable[[str, str, str], str]  # of our base URL, a token and an extension

    async def access(self, client: Client, struct: Struct) -> Struct:
        """Give a clip's audio as a file on the server's disk."""
        local = await self.downloads.open_file(await self._caller(client, struct), gunid(struct))
        return {"url": local.path.absolute().as_uri(), "token": local.token}

    async def release(self, client: Client, struct: Struct) -> Struct:
        """Take such a file away."""
        await self.downloads.close(text(struct, "token"), LeaseKind.FILE)
        return {"status": True}

    async def open_audio(self, client: Client, struct: Struct) -> Struct:
        """Say where to GET a clip's audio."""
        lease = await self.downloads.open_audio(await self._caller(client, struct), gunid(struct))
        return self._opened(client, lease)

    async def close_audio(self, client: Client, struct: Struct) -> Struct:
        """End a download of audio."""
        return {"gunid": str(await self.downloads.close(text(struct, "token"), LeaseKind.AUDIO))}

    async def open_document(self, client: Client, struct: Struct) -> Struct:
        """Say where to GET a clip's metadata document."""
        lease = await self.downloads.open_document(
            await self._caller(client, struct), gunid(struct)
        )
        return self._opened(client, lease)

    async def close_document(self, client: Client, struct: Struct) -> Struct:
        """End a download of metadata."""
        return {"gunid": str(await self.downloads.close(text(struct, "token"), LeaseKind.DOCUMENT))}

    def _opened(self, client: Client, lease: OpenLease) -> Struct:
        return {
            "url": self.access_url(client.base_url, lease.token, lease.extension),
            "token": lease.token,
            "chsum": lease.md5,
            "size": lease.size,
            "filename": lease.file_name,
        }

    async def _caller(self, client: Client, struct: Struct) -> Caller:
        return await caller_of(self.sessions, client, struct)


_TOKEN = Member("token", Kind.STRING, "what the call that opened it gave")
# Clients send it, nothing needs it.
_ANY_SESSION = Member("sessid", Kind.STRING, "ignored: the token is enough", optional=True)
_OPENED = (
    Member("url", Kind.STRING, "where to GET it, as often as needed and in parts"),
    Member("token", Kind.STRING, "for the call that closes it"),
    Member("chsum", Kind.STRING, "the MD5 of the bytes, 32 hex digits"),
    Member("size", Kind.INT, "how many bytes; a `double` from 2 GiB on"),
    Member("filename", Kind.STRING, "the file's name"),
)
_RAISED_OPENING = (BadRequest, NoSession, Forbidden, NotFound, Unavailable)
_RAISED_CLOSING = (BadRequest, UnknownToken, WrongToken)

METHODS = (
    Method(
        "locstor.accessRawAudioData",
        "Gives a clip's audio as a read-only file on the server's own disk, for programs that run "
        "there. It stays, whatever happens to the clip, until `releaseRawAudioData`.",
        takes=(SESSION, GUNID),
        gives=(
            Member("url", Kind.STRING, "a `file://` URL"),
            Member("token", Kind.STRING, "for `releaseRawAudioData`"),
        ),
        call=DownloadMethods.access,
        raises=_RAISED_OPENING,
        since="2005-01",
    ),
    Method(
        "locstor.releaseRawAudioData",
        "Takes away the file that `accessRawAudioData` gave.",
        takes=(_TOKEN,),
        gives=(Member("status", Kind.BOOLEAN, "true"),),
        call=DownloadMethods.release,
        raises=(*_RAISED_CLOSING, Unavailable),
        since="2005-01",
    ),
    Method(
        "locstor.downloadRawAudioDataOpen",
        "Says where to GET a clip's audio. What it gives stays the same to the end, even when the "
        "clip is replaced or deleted meanwhile.",
        takes=(SESSION, GUNID),
        gives=_OPENED,
        call=DownloadMethods.open_audio,
        raises=_RAISED_OPENING,
        since="2005-01",
    ),
    Method(
        "locstor.downloadRawAudioDataClose",
        "Ends what `downloadRawAudioDataOpen` began; the URL stops to work.",
        takes=(_ANY_SESSION, _TOKEN),
        gives=(GUNID,),
        call=DownloadMethods.close_audio,
        raises=_RAISED_CLOSING,
        since="2005-01",
    ),
    Method(
        "locstor.downloadMetadataOpen",
        "Says where to GET a clip's metadata document.",
        takes=(SESSION, GUNID),
        gives=_OPENED,
        call=DownloadMethods.open_document,
        raises=(BadRequest, NoSession, Forbidden, NotFound),
        since="2005-01",
    ),
    Method(
        "locstor.downloadMetadataClose",
        "Ends what `downloadMetadataOpen` began; the URL stops to work.",
        takes=(_ANY_SESSION, _TOKEN),
        gives=(GUNID,),
        call=DownloadMethods.close_document,
        raises=_RAISED_CLOSING,
        since="2005-01",
    ),
)
