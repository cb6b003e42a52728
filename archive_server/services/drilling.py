"""Comparing a restored archive with the snapshot it was made of, and with the living one.

What was restored has to be what the snapshot says, to the letter. The living archive may have gone
on: what the journal tells of since the snapshot is no difference, nor what goes without an event
(rights, owners, versions that were kept long enough).
"""

import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from archive_server.blocking import Database
from archive_server.database import chores, journal, records
from archive_server.model.archive_records import ArchiveRecord
from archive_server.model.gunid import Gunid
from archive_server.model.records import Item
from archive_server.services.loading import LeftOut
from archive_server.services.snapshots import Snapshot

DRILL = "drill"  # the name of the chore: a restore that was proven

_BATCH = 500


@dataclass(slots=True)
class Compared:
    """How the living archive and a snapshot of it differ."""

    same: int = 0
    changed: int = 0  # since the snapshot
    newer: int = 0
    gone: int = 0
    differences: list[LeftOut] = field(default_factory=list)  # that nothing explains


@dataclass(frozen=True, slots=True)
class _Pair:
    """An item as it is, and as a snapshot has it; one of them may be missing."""

    gunid: Gunid
    living: str | None
    kept: str | None


async def restored_as_written(database: Database, snapshot: Snapshot) -> list[LeftOut]:
    """What a restored archive says otherwise than the snapshot."""
    return await database.run(_restored_as_written, snapshot)


async def compare(living: Database, snapshot: Snapshot) -> Compared:
    """Look for what the snapshot should have and has not, or has otherwise."""
    return await living.run(_compare, snapshot)


async def note_proof(living: Database, at: datetime) -> None:
    """Note that a restore was proven."""
    await living.run(chores.note, DRILL, at)


def _restored_as_written(cursor: Any, snapshot: Snapshot) -> list[LeftOut]:
    found = []
    restored = (text for _, text in records.all_items(cursor))
    for text, kept in itertools.zip_longest(restored, snapshot.items()):
        if text is None or kept is None or (text != kept and Item.parse(text) != Item.parse(kept)):
            item = Item.parse(kept or text)
            found.append(LeftOut(str(item.gunid), "it was restored otherwise than it was kept"))
            if text is None or kept is None:
                break
    archive = ArchiveRecord.parse(records.archive(cursor))
    if _lasting(archive) != _lasting(snapshot.archive()):
        found.append(LeftOut("archive", "users, groups or rules were restored otherwise"))
    return found


def _lasting(archive: ArchiveRecord) -> ArchiveRecord:
    return replace(archive, last_event=0)


def _compare(cursor: Any, snapshot: Snapshot) -> Compared:
    compared = Compared()
    since = snapshot.manifest().last_event
    records.see_one_moment(cursor)
    pruned, _ = journal.bounds(cursor)
    pairs = _pairs(records.all_items(cursor), snapshot.items())
    while batch := list(itertools.islice(pairs, _BATCH)):
        other = [pair for pair in batch if pair.living != pair.kept]
        compared.same += len(batch) - len(other)
        told = journal.told_of(cursor, [pair.gunid for pair in other], since)
        for pair in other:
            _count(compared, pair, is_told=pair.gunid in told or since < pruned)
    return compared


def _count(compared: Compared, pair: _Pair, *, is_told: bool) -> None:
    if pair.living is None:
        compared.gone += 1
        why = "it is gone, and nothing tells why"
    elif pair.kept is None:
        compared.newer += 1
        why = "it is not in the snapshot, and was there before"
    else:
        compared.changed += 1
        why = "the snapshot has it otherwise, and nothing has changed it since"
        is_told = is_told or _essence(pair.living) == _essence(pair.kept)
    if not is_told:
        compared.differences.append(LeftOut(str(pair.gunid), why))


def _essence(text: str) -> Item:
    """An item without what changes and is told to nobody."""
    item = Item.parse(text)
    return replace(
        item,
        owner=None,
        rules=(),
        classes=(),
        revisions=tuple(each for each in item.revisions if each.superseded_at is None),
        versions=tuple(each for each in item.versions if each.superseded_at is None),
    )


def _pairs(living: Iterator[tuple[Gunid, str]], kept: Iterator[str]) -> Iterator[_Pair]:
    """Both in the order of their numbers, which an item never changes."""
    now, then = next(living, None), _next(kept)
    while now is not None or then is not None:
        number_now = _number(now[1]) if now else None
        number_then = _number(then) if then else None
        if number_now == number_then and now and then:
            yield _Pair(now[0], now[1], then)
            now, then = next(living, None), _next(kept)
        elif now and (number_then is None or (number_now or 0) < number_then):
            yield _Pair(now[0], now[1], None)
            now = next(living, None)
        elif then:
            yield _Pair(Item.parse(then).gunid, None, then)
            then = _next(kept)


def _next(texts: Iterator[str]) -> str | None:
    return next(texts, None)


def _number(text: str) -> int:
    """An item's number, without reading all of its record."""
    return int(text.split('"number":', 1)[1].split(",", 1)[0])
