"""Making backups, and restoring them, as `locstor.*` calls (LiveSupport storage protocol, 9)."""

from collections.abc import Callable
from dataclasses import dataclass

from archive_server.errors import (
    BadCriteria,
    BadRequest,
    Forbidden,
    NoSession,
    RefusedArchive,
    TooManyJobs,
    Unavailable,
    UnknownToken,
    UploadBusy,
    WrongToken,
)
from archive_server.services.packing import BackupService
from archive_server.services.sessions import SessionService
from archive_server.services.unpacking import RestoreService
from archive_server.xmlrpc.method import Client, Kind, Member, Method
from archive_server.xmlrpc.parameters import members, optional_text, text
from archive_server.xmlrpc.search import CRITERIA, criteria
from archive_server.xmlrpc.sessions import SESSION, caller_of
from archive_server.xmlrpc.values import Struct


@dataclass(frozen=True)
class BackupMethods:
    """The calls that make backups and restore them."""

    sessions: SessionService
    backups: BackupService
    restores: RestoreService
    access_url: Callable[[str, str, str], str]  # of our base URL, a token and an extension
    upload_url: Callable[[str, str], str]  # of our base URL and a token

    async def open(self, client: Client, struct: Struct) -> Struct:
        """Ask for a backup."""
        caller = await caller_of(self.sessions, client, struct)
        wanted = criteria(members(struct, "criteria"))
        return {"token": await self.backups.start(caller, wanted)}

    async def check(self, client: Client, struct: Struct) -> Struct:
        """Tell how it stands with a backup, and where it is."""
        token = text(struct, "token")
        state = await self.backups.state(token)
        answer = {"status": state.status.value, "token": token, "faultString": state.fault}
        if state.path is None:
            return answer
        url = self.access_url(client.base_url, token, "tar")
        return {**answer, "url": url, "tmpfile": str(state.path)}

    async def close(self, client: Client, struct: Struct) -> Struct:
        """Forget a backup; whatever the token is of, that is no error."""
        await self.backups.close(text(struct, "token"))
        return {"status": True}

    async def restore_open(self, client: Client, struct: Struct) -> Struct:
        """Say where to PUT a backup."""
        caller = await caller_of(self.sessions, client, struct)
        upload = await self.restores.open(caller, optional_text(struct, "chsum"))
        return {"url": self.upload_url(client.base_url, upload.token), "token": upload.token}

    async def restore_close_put(self, client: Client, struct: Struct) -> Struct:
        """Begin to restore what was PUT."""
        caller = await caller_of(self.sessions, client, struct)
        return {"token": await self.restores.finish_upload(caller, text(struct, "token"))}

    async def restore_check(self, client: Client, struct: Struct) -> Struct:
        """Tell how it stands with a restore."""
        state = await self.restores.state(text(struct, "token"))
        return {"status": state.status.value, "faultString": state.fault}

    async def restore_close(self, client: Client, struct: Struct) -> Struct:
        """Forget a restore, or stop it."""
        await self.restores.close(text(struct, "token"))
        return {"status": True}


_TOKEN = Member("token", Kind.STRING, "what `createBackupOpen` gave")
_RESTORE = Member("token", Kind.STRING, "what `restoreBackupClosePut` gave")
_STATUS = Member("status", Kind.BOOLEAN, "true")
_PROGRESS = Member("status", Kind.STRING, "working, success or fault")
_FAULT = Member("faultString", Kind.STRING, "what went wrong, a sentence; empty if nothing did")

METHODS = (
    Method(
        "locstor.createBackupOpen",
        "Begins to make a backup of all that meets some criteria, as a tar archive.",
        takes=(SESSION, Member("criteria", Kind.STRUCT, CRITERIA)),
        gives=(Member("token", Kind.STRING, "for `createBackupCheck` and `createBackupClose`"),),
        call=BackupMethods.open,
        raises=(BadRequest, BadCriteria, NoSession, Forbidden, TooManyJobs),
        since="2006-03",
    ),
    Method(
        "locstor.createBackupCheck",
        "Tells how it stands with a backup.",
        takes=(_TOKEN,),
        gives=(
            _PROGRESS,
            Member("token", Kind.STRING, "the same"),
            _FAULT,
            Member("url", Kind.STRING, "where the archive can be read; on success", True),
            Member(
                "tmpfile",
                Kind.STRING,
                "the archive on the server's disk, which may be appended to; on success",
                True,
            ),
        ),
        call=BackupMethods.check,
        raises=(BadRequest, UnknownToken, WrongToken),
        since="2006-03",
    ),
    Method(
        "locstor.createBackupClose",
        "Forgets a backup and its file, or stops making it. It answers success for any token.",
        takes=(_TOKEN,),
        gives=(_STATUS,),
        call=BackupMethods.close,
        raises=(BadRequest,),
        since="2006-03",
    ),
    Method(
        "locstor.restoreBackupOpen",
        "Begins to restore a backup. Send the tar archive to the URL with PUT, then call "
        "`restoreBackupClosePut`.",
        takes=(
            SESSION,
            Member("chsum", Kind.STRING, "the MD5 of the archive, 32 hex digits, or empty", True),
        ),
        gives=(
            Member("url", Kind.STRING, "where to PUT the archive"),
            Member("token", Kind.STRING, "for `restoreBackupClosePut`"),
        ),
        call=BackupMethods.restore_open,
        raises=(BadRequest, NoSession, Forbidden),
        since="2006-11; until then it took the name of a file on the server",
    ),
    Method(
        "locstor.restoreBackupClosePut",
        "Verifies the bytes that were sent, and begins to restore each item of them: what there "
        "is under its id is replaced, what is new becomes the caller's.",
        takes=(SESSION, Member("token", Kind.STRING, "what `restoreBackupOpen` gave")),
        gives=(Member("token", Kind.STRING, "for `restoreBackupCheck` and `restoreBackupClose`"),),
        call=BackupMethods.restore_close_put,
        raises=(
            BadRequest,
            NoSession,
            Forbidden,
            UnknownToken,
            WrongToken,
            UploadBusy,
            RefusedArchive,
            TooManyJobs,
            Unavailable,
        ),
        since="2006-11",
    ),
    Method(
        "locstor.restoreBackupCheck",
        "Tells how it stands with a restore. It ends with a fault if some items could not be "
        "restored, which it names; the others were.",
        takes=(_RESTORE,),
        gives=(_PROGRESS, _FAULT),
        call=BackupMethods.restore_check,
        raises=(BadRequest, UnknownToken, WrongToken),
        since="2006-05",
    ),
    Method(
        "locstor.restoreBackupClose",
        "Forgets a restore, or stops it; what is restored already stays.",
        takes=(_RESTORE,),
        gives=(_STATUS,),
        call=BackupMethods.restore_close,
        raises=(BadRequest, UnknownToken, WrongToken),
        since="2006-05",
    ),
)
