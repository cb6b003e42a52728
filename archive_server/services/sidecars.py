"""Keeping the sidecars: what the database says of each item, beside the audio.

They follow the journal, and what triggers note of changes that it does not tell (0015). A step
reads the rows as they are now, writes the files, and then notes in the same transaction how far it
has come: whatever dies in between is done again, and does no harm twice. There is one writer, by a
lock, so that no older text can replace a newer one.
"""

from dataclasses import dataclass, replace
from typing import Any

from archive_server.blocking import Database
from archive_server.database import records, sidecars
from archive_server.model.gunid import Gunid
from archive_server.services.storing import store_errors
from audio_store import Sidecars
from audio_store.sidecars import ARCHIVE

_BATCH = 250  # items in a step, whose rows and files are in memory


@dataclass(frozen=True)
class SidecarService:
    """Writing what is due."""

    database: Database
    files: Sidecars

    async def is_due(self) -> bool:
        """Whether there may be something to write. Raises Unavailable."""
        return await self.database.read(sidecars.is_due)

    async def step(self) -> bool:
        """Write some of what is due; return whether there may be more. Raises Unavailable."""
        with store_errors():
            return await self.database.run(_step, self.files)

    async def catch_up(self) -> None:
        """Write all that is due. Raises Unavailable."""
        while await self.is_due() and await self.step():
            pass


def _step(cursor: Any, files: Sidecars) -> bool:
    if not sidecars.is_only_writer(cursor):
        return False
    files.store.require_present()  # nothing is begun that cannot be written down
    before = sidecars.progress(cursor)
    due, gunids, archive_is_due = sidecars.noted(cursor, _BATCH)
    changed, journal = sidecars.changed(cursor, before.journal, _BATCH)
    gunids += changed
    reached = replace(before, journal=journal)
    is_busy = len(due) == _BATCH or len(changed) == _BATCH
    if before.passed is not None and not is_busy:
        archive_is_due = archive_is_due or before.passed == 0
        passed, reached = _pass(cursor, reached)
        gunids += passed
    _write(cursor, files, gunids, archive_is_due)
    sidecars.forget(cursor, due)
    sidecars.note(cursor, reached)
    return is_busy or reached.passed is not None


def _pass(cursor: Any, reached: sidecars.Progress) -> tuple[list[Gunid], sidecars.Progress]:
    """The next items of all."""
    rows = records.gunids_after(cursor, reached.passed or 0, _BATCH)
    passed = rows[-1][0] if len(rows) == _BATCH else None
    return [gunid for _, gunid in rows], replace(reached, passed=passed)


def _write(cursor: Any, files: Sidecars, gunids: list[Gunid], archive_is_due: bool) -> None:
    found = records.items(cursor, gunids)
    texts = {str(gunid): text for gunid, text in found.items()}
    if archive_is_due:
        texts[ARCHIVE] = records.archive(cursor)
    files.write_all(texts)
    # An event has told that it went, in a database that belongs to this store.
    files.remove_all(str(gunid) for gunid in set(gunids) - found.keys())
