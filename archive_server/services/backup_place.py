"""The directory that backups are made into: snapshots, and the contents that they share.

DIR/store/                  an audio store of its own, with the contents of all snapshots
DIR/snapshots/<time>/       a snapshot                                    (`snapshots`)
DIR/snapshots/<time>.part/  one that is being made, or was broken off
DIR/lock                    held by whoever changes any of it
"""

import fcntl
import heapq
import os
import re
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import groupby
from pathlib import Path

from archive_server.errors import Conflict, NotFound
from archive_server.services.snapshots import Snapshot, disk_trouble
from archive_server.services.tar_writing import sync_directory
from audio_store import AudioStore, ContentId

_NAME = re.compile(r"\d{8}T\d{6}\.\d{6}Z")
_TIME = "%Y%m%dT%H%M%S.%fZ"
_PART = ".part"


@dataclass(frozen=True, slots=True)
class BackupPlace:
    """A directory of backups. Methods block."""

    path: Path

    @property
    def snapshots_path(self) -> Path:
        """Where snapshots are."""
        return self.path / "snapshots"

    def prepare(self) -> AudioStore:
        """Make what is missing; return the store. The directory above must exist."""
        with disk_trouble(self.path):
            for directory in (self.path, self.snapshots_path):
                directory.mkdir(0o700, exist_ok=True)
            sync_directory(self.path)
            sync_directory(self.path.parent)
        return AudioStore.create(self.path / "store")

    def store(self) -> AudioStore:
        """The store that is there. Raises StoreAway."""
        return AudioStore.open(self.path / "store")

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Keep others from changing it. Raises Conflict."""
        with disk_trouble(self.path):
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            yield
        except BlockingIOError as error:
            raise Conflict(f"{self.path} is being changed by another backup") from error
        finally:
            os.close(descriptor)

    def snapshots(self) -> list[Snapshot]:
        """All that are complete, the oldest first."""
        try:
            names = sorted(path.name for path in self.snapshots_path.iterdir())
        except OSError as error:
            raise NotFound(f"there are no backups in {self.path}: {error.strerror}") from error
        return [Snapshot(self.snapshots_path / name) for name in names if _NAME.fullmatch(name)]

    def snapshot(self, name: str = "") -> Snapshot:
        """The one of this name, or the newest. Raises NotFound."""
        found = self.snapshots()
        for each in reversed(found):
            if name in ("", each.name):
                return each
        known = ", ".join(each.name for each in found[-10:])
        raise NotFound(f"{self.path} has no snapshot {name}".rstrip() + (known and f" of {known}"))

    def unfinished(self, at: datetime) -> Path:
        """Where a new one is to be made; what was broken off before is dropped.

        The newest is always the last one, also where the clock was wrong once: else `keep` would
        remove what was just made.
        """
        with disk_trouble(self.snapshots_path):
            for left in self.snapshots_path.glob(f"*{_PART}"):
                shutil.rmtree(left)
        for newest in self.snapshots()[-1:]:
            behind = datetime.strptime(newest.name, _TIME).replace(tzinfo=UTC)
            at = max(at, behind + timedelta(microseconds=1))
        return self.snapshots_path / f"{at:{_TIME}}{_PART}"

    def complete(self, path: Path) -> Snapshot:
        """Give what was made its name: from now on it counts."""
        final = path.with_name(path.name.removesuffix(_PART))
        with disk_trouble(self.snapshots_path):
            path.rename(final)
            sync_directory(self.snapshots_path)
        return Snapshot(final)

    def keep(self, most: int) -> int:
        """Remove all but the newest, and the contents that none of them has; return how many went.

        Raises BadRecord where one of those that stay cannot be read: then nothing is removed.
        """
        found = self.snapshots()
        going, staying = found[:-most], found[-most:]
        if not going:
            return 0
        for each in staying:
            each.check()  # else what it needs is not known
        with disk_trouble(self.snapshots_path):
            for each in going:
                aside = each.path.with_name(each.name + _PART)
                each.path.rename(aside)
                shutil.rmtree(aside)
            sync_directory(self.snapshots_path)
        self._remove_unused(staying)
        return len(going)

    def _remove_unused(self, staying: Sequence[Snapshot]) -> None:
        store = self.store()
        needed = all_contents(staying)
        next_needed = next(needed, None)
        for content_id in store.contents():
            while next_needed is not None and next_needed < str(content_id):
                next_needed = next(needed, None)
            if str(content_id) != next_needed:
                store.remove(content_id)


def all_contents(snapshots: Sequence[Snapshot]) -> Iterator[str]:
    """The contents of several, each once, in order; few are in memory."""
    merged = heapq.merge(*(each.contents() for each in snapshots))
    yield from (sha256 for sha256, _ in groupby(merged))


def put_aside(store: AudioStore, content_id: ContentId) -> None:
    """Put a damaged content of a backup aside, so that the next one copies it anew."""
    path = store.path(content_id)
    with disk_trouble(path.parent):
        path.rename(path.with_name(f"{content_id}.damaged"))
