"""Looking through the store for what no row knows: what crashes have left behind.

It gets a grace time, because an upload or a transaction may just be about to claim it.
"""

from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from itertools import islice

from archive_server.blocking import Database, InThread
from archive_server.database import contents, holding, leases, unclaimed, uploads, verification
from archive_server.model.integrity import BrakeJob
from archive_server.services.brake import Brake
from audio_store import AudioStore, ContentId, Quarantine, StagingBusy

_BATCH = 500


@dataclass(frozen=True)
class Sweep:
    """One look through everything; what it meets of the store's errors it raises."""

    database: Database
    store: AudioStore
    in_thread: InThread
    brake: Brake
    before: datetime  # what is younger is left

    async def everything(self) -> None:
        """Remove what is nobody's."""
        await self._staging()
        await self._links()
        await self._contents()
        await self._quarantine()

    async def _staging(self) -> None:
        staged = await self.in_thread(lambda: list(self.store.staged_tokens()))
        known = await self.database.run(uploads.tokens)  # after the listing: a new one is known
        for token, modified in staged:
            if token not in known and self._is_old(modified):
                await discard(self.store, self.in_thread, token)

    async def _links(self) -> None:
        links = await self.in_thread(lambda: list(self.store.links()))
        known = await self.database.run(leases.file_tokens)
        for token, extension in links:
            if token not in known:
                linked_at = await self.in_thread(self.store.linked_at, token, extension)
                if self._is_old(linked_at):
                    await self.in_thread(self.store.unlink, token, extension)

    async def _contents(self) -> None:
        if not await self.database.run(holding.may_go):
            return  # a backup is being made: the next sweep will find them
        orphans = await self._orphans()
        async with self.brake.on_so_much(BrakeJob.ORPHANS, len(orphans)) as may:
            for sha256 in orphans if may else ():
                await remove_unless_used(self.database, self.store, sha256)

    async def _orphans(self) -> list[bytes]:
        """All contents that no row knows and nobody keeps, also those only in quarantine."""
        found = []
        files = self.store.contents()
        while batch := await self.in_thread(lambda: list(islice(files, _BATCH))):
            for sha256 in await self.database.run(
                contents.unknown, [content_id.digest for content_id in batch]
            ):
                named_at = await self.in_thread(self.store.named_at, ContentId(sha256))
                if self._is_old(named_at):
                    found.append(sha256)
        aside = await self.in_thread(self._set_aside)
        unknown = await self.database.run(contents.unknown, list(aside))
        found += [sha256 for sha256 in unknown if self._is_old(aside[sha256])]
        kept = await self.database.run(unclaimed.known, found)
        return [sha256 for sha256 in dict.fromkeys(found) if sha256 not in kept]

    async def _quarantine(self) -> None:
        """Let go of damaged bytes once the good ones were read to their end, after they came back.

        Nothing less proves that they are not all there is: rows may be older than the store.
        """
        for sha256, since in (await self.in_thread(self._set_aside)).items():
            whole_since = await self.database.run(verification.whole_since, sha256)
            if (
                whole_since is not None
                and self._is_old(since)
                and datetime.fromtimestamp(since, UTC) < whole_since
            ):
                await self.in_thread(Quarantine(self.store).drop, ContentId(sha256))

    def _set_aside(self) -> dict[bytes, float]:
        """What is in quarantine, and since when (the last of it)."""
        found: dict[bytes, float] = {}
        for content_id, path in Quarantine(self.store).entries():
            since = path.lstat().st_ctime
            found[content_id.digest] = max(since, found.get(content_id.digest, 0.0))
        return found

    def _is_old(self, since: float) -> bool:
        """Whether bytes are older than a transaction that is about to claim them can be."""
        return since < self.before.timestamp()


async def discard(store: AudioStore, in_thread: InThread, token: str) -> None:
    """Drop what was received of an upload, unless it is still being sent."""
    try:
        await in_thread(store.discard, token)
    except StagingBusy:
        return  # the next sweep will find it


async def remove_unless_used(database: Database, store: AudioStore, sha256: bytes) -> None:
    """Forget a content and its bytes, also those in quarantine, if nothing refers to it."""
    await database.run(contents.remove_unless_used, sha256, partial(_remove, store, sha256))


def _remove(store: AudioStore, sha256: bytes) -> None:
    content_id = ContentId(sha256)
    store.remove(content_id)
    Quarantine(store).drop(content_id)
