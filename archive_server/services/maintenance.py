"""What the janitor does: end what has expired, and remove what nothing refers to.

Rows go before bytes. Bytes nobody knows are what a crash left behind; they get a grace time,
because an upload or a transaction may just be about to claim them.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from archive_server.blocking import Database, InThread
from archive_server.database import (
    chores,
    clips,
    contents,
    documents,
    guessing,
    holding,
    journal,
    leases,
    playlists,
    search,
    sessions,
    uploads,
)
from archive_server.model.integrity import BrakeJob
from archive_server.model.leases import Lease, LeaseKind
from archive_server.services.brake import Brake
from archive_server.services.removing import remove
from archive_server.services.sessions import SessionPolicy
from archive_server.services.storing import store_errors
from archive_server.services.sweeping import Sweep, discard, remove_unless_used
from audio_store import AudioStore

_BATCH = 500
_EVENTS = 10_000  # looked at in one transaction

TIDYING = "tidying"  # the name of the chore


@dataclass(frozen=True, slots=True)
class Retention:
    """How long things are kept after their last use, or after they were put away."""

    sessions: SessionPolicy
    uploads: timedelta
    leases: timedelta
    file_leases: timedelta | None  # None: until they are closed
    trash: timedelta
    revisions: timedelta
    orphans: timedelta  # bytes that no row knows
    journal: timedelta | None = None  # None: for ever


@dataclass(frozen=True)
class MaintenanceService:
    """Keeping the archive tidy."""

    database: Database
    store: AudioStore
    in_thread: InThread
    now: Callable[[], datetime]
    retention: Retention
    brake: Brake

    async def tidy(self) -> None:
        """End what has expired and remove what nothing refers to any more. Raises Unavailable."""
        with store_errors():
            # Nothing is concluded from what cannot be seen (promise 5).
            await self.in_thread(self.store.require_present)
        await self._end_sessions()
        await self._end_uploads()
        await self._end_leases()
        await self._tidy_trash(self.now() - self.retention.trash)
        superseded_before = self.now() - self.retention.revisions
        async with self.brake.on(BrakeJob.REVISIONS, superseded_before) as may:
            if may:
                await self.database.run(clips.remove_superseded, superseded_before)
        await self.database.run(playlists.remove_superseded, superseded_before)
        # While a backup holds them nothing goes; nor does a permission, which is for one run.
        if await self.database.run(holding.may_go):
            async with self.brake.on(BrakeJob.CONTENTS) as may:
                if may:
                    await self._remove_released()
        await self._prune_journal()
        await self.database.run(chores.note, TIDYING, self.now())

    async def sweep(self) -> None:
        """Look through everything for what crashes have left behind. Raises Unavailable."""
        with store_errors():
            await self.in_thread(self.store.require_present)
            await self.database.run(documents.remove_unused)
            await self.database.run(contents.note_unused)  # the next tidying removes them
            await self.database.run(search.prune)
            await Sweep(
                self.database,
                self.store,
                self.in_thread,
                self.brake,
                self.now() - self.retention.orphans,
            ).everything()

    async def purge_trash(self, trashed_before: datetime) -> int:
        """Remove for good what has been in the trash since before, as somebody has told us to.

        Return how many clips. What they leave behind may go, too.
        """
        purged = await self._purge(trashed_before)
        await self.brake.allow_contents(purged)
        return purged

    async def _tidy_trash(self, trashed_before: datetime) -> None:
        async with self.brake.on(BrakeJob.TRASH, trashed_before) as may:
            if may:
                await self._purge(trashed_before)

    async def _purge(self, trashed_before: datetime) -> int:
        total = 0
        while purged := await self.database.run(_purge_some, trashed_before, self.now()):
            total += purged
        return total

    async def _prune_journal(self) -> None:
        if self.retention.journal is not None:
            before = self.now() - self.retention.journal
            while await self.database.run(journal.prune, before, _EVENTS) == _EVENTS:
                pass

    async def _end_sessions(self) -> None:
        now, policy = self.now(), self.retention.sessions
        await self.database.run(
            sessions.remove_expired,
            created_before=now - policy.absolute,
            used_before=now - policy.idle,
        )
        await self.database.run(guessing.remove_old, now)

    async def _end_uploads(self) -> None:
        expired = await self.database.run(
            uploads.remove_expired, self.now() - self.retention.uploads
        )
        with store_errors():
            for token in expired:
                await discard(self.store, self.in_thread, token)

    async def _end_leases(self) -> None:
        now, unseen = self.now(), self.retention.file_leases
        unseen_used_before = None if unseen is None else now - unseen
        ended = await self.database.run(
            _end_expired_leases, now - self.retention.leases, unseen_used_before
        )
        with store_errors():
            for lease in ended:
                if lease.kind is LeaseKind.FILE:
                    await self.in_thread(self.store.unlink, lease.token, lease.extension)

    async def _remove_released(self) -> None:
        while released := await self.database.run(contents.list_released, _BATCH):
            for sha256 in released:
                with store_errors():
                    await remove_unless_used(self.database, self.store, sha256)


def _purge_some(cursor: Any, trashed_before: datetime, at: datetime) -> int:
    purged = 0
    for expired in clips.list_trashed(cursor, trashed_before)[:_BATCH]:
        clips.lock_gunid(cursor, expired.gunid)
        clip = clips.find(cursor, expired.gunid)
        if clip is not None and clip.trashed_at == expired.trashed_at:  # not restored meanwhile
            remove(cursor, clip, None, at)
            purged += 1
    return purged


def _end_expired_leases(
    cursor: Any, used_before: datetime, unseen_used_before: datetime | None
) -> list[Lease]:
    expired = leases.list_expired(
        cursor, used_before=used_before, unseen_used_before=unseen_used_before
    )
    return [lease for token in expired for lease in leases.end(cursor, token)]
