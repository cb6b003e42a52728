"""Storing, describing and deleting audio clips, as `locstor.*` calls."""

from collections.abc import Callable
from dataclasses import dataclass

from archive_server.errors import (
    BadDocument,
    BadRequest,
    Conflict,
    Duplicate,
    Forbidden,
    NoSession,
    NotFound,
    QuotaExceeded,
    RefusedAudio,
    TooManyUploads,
    Unavailable,
    UnknownToken,
    UploadBusy,
    WrongToken,
)
from archive_server.model.gunid import Gunid
from archive_server.model.users import Caller
from archive_server.services.clip_making import NAMELESS
from archive_server.services.clips import ClipService
from archive_server.services.sessions import SessionService
from archive_server.xmlrpc.file_names import file_name
from archive_server.xmlrpc.method import Client, Kind, Member, Method
from archive_server.xmlrpc.parameters import boolean, optional_text, text
from archive_server.xmlrpc.sessions import SESSION, caller_of
from archive_server.xmlrpc.values import Struct


@dataclass(frozen=True)
class ClipMethods:
    """The calls that store, describe and delete clips."""

    sessions: SessionService
    clips: ClipService
    upload_url: Callable[[str, str], str]  # of our base URL and a token

    async def store_open(self, client: Client, struct: Struct) -> Struct:
        """Say where to PUT the audio of a clip."""
        upload = await self.clips.start_upload(
            await self._caller(client, struct),
            # Old command lines leave out what was not given (protocol, 12, item 5).
            Gunid.parse(text(struct, "gunid")) if optional_text(struct, "gunid") else None,
            metadata(optional_text(struct, "metadata")),
            file_name(optional_text(struct, "fname")),
            optional_text(struct, "chsum"),
        )
        return {
            "url": self.upload_url(client.base_url, upload.token),
            "token": upload.token,
            "fname": upload.file_name or NAMELESS,
        }

    async def store_close(self, client: Client, struct: Struct) -> Struct:
        """Make a clip of what was PUT."""
        caller = await self._caller(client, struct)
        return {"gunid": str(await self.clips.finish_upload(caller, text(struct, "token")))}

    async def exists(self, client: Client, struct: Struct) -> Struct:
        """Tell whether there is such a clip."""
        return {
            "exists": await self.clips.exists(await self._caller(client, struct), gunid(struct))
        }

    async def document(self, client: Client, struct: Struct) -> Struct:
        """Give a clip's metadata document."""
        return {
            "metadata": await self.clips.document(await self._caller(client, struct), gunid(struct))
        }

    async def describe(self, client: Client, struct: Struct) -> Struct:
        """Give a clip another metadata document."""
        caller = await self._caller(client, struct)
        await self.clips.describe(caller, gunid(struct), metadata(text(struct, "metadata")))
        return {"status": True}

    async def delete(self, client: Client, struct: Struct) -> Struct:
        """Delete a clip. Unforced it answers success too, since it does what was asked."""
        caller = await self._caller(client, struct)
        await self.clips.delete(caller, gunid(struct), forced=boolean(struct, "forced"))
        return {"status": True}

    async def _caller(self, client: Client, struct: Struct) -> Caller:
        return await caller_of(self.sessions, client, struct)


def gunid(struct: Struct) -> Gunid:
    """Read the id of a clip. Raises BadRequest."""
    return Gunid.parse(text(struct, "gunid"))


def metadata(document: str) -> str:
    """Check that it is one. The original took all other text as the path of one on its disk."""
    if document and not document.lstrip("\ufeff \t\r\n").startswith("<"):
        raise BadDocument("metadata: an XML document expected")
    return document


GUNID = Member("gunid", Kind.STRING, "the clip's id: 16 hex digits or a UUID")
_STATUS = Member("status", Kind.BOOLEAN, "true")
METADATA = Member("metadata", Kind.STRING, "the metadata document, XML")

METHODS = (
    Method(
        "locstor.storeAudioClipOpen",
        "Begins to store a clip, or to replace the audio of one. Send the bytes to the URL with "
        "PUT, then call `storeAudioClipClose`; until then nothing changes.",
        takes=(
            SESSION,
            Member("gunid", Kind.STRING, "the clip's id; empty for a new one", optional=True),
            Member("metadata", Kind.STRING, "the metadata document, XML, or empty", optional=True),
            Member(
                "fname",
                Kind.STRING,
                "the file's name, of a path or URI the last part; empty to keep that of a clip",
                optional=True,
            ),
            Member(
                "chsum", Kind.STRING, "the MD5 of the bytes, 32 hex digits, or empty", optional=True
            ),
        ),
        gives=(
            Member("url", Kind.STRING, "where to PUT the bytes"),
            Member("token", Kind.STRING, "for `storeAudioClipClose`"),
            Member("fname", Kind.STRING, "the file's name as understood; `newFile` without one"),
        ),
        call=ClipMethods.store_open,
        raises=(
            BadRequest,
            BadDocument,
            NoSession,
            Forbidden,
            Conflict,
            Duplicate,
            QuotaExceeded,
            TooManyUploads,
        ),
        since="2005-01",
    ),
    Method(
        "locstor.storeAudioClipClose",
        "Verifies the bytes that were sent and makes the clip of them, all or nothing.",
        takes=(SESSION, Member("token", Kind.STRING, "what `storeAudioClipOpen` gave")),
        gives=(GUNID,),
        call=ClipMethods.store_close,
        raises=(
            BadRequest,
            NoSession,
            Forbidden,
            UnknownToken,
            WrongToken,
            UploadBusy,
            RefusedAudio,
            QuotaExceeded,
            Unavailable,
        ),
        since="2005-01",
    ),
    Method(
        "locstor.existsAudioClip",
        "Tells whether there is a clip or webstream with this id.",
        takes=(SESSION, GUNID),
        gives=(Member("exists", Kind.BOOLEAN, "whether it exists"),),
        call=ClipMethods.exists,
        raises=(BadRequest, NoSession, Forbidden),
        since="2005-01",
    ),
    Method(
        "locstor.getAudioClip",
        "Gives a clip's metadata document, or a playlist.",
        takes=(SESSION, GUNID),
        gives=(METADATA,),
        call=ClipMethods.document,
        raises=(BadRequest, NoSession, Forbidden, NotFound),
        since="2005-01",
    ),
    Method(
        "locstor.updateAudioClipMetadata",
        "Gives a clip another metadata document, or a playlist, while nobody changes it.",
        takes=(SESSION, GUNID, METADATA),
        gives=(_STATUS,),
        call=ClipMethods.describe,
        raises=(BadRequest, BadDocument, NoSession, Forbidden, NotFound, Conflict),
        since="2005-01",
    ),
    Method(
        "locstor.deleteAudioClip",
        "Moves a clip to the trash, or, forced, removes it for good. Open downloads go on.",
        takes=(
            SESSION,
            GUNID,
            Member("forced", Kind.BOOLEAN, "whether to remove it for good", optional=True),
        ),
        gives=(_STATUS,),
        call=ClipMethods.delete,
        raises=(BadRequest, NoSession, Forbidden, NotFound, Conflict),
        since="2005-01",
    ),
)
