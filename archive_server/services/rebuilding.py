"""Making the database anew from what lies in the store: the sidecars, and the audio beside them.

What cannot be taken over is named and left where it is: sidecars that are damaged or whose audio
is missing, and audio that no sidecar knows.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

from archive_server.blocking import Database
from archive_server.database import contents, unclaimed
from archive_server.errors import BadRequest
from archive_server.model.archive_records import ArchiveRecord
from archive_server.model.gunid import Gunid
from archive_server.model.record_fields import BadRecord
from archive_server.model.records import Item
from archive_server.services.loading import LeftOut, load, require_empty, whole
from archive_server.services.storing import store_errors
from audio_store import AudioStore, SidecarDamaged, SidecarMissing, Sidecars
from audio_store.sidecars import ARCHIVE

_BATCH = 1000  # contents that the database is asked about at a time


@dataclass(slots=True)
class Rebuilt:
    """What became of what was found."""

    items: int = 0
    users: int = 0
    left_out: list[LeftOut] = field(default_factory=list)  # items that are not there now
    incomplete: list[LeftOut] = field(default_factory=list)  # that lack something
    unclaimed: list[str] = field(default_factory=list)  # contents, by their SHA-256

    @property
    def is_whole(self) -> bool:
        """Whether everything was as it should be."""
        return not (self.left_out or self.incomplete or self.unclaimed)


@dataclass(frozen=True)
class RebuildService:
    """Rebuilding; for a command that is alone with the archive."""

    database: Database
    files: Sidecars

    def count(self) -> int:
        """How many sidecars of items there are. Raises Unavailable."""
        with store_errors():
            return sum(1 for _ in self.files.names())

    async def rebuild(self, on_item: Callable[[], object] = lambda: None) -> Rebuilt:
        """Rebuild, all or nothing; `on_item` hears of each sidecar.

        Raises Conflict for a database in use, Unavailable when the store is away.
        """
        with store_errors():
            return await self.database.run(_rebuild, self.files, on_item)


def _rebuild(cursor: Any, files: Sidecars, on_item: Callable[[], object]) -> Rebuilt:
    require_empty(cursor)
    files.store.require_present()
    found = _Found(files, on_item)
    archive = found.archive()
    unknown = load(cursor, files.store.store_id, archive, found.items())
    rebuilt = found.rebuilt
    rebuilt.users = len(archive.users) if archive is not None else 0
    rebuilt.incomplete += [LeftOut(who, "items name it, and it is unknown") for who in unknown]
    rebuilt.unclaimed = [sha256.hex() for sha256 in _unclaimed(cursor, files.store)]
    if found.is_archive_damaged:  # the server will write one; what is left of this may be of use
        files.put_aside(ARCHIVE)
    return rebuilt


class _Found:
    """What there is in the store, looked at as it is asked for."""

    def __init__(self, files: Sidecars, on_item: Callable[[], object]) -> None:
        self.rebuilt = Rebuilt()
        self.is_archive_damaged = False
        self._files = files
        self._on_item = on_item

    def archive(self) -> ArchiveRecord | None:
        """Users and all that; None where nobody knows any more."""
        try:
            return ArchiveRecord.parse(self._files.read(ARCHIVE))
        except (BadRecord, SidecarDamaged, SidecarMissing) as error:
            self.is_archive_damaged = not isinstance(error, SidecarMissing)
            self.rebuilt.incomplete.append(
                LeftOut(f"{ARCHIVE}.json", f"users, groups and rules are lost: {error}")
            )
            return None

    def items(self) -> Iterator[Item]:
        """The items whose audio is there."""
        for name in self._files.names():
            try:
                item = whole(self._read(name), self._files.store, self.rebuilt.incomplete)
            except BadRecord as error:
                self.rebuilt.left_out.append(LeftOut(name, str(error)))
            else:
                self.rebuilt.items += 1
                yield item
            self._on_item()

    def _read(self, name: str) -> Item:
        try:
            item = Item.parse(self._files.read(name))
            if item.gunid != Gunid.parse(name):
                raise BadRecord(f"it is that of {item.gunid}")
        except (BadRequest, SidecarDamaged) as error:  # also a name that is nearly an id
            raise BadRecord(str(error)) from error
        return item


def _unclaimed(cursor: Any, store: AudioStore) -> list[bytes]:
    """The contents that no item has; they are kept."""
    found: list[bytes] = []
    files = store.contents()
    while batch := list(islice(files, _BATCH)):
        unknown = contents.unknown(cursor, [each.digest for each in batch])
        unclaimed.add_all(cursor, unknown)
        found += unknown
    return found
