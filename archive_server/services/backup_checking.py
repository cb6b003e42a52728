"""Proving that a backup is whole: every file of its snapshots, every byte of their contents."""

from collections.abc import Callable
from dataclasses import dataclass, field

from archive_server.model.record_fields import BadRecord
from archive_server.services.backup_place import BackupPlace, all_contents, put_aside
from archive_server.services.pacing import Pace
from archive_server.services.snapshots import Snapshot
from audio_store import AudioStore, ContentDamaged, ContentId, ContentMissing


@dataclass(slots=True)
class Checked:
    """What was looked at, and what is wrong with it."""

    snapshots: int = 0
    contents: int = 0
    size: int = 0  # bytes
    damaged_snapshots: list[str] = field(default_factory=list)  # in a sentence each
    damaged_contents: list[str] = field(default_factory=list)  # by SHA-256; they were put aside
    missing_contents: list[str] = field(default_factory=list)

    @property
    def is_whole(self) -> bool:
        """Whether every snapshot could be restored."""
        return not (self.damaged_snapshots or self.damaged_contents or self.missing_contents)


def size_of(place: BackupPlace) -> int:
    """How many bytes of contents there will be to read, at least."""
    sizes = [0]
    for snapshot in place.snapshots():
        try:
            sizes.append(snapshot.manifest().size)
        except BadRecord:
            continue
    return max(sizes)


def check(place: BackupPlace, pace: Pace, on_block: Callable[[int], None]) -> Checked:
    """Read everything. A damaged content is put aside: the next backup copies it anew.

    Raises StoreAway, NotFound, Conflict while a backup is being made.
    """
    checked = Checked()
    store = place.store()
    with place.locked():
        good: list[Snapshot] = []
        lacking: set[str] = set()
        for snapshot in place.snapshots():
            try:
                lacking |= {*snapshot.check().lacking}
                good.append(snapshot)
            except BadRecord as error:
                checked.damaged_snapshots.append(str(error))
        checked.snapshots = len(good) + len(checked.damaged_snapshots)
        for sha256 in all_contents(good):
            _look_at(store, sha256, sha256 in lacking, checked, _spending(pace, on_block))
    return checked


def _look_at(
    store: AudioStore,
    sha256: str,
    is_lacking: bool,
    checked: Checked,
    on_block: Callable[[int], None],
) -> None:
    content_id = ContentId.parse(sha256)
    try:
        found = store.digest(content_id, on_block)
    except ContentMissing:
        if not is_lacking:  # that the archive did not have it, was told when it was made
            checked.missing_contents.append(sha256)
        return
    except ContentDamaged:
        found = None  # a sector of the disk is lost
    checked.contents += 1
    checked.size += found.size if found else 0
    if found is None or found.content_id != content_id:
        checked.damaged_contents.append(sha256)
        put_aside(store, content_id)


def _spending(pace: Pace, on_block: Callable[[int], None]) -> Callable[[int], None]:
    def spend(size: int) -> None:
        on_block(size)
        pace.spend(size)

    return spend
