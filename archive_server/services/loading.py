"""Filling an empty database from records: what `rebuild` and `restore` do alike.

Functions of one transaction: before it is committed nothing has happened.
"""

import itertools
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from archive_server.database import archive_bulk, records_bulk, search, stores
from archive_server.database.records_bulk import Names
from archive_server.database.search import Findable
from archive_server.errors import Conflict
from archive_server.model.archive_records import ArchiveRecord
from archive_server.model.record_fields import BadRecord
from archive_server.model.records import Item, RecordedAudio
from audio_store import AudioStore, ContentId, ContentMissing, Quarantine

_BATCH = 500  # items, whose documents are in memory


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Something that is not as its record says."""

    subject: str
    reason: str


def whole(item: Item, store: AudioStore, incomplete: list[LeftOut]) -> Item:
    """An item without the old revisions whose audio is missing, which are noted.

    What is in quarantine is not missing: it can be mended, as long as somebody knows what it was.
    Raises BadRecord where the current audio is missing.
    """
    absent = [each for each in item.revisions if not _is_there(each, store)]
    missing = [each for each in absent if not _is_in_quarantine(each, store)]
    for each in absent:
        if each not in missing:
            why = f"the audio of revision {each.number} is damaged, and in quarantine"
            incomplete.append(LeftOut(str(item.gunid), why))
    for each in missing:
        why = f"the audio of revision {each.number} is missing: {each.content.sha256.hex()}"
        if each.number == item.revision:
            raise BadRecord(why)
        incomplete.append(LeftOut(str(item.gunid), why))
    return item.without({each.content.sha256 for each in missing}) if missing else item


def _is_there(audio: RecordedAudio, store: AudioStore) -> bool:
    try:
        size = store.size(ContentId(audio.content.sha256))
    except ContentMissing:
        return False
    return size == audio.content.size


def _is_in_quarantine(audio: RecordedAudio, store: AudioStore) -> bool:
    return bool(Quarantine(store).held(ContentId(audio.content.sha256)))


def require_empty(cursor: Any) -> None:
    """Raise Conflict for a database that somebody has used."""
    if not archive_bulk.is_empty(cursor):
        raise Conflict("the database is not empty: it holds an archive, which would be lost")


def load(
    cursor: Any, store_id: str, archive: ArchiveRecord | None, items: Iterable[Item]
) -> list[str]:
    """Add everything, and the search tables; return whom items name that nobody is called.

    The contents of all items are in the store.
    """
    if archive is not None:
        archive_bulk.add(cursor, archive)
    stores.add(cursor, store_id)
    adding = _Adding(cursor, Names.read(cursor))
    search.rebuild(cursor, adding.added(items))
    last_event = archive.last_event if archive is not None else 0
    # What has happened since the archive was written down is at least that its items came.
    archive_bulk.go_on_behind(cursor, last_event + adding.count)
    records_bulk.finish(cursor)
    return sorted(adding.unknown)


class _Adding:
    """Adds items as they are asked for."""

    def __init__(self, cursor: Any, names: Names) -> None:
        self.count = 0
        self.unknown: set[str] = set()
        self._cursor = cursor
        self._names = names

    def added(self, items: Iterable[Item]) -> Iterator[Findable]:
        items = iter(items)
        while batch := list(itertools.islice(items, _BATCH)):
            for item in batch:
                self.unknown.update(self._names.unknown(item))
            self.count += len(batch)
            yield from records_bulk.add_all(self._cursor, batch, self._names)
