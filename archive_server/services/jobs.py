"""Jobs: asking for work that takes longer than a call, and what those need who do it.

A job is a row, so it outlives the process that does it: who is silent for a while has died, and
the next one to come by begins anew. Its files lie in `DIR/work/<token>/`.
"""

import errno
import shutil
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from archive_server.blocking import Database, InThread
from archive_server.database import jobs
from archive_server.errors import ArchiveError, UnknownToken
from archive_server.model.jobs import Job, JobState
from archive_server.model.uploads import checked_token, new_token
from archive_server.model.users import Caller
from archive_server.services.quotas import UNBOUNDED, Quota, require_few_jobs

# Who does a job says so every BEAT; after SILENCE they are taken for dead.
BEAT = timedelta(seconds=2)
SILENCE = timedelta(seconds=20)
_ATTEMPTS = 3
_KEPT = timedelta(days=7)  # ended jobs, for those who have not asked yet
# As the store's: others reach a file in it if they know its name, and cannot look around.
_TRAVERSABLE = 0o711
_NO_ROOM = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})


@dataclass(frozen=True)
class JobService:
    """Asking for jobs, and doing them."""

    database: Database
    directory: Path  # DIR/work; made when it is needed
    in_thread: InThread
    now: Callable[[], datetime]
    quota: Quota = UNBOUNDED

    async def start(self, caller: Caller, kind: str, parameters: Mapping[str, Any]) -> str:
        """Ask for something to be done; return the job's token. Raises TooManyJobs.

        Whether the caller may ask for it is up to who calls this.
        """
        return await self.database.run(
            add, self.quota, kind, parameters, user_id=caller.user_id, at=self.now()
        )

    async def state(self, token: str, kinds: Collection[str]) -> JobState:
        """How it stands with a job of one of these kinds. Raises UnknownToken, WrongToken."""
        return await self.database.run(jobs.get, checked_token(token), kinds)

    async def close(self, token: str, kinds: Collection[str]) -> JobState:
        """Forget a job and its files; one that is being done is cancelled. Returns its last state.

        Raises UnknownToken, WrongToken.
        """
        token = checked_token(token)
        state = await self.database.run(_close, token, kinds)
        await self._remove_files(token)
        return state

    def files(self, token: str) -> Path:
        """The directory of a job's files, there or not."""
        return self.directory / token

    # -- for who does the jobs --------------------------------------------------------------

    async def claim(self, kinds: Collection[str]) -> Job | None:
        """Take a job of these kinds to do it; None: there is none. Its directory is empty."""
        holder, now = new_token(), self.now()
        while (claimed := await self.database.run(_claim, kinds, holder, now)) is not None:
            if claimed.caller is not None:
                return Job(
                    claimed.token,
                    claimed.kind,
                    claimed.parameters,
                    claimed.caller,
                    self.files(claimed.token),
                    holder,
                )
            fault = "the user who asked for this is gone"
            await self.database.run(jobs.fail, claimed.token, holder, fault, now)
        return None

    async def make_directory(self, job: Job) -> None:
        """Give a job an empty directory. Raises OSError."""
        await self.in_thread(_make_afresh, self.directory, job.directory)

    async def beat(self, job: Job, progress: float) -> bool:
        """Say that a job is being done; False: it was closed, or taken over by somebody else."""
        return await self.database.run(
            jobs.beat, job.token, job.holder, progress=progress, at=self.now()
        )

    async def succeed(self, job: Job, result: Mapping[str, Any]) -> None:
        """End a job well. What was closed meanwhile is cleared away."""
        if not await self.database.run(jobs.succeed, job.token, job.holder, result, self.now()):
            await self.abandon(job)

    async def fail(self, job: Job, fault: str) -> None:
        """End a job with a sentence for the caller; its files go at once."""
        if await self.database.run(jobs.fail, job.token, job.holder, fault, self.now()):
            await self._remove_files(job.token)
        else:
            await self.abandon(job)

    async def give_back(self, job: Job) -> None:
        """Leave a job to whoever comes by next."""
        await self.database.run(jobs.give_back, job.token, job.holder)

    async def abandon(self, job: Job) -> None:
        """Clear away what a closed job has left; files that are somebody else's now stay."""
        if job.token not in await self.database.run(jobs.tokens):
            await self._remove_files(job.token)

    async def tidy(self) -> None:
        """Forget jobs that ended long ago, and remove files that belong to no job."""
        await self.database.run(jobs.remove_ended, self.now() - _KEPT)
        there = await self.in_thread(_tokens, self.directory)
        known = await self.database.run(jobs.tokens)  # after the listing: a new one is known
        for token in there - known:
            await self._remove_files(token)

    async def _remove_files(self, token: str) -> None:
        # What cannot be removed now is found by `tidy`.
        await self.in_thread(shutil.rmtree, self.files(token), ignore_errors=True)


def add(
    cursor: Any,
    quota: Quota,
    kind: str,
    parameters: Mapping[str, Any],
    *,
    user_id: int,
    at: datetime,
) -> str:
    """Ask for a job, in a transaction; return its token. Raises TooManyJobs."""
    require_few_jobs(cursor, quota, user_id)
    token = new_token()
    jobs.add(cursor, token, kind, parameters, user_id=user_id, at=at)
    return token


def fault_of(error: Exception) -> str | None:
    """The sentence for the caller about what ended a job; None: it is our own mistake."""
    if isinstance(error, ArchiveError):
        return str(error)
    if isinstance(error, OSError) and error.errno in _NO_ROOM:
        return "there is no room on the archive's disk"
    return None


def _close(cursor: Any, token: str, kinds: Collection[str]) -> JobState:
    state = jobs.get(cursor, token, kinds)
    jobs.remove(cursor, token)
    return state


def _claim(cursor: Any, kinds: Collection[str], holder: str, at: datetime) -> jobs.Claimed | None:
    silent_since = at - SILENCE
    jobs.give_up(cursor, kinds, _ATTEMPTS, at=at, silent_since=silent_since)
    return jobs.claim(cursor, kinds, holder, at=at, silent_since=silent_since)


def _make_afresh(above: Path, directory: Path) -> None:
    _make(above, exist_ok=True)
    if directory.exists():
        shutil.rmtree(directory)
    _make(directory)


def _make(directory: Path, *, exist_ok: bool = False) -> None:
    try:
        directory.mkdir(_TRAVERSABLE)
    except FileExistsError:
        if not exist_ok:  # what somebody else has put there is not ours to write into
            raise
    else:
        directory.chmod(_TRAVERSABLE)  # whatever the umask


def _tokens(directory: Path) -> set[str]:
    """The names in a directory that can be those of jobs."""
    try:
        return {path.name for path in directory.iterdir() if _is_token(path.name)}
    except FileNotFoundError:
        return set()


def _is_token(name: str) -> bool:
    try:
        return checked_token(name) == name
    except UnknownToken:
        return False
