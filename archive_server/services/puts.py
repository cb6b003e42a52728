"""Bytes that are sent only to see whether they arrive, as `openPut` and `closePut` offer.

Nothing is kept of them. (The original left them as files on its disk, and told their paths to
anybody, without a session.)
"""

import hashlib
from dataclasses import dataclass

from archive_server.blocking import Database, InThread
from archive_server.database import uploads
from archive_server.errors import RefusedAudio, UploadBusy
from archive_server.model.rights import Action
from archive_server.model.uploads import Purpose, Upload, announced_md5
from archive_server.model.users import Caller
from archive_server.services import rights
from archive_server.services.storing import store_errors
from archive_server.services.uploads import UploadService
from audio_store import AudioStore, NothingStaged

_FILE_NAME = "newFile"


@dataclass(frozen=True)
class PutService:
    """Trying out uploads."""

    database: Database
    uploads: UploadService
    store: AudioStore
    in_thread: InThread  # for digests, which take long

    async def open(self, caller: Caller) -> Upload:
        """Give out the right to send bytes. Raises Forbidden for who may not store either."""
        await self.database.run(rights.require_on_home, caller, Action.WRITE)
        return await self.uploads.start(caller, Purpose.PUT, _FILE_NAME, "")

    async def close(self, token: str, md5: str) -> Upload:
        """Compare what has arrived with `md5` (hex; empty: nothing to compare), and throw it away.

        What differs stays, and can be sent again. Raises BadRequest, UnknownToken, WrongToken,
        UploadBusy, RefusedAudio, Unavailable.
        """
        announced = announced_md5(md5)
        upload = await self.uploads.find_for(token, Purpose.PUT)
        received = await self._md5(upload)
        if announced not in (None, received):
            raise RefusedAudio(
                f"the MD5 of the bytes received is {received.hex()}, not the announced {md5}",
                "md5-mismatch",
            )
        await self.database.run(uploads.remove, upload.token)
        try:
            with store_errors():
                await self.in_thread(self.store.discard, upload.token)
        except UploadBusy:
            pass  # somebody sends to the very end; the janitor throws it away
        return upload

    async def _md5(self, upload: Upload) -> bytes:
        with store_errors():
            try:
                staged = await self.in_thread(self.store.stage, upload.token, create=False)
            except NothingStaged:
                return hashlib.md5(usedforsecurity=False).digest()
            try:
                return (await self.in_thread(staged.digests)).md5
            finally:
                await self.in_thread(staged.close)
