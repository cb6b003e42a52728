"""Taking back what was packed: it is sent, verified, and left to a job, which unpacks it."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, BinaryIO

from archive_server.blocking import Database, InThread
from archive_server.database import uploads
from archive_server.errors import Forbidden, RefusedArchive, UnknownToken
from archive_server.model.jobs import Job, JobState, Report
from archive_server.model.rights import Action
from archive_server.model.uploads import Purpose, Upload, checked_token, difference
from archive_server.model.users import Caller
from archive_server.services.jobs import JobService, add
from archive_server.services.publishing import Publisher
from archive_server.services.quotas import Quota
from archive_server.services.rights import require_on_home
from archive_server.services.storing import store_errors
from archive_server.services.unpacking_items import Restored, RestoreLimits, Restoring
from archive_server.services.uploads import UploadService
from audio_store import AudioStore, NothingStaged

KIND = "restore"  # of job
_KINDS = (KIND,)
_FILE_NAME = "backup.tar"


@dataclass(frozen=True)
class RestoreService:
    """Taking backups back."""

    database: Database
    store: AudioStore
    uploads: UploadService
    publisher: Publisher
    jobs: JobService
    in_thread: InThread  # for minutes of work
    now: Callable[[], datetime]
    limits: RestoreLimits

    async def open(self, caller: Caller, md5: str) -> Upload:
        """Give out the right to send a backup. `md5` (hex) may be empty.

        Raises BadRequest; Forbidden for who may not store: it spares them the upload.
        """
        await self.database.run(require_on_home, caller, Action.WRITE)
        return await self.uploads.start(caller, Purpose.RESTORE, _FILE_NAME, md5)

    async def finish_upload(self, caller: Caller, token: str) -> str:
        """Verify what was sent, and ask for it to be restored; return the token to ask with.

        What is refused stays as it was, and can be sent again. Raises Forbidden, UnknownToken,
        WrongToken, UploadBusy, RefusedArchive, TooManyJobs, Unavailable.
        """
        await self.database.run(require_on_home, caller, Action.WRITE)
        upload = await self.uploads.find_for(checked_token(token), Purpose.RESTORE)
        if upload.user_id != caller.user_id:
            raise Forbidden(f"user {caller.login} may not finish what another user began")
        try:
            with store_errors():
                staged = await self.in_thread(self.store.stage, upload.token, create=False)
        except NothingStaged as error:
            raise RefusedArchive("no bytes were sent", "empty") from error
        try:
            # Once more, now that nobody else can write: its digests are believed.
            upload = await self.database.run(uploads.get, upload.token)
            content = await self.publisher.content_of(staged, upload)
            if wrong := difference(upload, content):
                raise RefusedArchive(*wrong)
            # Nobody writes to it now, and from now on nobody can.
            return await self.database.run(
                _hand_over, self.jobs.quota, caller, upload.token, self.now()
            )
        finally:
            await self.in_thread(staged.close)

    async def state(self, token: str) -> JobState:
        """How it stands. Raises UnknownToken, WrongToken."""
        return await self.jobs.state(token, _KINDS)

    async def close(self, token: str) -> None:
        """Forget it, or stop it: what is restored already stays. Raises UnknownToken, WrongToken.

        The janitor removes the bytes that were sent.
        """
        await self.jobs.close(token, _KINDS)

    async def work(self, job: Job, report: Report) -> Mapping[str, Any]:
        """Restore what a job was asked to. Raises RefusedArchive if anything could not be."""
        with store_errors():
            file = await self.in_thread(_open_staged, self.store, job.parameters["upload"])
        try:
            restored = await self.restore(job.caller, file, report)
        finally:
            await self.in_thread(file.close)
        if restored.failures:
            raise RefusedArchive(restored.fault(), "items-refused")
        return {"restored": restored.restored, "unchanged": restored.unchanged}

    async def restore(self, caller: Caller, file: BinaryIO, report: Report) -> Restored:
        """Restore all that can be of a backup; what is new becomes the caller's.

        Raises RefusedArchive for what is no backup, and Unavailable: neither is about an item.
        """
        restoring = Restoring(
            self.database,
            self.publisher,
            self.in_thread,
            self.now,
            self.limits,
            caller,
            file,
            report,
        )
        return await restoring.run()


def _hand_over(cursor: Any, quota: Quota, caller: Caller, upload: str, at: datetime) -> str:
    """Leave an upload to a job; return the job's token. Raises TooManyJobs."""
    uploads.hand_over(cursor, upload)
    return add(cursor, quota, KIND, {"upload": upload}, user_id=caller.user_id, at=at)


def _open_staged(store: AudioStore, token: str) -> BinaryIO:
    """Open what was received, which nobody can write to any more. Raises UnknownToken."""
    try:
        with store.stage(token, create=False) as staged:
            return staged.path.open("rb")
    except NothingStaged as error:
        raise UnknownToken("the backup that was sent is gone") from error
