"""Reading contents again, and what follows from it: damage is put into quarantine, and mended.

What is found damaged is taken out of the way first, and then marked: a crash between the two leaves
a file that is missing, which is found and marked the next time, and never one that is served though
it is known to be bad. Under the lock of a content nobody publishes, removes or judges it, and what
lies there is judged only if it still is what was read.
"""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from archive_server.blocking import Database, InThread
from archive_server.database import brakes, leases, verification
from archive_server.model.clips import Content
from archive_server.model.integrity import (
    BrakeJob,
    BrakePolicy,
    DamagedContent,
    Looked,
    Outcome,
)
from archive_server.services.pacing import Pace
from archive_server.services.storing import store_errors
from audio_store import (
    AudioStore,
    ContentId,
    Quarantine,
    StoreAway,
    StoreFull,
    Verdict,
    look_at,
    verify,
)

_AT_ONCE = 100  # contents that are asked for in one go
_DAMAGED_AGAIN = timedelta(days=1)
_HELD_AGAIN = timedelta(minutes=10)  # when the brake holds: the disk may have come back
_LONG_AGO = datetime.min.replace(tzinfo=UTC)
# However small the archive: a file that is read for weeks is not read through between two restarts.
_LEAST_RATE = 4 << 20  # bytes a second


@dataclass(frozen=True)
class VerificationService:
    """Verifying, condemning and mending."""

    database: Database
    store: AudioStore
    in_thread: InThread
    now: Callable[[], datetime]
    brake: BrakePolicy
    every: timedelta | None = None  # each content is read again within this time; None: never

    async def go_on(self, pace: Pace, report: Callable[[Looked], None]) -> None:
        """Read what is due, and report each. Raises Unavailable, ReadingStopped.

        For half of the time a content rests; in the other half all can be read.
        """
        await self._mend_links()
        if self.every is None:
            return
        while due := await self.database.run(self._due, self.every / 2):
            _, size = await self.database.run(verification.extent, None)
            pace.rate = max(2 * size / self.every.total_seconds(), _LEAST_RATE)
            for content in due:
                looked = await self.look_at(content, pace)
                report(looked)
                if looked.outcome is Outcome.HELD:
                    return

    async def look_at(self, content: Content, pace: Pace, *, every_byte: bool = True) -> Looked:
        """Verify a content, and do what follows. Raises Unavailable, ReadingStopped.

        By its size alone, damage is found, but nothing is said to be whole.
        """
        with store_errors():
            try:
                return await self._verify(content, pace, every_byte)
            except StoreAway as error:
                # Is it only this one, of which nothing can be said? Then the others get their turn.
                await self.in_thread(self.store.require_present)
                if not isinstance(error.__cause__, OSError):
                    raise  # a whole directory is away
                await self.database.run(verification.note_looked, content.sha256, self.now())
                flaw = f"the file cannot be read: {error.__cause__.strerror}"
                return Looked(content, Outcome.UNKNOWN, flaw)

    async def _verify(self, content: Content, pace: Pace, every_byte: bool) -> Looked:
        content_id = ContentId(content.sha256)
        verdict = await self.in_thread(
            verify,
            self.store,
            content_id,
            content.size,
            every_byte=every_byte,
            on_block=pace.spend,
        )
        if verdict.flaw is None and not every_byte:
            return Looked(content, Outcome.WHOLE, None)
        good = None
        if verdict.flaw is not None:
            links = await self.database.run(leases.files_of, content.sha256)
            good = await self.in_thread(self._good_copy, content, verdict, links, pace)
        return await self.database.run(self._judge, content, verdict, good)

    async def damaged(self) -> list[DamagedContent]:
        """What is known to be damaged."""
        return await self.database.run(verification.list_damaged)

    def _due(self, cursor: Any, rest: timedelta) -> list[Content]:
        now = self.now()
        if any(held.job is BrakeJob.DAMAGE for held in brakes.list_held(cursor)):
            wanted = brakes.due(cursor, BrakeJob.DAMAGE) + 1
            if not brakes.admits(cursor, BrakeJob.DAMAGE, wanted, self.brake, now):
                return verification.list_due(cursor, _LONG_AGO, now - _HELD_AGAIN, _AT_ONCE)
        return verification.list_due(cursor, now - rest, now - _DAMAGED_AGAIN, _AT_ONCE)

    # -- judging ------------------------------------------------------------------------------

    def _good_copy(
        self, content: Content, verdict: Verdict, links: list[tuple[str, str]], pace: Pace
    ) -> Path | None:
        """What else has the bytes: what was set aside once, or the file of a lease."""
        content_id = ContentId(content.sha256)
        paths = [self.store.layout.link(token, extension) for token, extension in links]
        with suppress(StoreAway):  # what cannot be read is no help
            paths += Quarantine(self.store).held(content_id)
        for path in paths:
            with suppress(StoreAway):
                found = look_at(path, content_id, content.size, on_block=pace.spend)
                if found.flaw is None and found.seen != verdict.seen:
                    return path
        return None

    def _judge(self, cursor: Any, content: Content, verdict: Verdict, good: Path | None) -> Looked:
        """One transaction: what was read is the truth, if it still lies there."""
        now, sha256 = self.now(), content.sha256
        was_damaged = verification.lock(cursor, sha256)
        if was_damaged is None:
            return Looked(content, Outcome.CHANGED, None)  # nobody misses it any more
        if verdict.flaw is None:
            is_mended = verification.note_whole(cursor, sha256, now)
            return Looked(content, Outcome.MENDED if is_mended else Outcome.WHOLE, None)
        if good is None and not was_damaged and not self._may_mark(cursor):
            return Looked(content, Outcome.HELD, verdict.flaw)  # and it stays due
        if not self._set_aside(content, verdict):
            return Looked(content, Outcome.CHANGED, None)
        if good is not None:
            Quarantine(self.store).take_back(ContentId(sha256), good)
            verification.note_whole(cursor, sha256, now)
            return Looked(content, Outcome.MENDED, None)
        # Of what was set aside before, it is known already what is wrong with it.
        is_news = verdict.seen is not None or not was_damaged
        verification.note_damaged(cursor, sha256, verdict.flaw if is_news else None, now)
        self._take_links(cursor, sha256)
        return Looked(
            content, Outcome.STILL_DAMAGED if was_damaged else Outcome.DAMAGED, verdict.flaw
        )

    def _may_mark(self, cursor: Any) -> bool:
        wanted = brakes.due(cursor, BrakeJob.DAMAGE) + 1
        return brakes.admits(cursor, BrakeJob.DAMAGE, wanted, self.brake, self.now())

    def _set_aside(self, content: Content, verdict: Verdict) -> bool:
        """Put what was read into quarantine; False: something else lies there now.

        Where a disk is full, or cannot be written any more, it stays where it is.
        """
        try:
            return Quarantine(self.store).set_aside(ContentId(content.sha256), verdict.seen)
        except (StoreAway, StoreFull):
            self.store.require_present()
            return True

    def _take_links(self, cursor: Any, sha256: bytes) -> None:
        """Take the files of leases away, which are the same bytes."""
        links = leases.files_of(cursor, sha256)
        for token, extension in links:
            with suppress(StoreAway, StoreFull):
                self.store.unlink(token, extension)
        leases.await_files(cursor, [token for token, _ in links])

    # -- leases of what is whole again --------------------------------------------------------

    async def _mend_links(self) -> None:
        with store_errors():
            await self.database.run(self._link_again)

    def _link_again(self, cursor: Any) -> None:
        for token, extension, sha256 in leases.awaited_files(cursor):
            self.store.link(ContentId(sha256), token, extension)
            leases.note_file(cursor, token)
