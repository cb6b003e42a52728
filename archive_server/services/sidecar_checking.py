"""Comparing the sidecars with the database: whether a rebuild would give what there is."""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from archive_server.blocking import Database
from archive_server.database import records, sidecars
from archive_server.errors import BadRequest
from archive_server.model.gunid import Gunid
from archive_server.services.integrity import Finding, Severity
from archive_server.services.storing import store_errors
from audio_store import SidecarDamaged, SidecarMissing, Sidecars

_BATCH = 250


@dataclass(frozen=True)
class SidecarChecking:
    """Looking at all of them."""

    database: Database
    files: Sidecars

    async def check(self) -> list[Finding]:
        """What is wrong with them. Those of items are noted, to be written once more.

        A sidecar without an item stays: it may be the item that is lost. Raises Unavailable.
        """
        findings = []
        with store_errors():
            number = 0
            while found := await self.database.run(_look_at_some, self.files, number):
                number, wrong = found
                findings += [
                    Finding(
                        Severity.LEFT_OVER, f"sidecar {gunid}", "it does not say what is so; noted"
                    )
                    for gunid in wrong
                ]
            names = self.files.names()
            while batch := list(itertools.islice(names, _BATCH)):
                findings += [
                    Finding(
                        Severity.LEFT_OVER, f"sidecar {name}", "there is no such item; it stays"
                    )
                    for name in await self.database.run(_without_item, self.files, batch)
                ]
        return findings


def _look_at_some(cursor: Any, files: Sidecars, after: int) -> tuple[int, list[Gunid]] | None:
    """The last of the next items, and those whose sidecars are wrong; None: there are no more."""
    rows = records.gunids_after(cursor, after, _BATCH)
    if not rows:
        return None
    sidecars.become_only_writer(cursor)
    texts = records.items(cursor, [gunid for _, gunid in rows])
    wrong = [
        (number, gunid)
        for number, gunid in rows
        if gunid in texts and not _says(files, gunid, texts[gunid])
    ]
    # Afterwards: what was changed meanwhile is in it.
    pending = sidecars.pending(cursor, [number for number, _ in wrong])
    gunids = [gunid for number, gunid in wrong if number not in pending]
    sidecars.demand(cursor, gunids)
    return rows[-1][0], gunids


def _says(files: Sidecars, gunid: Gunid, text: str) -> bool:
    try:
        return files.read(str(gunid)) == f"{text}\n".encode()
    except (SidecarDamaged, SidecarMissing):
        return False


def _without_item(cursor: Any, files: Sidecars, names: Sequence[str]) -> list[str]:
    sidecars.become_only_writer(cursor)
    known = records.known(cursor, [gunid for name in names if (gunid := _gunid(name))])
    # Some of them may have gone, with their items, since they were listed.
    return [name for name in names if _gunid(name) not in known and files.path(name).exists()]


def _gunid(name: str) -> Gunid | None:
    try:
        return Gunid.parse(name)
    except BadRequest:
        return None
