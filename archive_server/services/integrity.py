"""Proving that the archive is whole: every row has its bytes, and they are the right ones."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import islice
from typing import Any

from archive_server.blocking import Database, InThread
from archive_server.database import contents, leases, search, uploads, verification
from archive_server.model.clips import Content
from archive_server.model.integrity import DamagedContent, Looked, Outcome
from archive_server.services.pacing import Pace
from archive_server.services.storing import store_errors
from archive_server.services.verification import VerificationService
from audio_store import AudioStore

_BATCH = 1000


class Severity(StrEnum):
    """What a finding means."""

    DAMAGE = "damage"  # something is lost or wrong
    LEFT_OVER = "left-over"  # what a crash left behind; the janitor will remove it
    MENDED = "mended"  # it was damaged, and is whole again


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be."""

    severity: Severity
    subject: str
    message: str
    clips: Sequence[str] = ()  # whose audio it is


@dataclass(frozen=True)
class IntegrityService:
    """Comparing rows with files, and files with their digests."""

    database: Database
    store: AudioStore
    in_thread: InThread
    now: Callable[[], datetime]
    verification: VerificationService

    async def begin(self, *, resume: bool) -> datetime | None:
        """Begin a check, or go on with one that was stopped: since when has that been running?

        None: it begins now.
        """
        return await self.database.run(verification.begin_check, self.now(), resume=resume)

    async def extent(self, since: datetime | None = None) -> tuple[int, int]:
        """How many contents there are to be looked at, and how many bytes."""
        return await self.database.run(verification.extent, since)

    async def check(
        self,
        *,
        digests: bool,
        since: datetime | None = None,
        pace: Pace | None = None,
        on_content: Callable[[int], None] = lambda size: None,
    ) -> list[Finding]:
        """Look at everything; with `digests`, read every byte that was not read since.

        What is damaged goes into quarantine, what is whole again comes out of it. `on_content` is
        told the size of each content that has been looked at. Raises Unavailable when the store is
        away: then nothing can be said.
        """
        with store_errors():
            await self.in_thread(self.store.require_present)
            findings = await self._check_contents(digests, since, pace or Pace(), on_content)
            findings += await self._check_files()
            findings += await self._check_leases()
            findings += await self._check_staging()
        for message in await self.database.run(_differences):
            findings.append(Finding(Severity.DAMAGE, "search", message))
        if digests:
            await self.database.run(verification.end_check)
        return findings

    async def check_damaged(
        self, pace: Pace, on_content: Callable[[int], None] = lambda size: None
    ) -> list[Finding]:
        """Look only at what is known to be damaged: somebody may have brought it back."""
        with store_errors():
            await self.in_thread(self.store.require_present)
        damaged = await self.database.run(verification.damaged_contents)
        findings = await self._look_at(damaged, True, pace, on_content)
        return [*map(_marked, await self.verification.damaged()), *findings]

    async def _check_contents(
        self,
        digests: bool,
        since: datetime | None,
        pace: Pace,
        on_content: Callable[[int], None],
    ) -> list[Finding]:
        findings = []
        last = b""
        while batch := await self.database.run(verification.list_after, last, _BATCH, since):
            findings += await self._look_at(batch, digests, pace, on_content)
            last = batch[-1].sha256
        return [*map(_marked, await self.verification.damaged()), *findings]

    async def _look_at(
        self,
        batch: Sequence[Content],
        digests: bool,
        pace: Pace,
        on_content: Callable[[int], None],
    ) -> list[Finding]:
        """What the marks do not tell."""
        findings = []
        for content in batch:
            looked = await self.verification.look_at(content, pace, every_byte=digests)
            findings += _unmarked(looked)
            on_content(content.size)
        return findings

    async def _check_files(self) -> list[Finding]:
        findings = []
        files = self.store.contents()
        while batch := await self.in_thread(lambda: list(islice(files, _BATCH))):
            unknown = await self.database.run(contents.unknown, [each.digest for each in batch])
            findings += [
                Finding(Severity.LEFT_OVER, sha256.hex(), "no clip has this content")
                for sha256 in unknown
            ]
        return findings

    async def _check_leases(self) -> list[Finding]:
        known = await self.database.run(leases.file_tokens)
        links = dict(await self.in_thread(lambda: list(self.store.links())))
        # Those opened or closed meanwhile are neither missing nor left over.
        known_later = await self.database.run(leases.file_tokens)
        away = await self.database.run(leases.awaiting_tokens)  # their audio is damaged
        missing = [t for t in known if t not in links and t in known_later and t not in away]
        left = [t for t in links if t not in known and t not in known_later]
        return [
            *(Finding(Severity.DAMAGE, "lease", "a leased file is missing") for _ in missing),
            *(Finding(Severity.LEFT_OVER, "lease", "a file without a lease") for _ in left),
        ]

    async def _check_staging(self) -> list[Finding]:
        staged = [
            token for token, _ in await self.in_thread(lambda: list(self.store.staged_tokens()))
        ]
        known = await self.database.run(uploads.tokens)
        return [
            Finding(Severity.LEFT_OVER, "upload", "received bytes without an upload")
            for token in staged
            if token not in known
        ]


def _marked(damaged: DamagedContent) -> Finding:
    """What is known to be damaged, since now or before."""
    return Finding(Severity.DAMAGE, damaged.sha256.hex(), damaged.damage, damaged.clips)


def _unmarked(looked: Looked) -> list[Finding]:
    """What a look has found that no mark tells of."""
    name = looked.content.sha256.hex()
    if looked.outcome is Outcome.MENDED:
        return [Finding(Severity.MENDED, name, "it was damaged, and is whole again")]
    if looked.outcome is Outcome.UNKNOWN:
        return [Finding(Severity.DAMAGE, name, looked.flaw or "")]
    if looked.outcome is Outcome.HELD:
        message = f"{looked.flaw} (not marked: see archive-server brake)"
        return [Finding(Severity.DAMAGE, name, message)]
    return []


def _differences(cursor: Any) -> list[str]:
    return list(search.differences(cursor))
