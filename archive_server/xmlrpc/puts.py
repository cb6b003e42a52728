"""`locstor.openPut` and `closePut`, with which a client tries out whether its uploads arrive."""

from collections.abc import Callable
from dataclasses import dataclass

from archive_server.errors import (
    BadRequest,
    Forbidden,
    NoSession,
    RefusedAudio,
    UnknownToken,
    UploadBusy,
    WrongToken,
)
from archive_server.services.puts import PutService
from archive_server.services.sessions import SessionService
from archive_server.xmlrpc.method import Client, Kind, Member, Method
from archive_server.xmlrpc.parameters import optional_text, text
from archive_server.xmlrpc.sessions import SESSION, caller_of
from archive_server.xmlrpc.values import Struct


@dataclass(frozen=True)
class PutMethods:
    """The calls that try out uploads."""

    sessions: SessionService
    puts: PutService
    upload_url: Callable[[str, str], str]  # of our base URL and a token

    async def open(self, client: Client, struct: Struct) -> Struct:
        """Say where to PUT. (The original asked nobody who they were, and filled its disk.)"""
        upload = await self.puts.open(await caller_of(self.sessions, client, struct))
        return {
            "url": self.upload_url(client.base_url, upload.token),
            "fname": upload.file_name,
            "token": upload.token,
        }

    async def close(self, client: Client, struct: Struct) -> Struct:
        """Tell whether all has arrived; the token is the right to ask."""
        upload = await self.puts.close(text(struct, "token"), optional_text(struct, "chsum"))
        return {"fname": upload.file_name, "owner": upload.user_id}


_FILE_NAME = Member("fname", Kind.STRING, "a file name; the original told a path on its disk")

METHODS = (
    Method(
        "locstor.openPut",
        "Begins to try out an upload. Send the bytes to the URL with PUT, then call `closePut`.",
        takes=(SESSION,),
        gives=(
            Member("url", Kind.STRING, "where to PUT the bytes"),
            _FILE_NAME,
            Member("token", Kind.STRING, "for `closePut`"),
        ),
        call=PutMethods.open,
        raises=(BadRequest, NoSession, Forbidden),
        since="2005-01; a session is needed since archive-server 0.1",
    ),
    Method(
        "locstor.closePut",
        "Verifies the bytes that were sent, and throws them away.",
        takes=(
            Member("token", Kind.STRING, "what `openPut` gave"),
            Member("chsum", Kind.STRING, "the MD5 of the bytes, 32 hex digits, or empty", True),
        ),
        gives=(_FILE_NAME, Member("owner", Kind.INT, "the number of the user who began it")),
        call=PutMethods.close,
        raises=(BadRequest, UnknownToken, WrongToken, UploadBusy, RefusedAudio),
        since="2005-01",
    ),
)
