"""Making a backup of the whole archive, while others use it.

First nobody may remove any content, then the rows are written down as they are at one moment, then
the contents that the backup does not have yet are copied, and only when all that is on the disk the
snapshot gets its name. Whatever breaks it off leaves the snapshots before it as they were, and the
contents that were copied, with which the next one goes on.

Where very much lacks of which the archive does not know that it is damaged, all the rest is copied,
for the disk may be dying, but the snapshot does not get its name: something may only be away. What
was verified and marked, for which the brake had to be released, is named in the snapshot instead.
"""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from archive_server.blocking import Database
from archive_server.database import chores, holding, journal, records, verification
from archive_server.errors import Conflict, Unavailable
from archive_server.model.clips import Content
from archive_server.model.manifests import Manifest
from archive_server.services import snapshots
from archive_server.services.backup_place import BackupPlace, put_aside
from archive_server.services.pacing import Pace
from archive_server.services.snapshots import Snapshot, SnapshotWriter
from archive_server.services.storing import store_errors
from audio_store import (
    AudioStore,
    ContentCopier,
    ContentDamaged,
    ContentId,
    ContentMissing,
    StoreFull,
)

BACKUP = "backup"  # the name of the chore

# So much may be missing or damaged that the archive has not marked. More means that something is
# not mounted.
_MOST_UNMARKED = 1000


class BackupProgress:
    """Hears how far it is; does nothing by itself."""

    def begin(self, size: int) -> None:
        """So many bytes are to be copied."""

    def advance(self, size: int) -> None:
        """So many were."""


@dataclass(slots=True)
class BackedUp:
    """What became of it."""

    snapshot: str
    items: int
    contents: int
    size: int  # bytes of all contents
    copied: int = 0  # contents
    copied_size: int = 0  # bytes
    removed: int = 0  # older snapshots
    lacking: list[str] = field(default_factory=list)  # contents that the archive has not whole


@dataclass(frozen=True)
class BackingUp:
    """Making backups; for a command with a connection of its own."""

    database: Database
    store: AudioStore
    now: Callable[[], datetime]

    async def back_up(
        self, place: BackupPlace, *, keep: int, pace: Pace, progress: BackupProgress
    ) -> BackedUp:
        """Make a snapshot; then remove all but the `keep` newest (0: none).

        Raises Conflict for a place where somebody else makes one, or that is another archive's;
        Unavailable, where there is no room or something is away.
        """
        with store_errors():
            self.store.require_present()
        target = _prepared(place)
        with place.locked():
            self._require_ours(place)
            # From here to the end of the connection no content goes.
            await self.database.run(holding.hold)
            made = await self._make(place, target, pace, progress)
            made.removed = place.keep(keep) if keep else 0
        await self.database.run(chores.note, BACKUP, self.now())
        return made

    async def _make(
        self, place: BackupPlace, target: AudioStore, pace: Pace, progress: BackupProgress
    ) -> BackedUp:
        at = self.now()
        path = place.unfinished(at)
        writer = SnapshotWriter(path)
        # In a transaction before: what it saw, the next one sees as well.
        last_event = await self.database.run(journal.horizon)
        rows = await self.database.run(_write_rows, writer, target)
        made = BackedUp(path.name, rows.items, rows.contents, rows.size)
        _require_room(place, target, rows.missing_size)
        progress.begin(rows.missing_size)
        self._copy(Snapshot(path), target, made, pace, progress)
        _require_known(made, await self.database.run(verification.damaged_contents))
        await self.database.run(holding.require_held)  # or the contents may have gone meanwhile
        writer.finish(
            Manifest(
                at,
                self.store.store_id,
                last_event,
                rows.items,
                rows.contents,
                rows.size,
                tuple(made.lacking),
                writer.files,
            )
        )
        made.snapshot = place.complete(path).name
        return made

    def _copy(
        self,
        snapshot: Snapshot,
        target: AudioStore,
        made: BackedUp,
        pace: Pace,
        progress: BackupProgress,
    ) -> None:
        def on_block(size: int) -> None:
            progress.advance(size)
            made.copied_size += size
            pace.spend(size)

        copier = ContentCopier(self.store, target, on_block)
        try:
            for sha256 in snapshot.contents():
                content_id = ContentId.parse(sha256)
                if copier.is_there(content_id):
                    continue
                try:
                    copier.copy(content_id)
                    made.copied += 1
                except (ContentMissing, ContentDamaged):
                    made.lacking.append(sha256)
            copier.finish()
        except StoreFull as error:
            raise Unavailable("the backup's disk is full; what was copied stays") from error
        finally:
            copier.drop()

    def _require_ours(self, place: BackupPlace) -> None:
        for snapshot in place.snapshots()[-1:]:
            if snapshot.manifest().store_id != self.store.store_id:
                raise Conflict(f"{place.path} holds the backups of another archive")


@dataclass(slots=True)
class _Rows:
    """What was written down."""

    items: int = 0
    contents: int = 0
    size: int = 0
    missing_size: int = 0  # of it, what the backup has not


def _write_rows(cursor: Any, writer: SnapshotWriter, target: AudioStore) -> _Rows:
    rows = _Rows()
    records.see_one_moment(cursor)
    writer.plain(snapshots.ARCHIVE, records.archive(cursor))
    with writer.compressed(snapshots.ITEMS) as lines:
        for _, text in records.all_items(cursor):
            lines.add(text)
            rows.items += 1
    with writer.compressed(snapshots.CONTENTS) as lines:
        for sha256, size in records.all_contents(cursor):
            lines.add(f"{sha256}  store/content/{sha256[:2]}/{sha256[2:4]}/{sha256}")
            rows.contents += 1
            rows.size += size
            if not _has(target, ContentId.parse(sha256), size):
                rows.missing_size += size
    return rows


def _has(target: AudioStore, content_id: ContentId, size: int) -> bool:
    try:
        found = target.size(content_id)
    except ContentMissing:
        return False
    if found != size:  # a disk has lost some of it
        put_aside(target, content_id)
    return found == size


def _prepared(place: BackupPlace) -> AudioStore:
    try:
        return place.prepare()
    except StoreFull as error:
        raise Unavailable(f"there is no room in {place.path}") from error


def _require_room(place: BackupPlace, target: AudioStore, size: int) -> None:
    free = target.free_bytes()
    if size > free:
        raise Unavailable(
            f"the backup needs {size} bytes more, and {place.path} has room for {free}"
        )


def _require_known(made: BackedUp, marked: Collection[Content]) -> None:
    unmarked = len({*made.lacking} - {content.sha256.hex() for content in marked})
    if unmarked > _MOST_UNMARKED:
        raise Unavailable(
            f"{unmarked} contents are missing or damaged, and not marked as such: is everything"
            " mounted? The rest was copied; what is lost, mark by archive-server check"
        )
