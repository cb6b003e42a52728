"""Proving that the archive is whole: every row has its bytes, and they are the right ones."""

from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from itertools import islice
from typing import Any

from archive_server.blocking import Database, InThread
from archive_server.database import contents, leases, search, uploads
from archive_server.model.clips import Content
from archive_server.services.storing import store_errors
from audio_store import AudioStore, ContentId, ContentMissing, StoreAway

_BATCH = 1000


class Severity(StrEnum):
    """What a finding means."""

    DAMAGE = "damage"  # something is lost or wrong
    LEFT_OVER = "left-over"  # what a crash left behind; the janitor will remove it


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be."""

    severity: Severity
    subject: str
    message: str


@dataclass(frozen=True)
class IntegrityService:
    """Comparing rows with files, and files with their digests."""

    database: Database
    store: AudioStore
    in_thread: InThread

    async def extent(self) -> tuple[int, int]:
        """How many contents there are, and how many bytes."""
        return await self.database.run(contents.extent)

    async def check(
        self, *, digests: bool, on_content: Callable[[int], None] = lambda size: None
    ) -> list[Finding]:
        """Look at everything; with `digests`, read every byte. Changes nothing.

        `on_content` is told the size of each content that has been looked at. Raises Unavailable
        when the store is away: then nothing can be said.
        """
        with store_errors():
            await self.in_thread(self.store.require_present)
            findings = await self._check_contents(digests, on_content)
            findings += await self._check_files()
            findings += await self._check_leases()
            findings += await self._check_staging()
        for message in await self.database.run(_differences):
            findings.append(Finding(Severity.DAMAGE, "search", message))
        return findings

    async def _check_contents(
        self, digests: bool, on_content: Callable[[int], None]
    ) -> list[Finding]:
        findings = []
        last = b""
        while batch := await self.database.run(contents.list_after, last, _BATCH):
            for content in batch:
                wrong = await self.in_thread(self._look_at, content, digests)
                # A content may have gone since its row was read; then nobody misses it.
                if wrong and not await self.database.run(contents.unknown, [content.sha256]):
                    findings.append(Finding(Severity.DAMAGE, content.sha256.hex(), wrong))
                on_content(content.size)
            last = batch[-1].sha256
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

    def _look_at(self, content: Content, digests: bool) -> str | None:
        """What is wrong with a content, or None."""
        content_id = ContentId(content.sha256)
        try:
            size = self.store.size(content_id)
            if size != content.size:
                return f"the file has {size} bytes instead of {content.size}"
            if digests and self.store.digest(content_id).sha256 != content.sha256:
                return "the file has other bytes than were stored"
        except ContentMissing:
            return "the file is missing"
        except StoreAway as error:
            self.store.require_present()
            if not isinstance(error.__cause__, OSError):
                raise  # not this file alone is away, but a whole directory
            return f"the file cannot be read: {error.__cause__.strerror}"
        except OSError as error:
            return f"the file cannot be read: {error.strerror}"
        return None

    async def _check_leases(self) -> list[Finding]:
        known = await self.database.run(leases.file_tokens)
        links = dict(await self.in_thread(lambda: list(self.store.links())))
        # Those opened or closed meanwhile are neither missing nor left over.
        known_later = await self.database.run(leases.file_tokens)
        missing = [t for t in known if t not in links and t in known_later]
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


def _differences(cursor: Any) -> list[str]:
    return list(search.differences(cursor))
