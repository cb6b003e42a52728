"""An archive anew, from a snapshot of a backup: its contents first, then its rows at once.

Until the rows are committed there is no archive: `MARK` says so to whoever would serve it, and a
restore that was broken off is begun again where it stood.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from archive_server.blocking import Database
from archive_server.database import stores
from archive_server.errors import Conflict, Unavailable
from archive_server.model.manifests import Manifest
from archive_server.model.record_fields import BadRecord
from archive_server.model.records import Item
from archive_server.services.backing_up import BackupProgress
from archive_server.services.backup_place import BackupPlace
from archive_server.services.loading import LeftOut, load, require_empty, whole
from archive_server.services.pacing import Pace
from archive_server.services.snapshots import Snapshot, disk_trouble
from archive_server.services.tar_writing import sync_directory
from audio_store import (
    AudioStore,
    ContentCopier,
    ContentDamaged,
    ContentId,
    ContentMissing,
    StoreFull,
)

MARK = "restoring"  # a file of the data directory, while it is being restored
_NEW_MARK = f"{MARK}.new"


@dataclass(slots=True)
class Restored:
    """What became of it."""

    snapshot: str
    items: int = 0
    users: int = 0
    contents: int = 0
    size: int = 0  # bytes of them
    left_out: list[LeftOut] = field(default_factory=list)
    incomplete: list[LeftOut] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether everything is there that the snapshot names."""
        return not (self.left_out or self.incomplete)


def begun(data_dir: Path) -> str:
    """The snapshot that a restore has begun to fill the directory with; empty: none has.

    Raises Conflict for a directory that holds anything else.
    """
    found = {path.name for path in data_dir.iterdir()} if data_dir.is_dir() else set()
    if MARK in found:
        return (data_dir / MARK).read_text(encoding="utf-8").strip()
    if found - {"lost+found", "lock", _NEW_MARK}:
        raise Conflict(f"{data_dir} is not empty: nothing is restored over what is there")
    return ""


def begin(data_dir: Path, snapshot: Snapshot) -> None:
    """Mark the directory as one that is no archive yet."""
    with disk_trouble(data_dir):
        data_dir.mkdir(mode=0o711, parents=True, exist_ok=True)
        new = data_dir / _NEW_MARK
        new.write_text(f"{snapshot.name}\n", encoding="utf-8")
        new.rename(data_dir / MARK)
        sync_directory(data_dir)


def end(data_dir: Path) -> None:
    """Let it be an archive."""
    with disk_trouble(data_dir):
        (data_dir / MARK).unlink()
        sync_directory(data_dir)


def require_restored(data_dir: Path) -> None:
    """Raise Conflict for a directory that a restore has begun to fill."""
    if (data_dir / MARK).exists():
        raise Conflict(f"{data_dir} is not restored yet: give the same `restore` again")


def copy_contents(
    place: BackupPlace, snapshot: Snapshot, data_dir: Path, pace: Pace, progress: BackupProgress
) -> AudioStore:
    """The store of the archive to be, with the contents of a snapshot, as far as they are whole.

    Raises BadRecord for a snapshot that is damaged, Unavailable where there is no room.
    """
    manifest = snapshot.check()
    source = place.store()
    target = AudioStore.create(data_dir / "store", manifest.store_id)
    _require_room(snapshot, manifest, target)
    progress.begin(manifest.size)

    def on_block(size: int) -> None:
        progress.advance(size)
        pace.spend(size)

    copier = ContentCopier(source, target, on_block)
    try:
        for sha256 in snapshot.contents():
            content_id = ContentId.parse(sha256)
            if copier.is_there(content_id):
                progress.advance(target.size(content_id))
                continue
            try:
                copier.copy(content_id)
            except (ContentMissing, ContentDamaged):
                continue  # whoever has it is told, when rows are made
        copier.finish()
    except StoreFull as error:
        raise Unavailable(f"there is no room in {data_dir}") from error
    finally:
        copier.drop()
    return target


async def fill(
    database: Database, snapshot: Snapshot, store: AudioStore, on_item: Callable[[], object]
) -> Restored:
    """Make the rows of a snapshot, all or nothing. Raises Conflict for a database in use.

    That of this snapshot's archive was filled by a restore that was broken off only then: whoever
    began it has seen it empty, and nobody can have used it since.
    """
    return await database.run(_fill, snapshot, store, on_item)


def _fill(
    cursor: Any, snapshot: Snapshot, store: AudioStore, on_item: Callable[[], object]
) -> Restored:
    manifest = snapshot.manifest()
    restored = Restored(snapshot.name, contents=manifest.contents, size=manifest.size)
    archive = snapshot.archive()
    if stores.find(cursor) == manifest.store_id:
        restored.items, restored.users = manifest.items, len(archive.users)
        return restored
    require_empty(cursor)
    items = _items(snapshot, store, restored, on_item)
    unknown = load(cursor, manifest.store_id, archive, items)
    restored.users = len(archive.users)
    restored.incomplete += [LeftOut(who, "items name it, and it is unknown") for who in unknown]
    if restored.items + len(restored.left_out) != manifest.items:
        raise BadRecord(f"snapshot {snapshot.name}: it does not have {manifest.items} items")
    return restored


def _items(
    snapshot: Snapshot, store: AudioStore, restored: Restored, on_item: Callable[[], object]
) -> Iterator[Item]:
    for text in snapshot.items():
        item = Item.parse(text)
        try:
            item = whole(item, store, restored.incomplete)
        except BadRecord as error:
            restored.left_out.append(LeftOut(str(item.gunid), str(error)))
        else:
            restored.items += 1
            yield item
        on_item()


def _require_room(snapshot: Snapshot, manifest: Manifest, target: AudioStore) -> None:
    there = sum(target.size(content_id) for content_id in target.contents())
    free = target.free_bytes()
    if manifest.size - there > free:
        raise Unavailable(
            f"snapshot {snapshot.name} needs {manifest.size - there} bytes more,"
            f" and there is room for {free}"
        )
