"""Restoring the items of a backup: each all or nothing; the others do not suffer from one."""

from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, BinaryIO

from archive_server.blocking import Database, InThread
from archive_server.errors import ArchiveError, BadDocument, Unavailable
from archive_server.model.backups import file_name_of, in_order
from archive_server.model.clips import FileType
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid
from archive_server.model.jobs import Report
from archive_server.model.playlists import Playlist
from archive_server.model.users import Caller
from archive_server.services import webstreams
from archive_server.services.packed_items import BackupContents, Item
from archive_server.services.publishing import Publisher
from archive_server.services.tar_members import member, sha256_of
from archive_server.services.tar_reading import TarFile
from archive_server.services.unpacking_writing import (
    Unchanged,
    like,
    save_playlist,
    save_webstream,
)

_TOLD = 1000  # items that a fault names; a longer sentence helps nobody
_KEPT = 10_000  # failures; of more only the number is
_MOST_WAITING = 50_000  # playlists that hold others: they wait in memory for those


@dataclass(frozen=True, slots=True)
class RestoreLimits:
    """What a backup may hold."""

    members: int
    largest_document: int  # bytes


@dataclass(frozen=True, slots=True)
class Failure:
    """An item that could not be restored."""

    item: str  # the name of its file in the backup
    reason: str


@dataclass(frozen=True, slots=True)
class Restored:
    """What became of the items of a backup."""

    restored: int
    unchanged: int
    failures: tuple[Failure, ...]
    unnamed: int = 0  # failures beyond those

    @property
    def failed(self) -> int:
        """How many items could not be restored."""
        return len(self.failures) + self.unnamed

    def fault(self) -> str:
        """The sentence about those that failed; empty if none did."""
        if not self.failures:
            return ""
        count = self.restored + self.unchanged + self.failed
        told = [f"{each.item}: {each.reason}" for each in self.failures[:_TOLD]]
        if self.failed > _TOLD:
            told.append(f"and {self.failed - _TOLD} more")
        return f"{self.failed} of {count} items could not be restored: {'; '.join(told)}"


@dataclass
class Restoring:
    """A backup under way."""

    database: Database
    publisher: Publisher
    in_thread: InThread
    now: Callable[[], datetime]
    limits: RestoreLimits
    caller: Caller
    file: BinaryIO
    report: Report
    size: int = 0  # bytes, of all items
    done: int = 0
    told: float = 0.0
    restored: int = 0
    unchanged: int = 0
    failed: int = 0
    failures: list[Failure] = field(default_factory=list)

    async def run(self) -> Restored:
        """Restore what playlists hold, and then the playlists. Raises RefusedArchive."""
        self.size = self.file.seek(0, 2)
        contents = await self.in_thread(
            BackupContents.of, self.file, self.size, most=self.limits.members
        )
        try:
            async for item in self._each(contents.clips()):
                await self._restore(item, self._clip(item))
            await self._playlists(contents)
        finally:
            await self.in_thread(contents.close)
        named = tuple(self.failures)
        return Restored(self.restored, self.unchanged, named, self.failed - len(named))

    async def _each(self, batches: Iterator[list[Item]]) -> AsyncIterator[Item]:
        while batch := await self.in_thread(next, batches, None):
            for item in batch:
                yield item

    async def _playlists(self, contents: BackupContents) -> None:
        """Restore the playlists, those that hold others after them."""
        waiting: dict[Gunid, tuple[Item, set[Gunid]]] = {}
        async for item in self._each(contents.playlists()):
            held = await self._references(item)
            if not held:
                await self._restore(item, self._playlist(item))
                continue
            waiting[item.gunid] = item, held
            if len(waiting) == _MOST_WAITING:
                await self._nested(waiting)
        await self._nested(waiting)

    async def _nested(self, waiting: dict[Gunid, tuple[Item, set[Gunid]]]) -> None:
        for gunid in in_order({gunid: held for gunid, (_, held) in waiting.items()}):
            item, _ = waiting[gunid]
            await self._restore(item, self._playlist(item))
        waiting.clear()

    async def _restore(self, item: Item, work: Awaitable[bool]) -> None:
        """Do what restores one item, which tells whether that has changed anything."""
        try:
            has_changed = await work
        except Unavailable:
            raise  # it is not the item's fault, and the next one's would be the same
        except ArchiveError as error:
            self.failed += 1
            if len(self.failures) < _KEPT:
                self.failures.append(Failure(item.name, str(error)))
        else:
            self.restored += has_changed
            self.unchanged += not has_changed
        self.done += item.size
        self._tell(0)

    def _tell(self, read: int) -> None:
        self.told = max(self.told, (self.done + read) / self.size)
        self.report(self.told)

    # -- clips and webstreams -----------------------------------------------------------------

    async def _clip(self, item: Item) -> bool:
        if item.document is None:
            raise BadDocument("its metadata document is not in the backup")
        gunid, largest = item.gunid, self.limits.largest_document
        document = Document.parse(await self._text(item.document), largest=largest)
        audio = item.audio
        if audio is None or not audio.size:
            if document.first(webstreams.URL) is None:
                raise BadDocument("its audio is not in the backup")
            return bool(await self._run(save_webstream, gunid, document))
        known = await self._run(like, gunid, document, audio.size)
        if known.sha256 is not None and known.sha256 == await self._digest(audio):
            return False
        file_name = known.file_name or file_name_of(document, gunid)
        await self.publisher.add(
            self.caller, self._member(audio), gunid, document.to_xml(), file_name
        )
        return True

    async def _digest(self, audio: TarFile) -> bytes:
        return await self.in_thread(sha256_of, self._member(audio))

    # -- playlists ----------------------------------------------------------------------------

    async def _playlist(self, item: Item) -> bool:
        return bool(await self._run(save_playlist, item.gunid, await self._parsed(item)))

    async def _references(self, item: Item) -> set[Gunid]:
        """The playlists that a playlist holds; none if it cannot be read, which shows later."""
        try:
            found = (await self._parsed(item)).references()
        except Unavailable:
            raise
        except ArchiveError:
            return set()
        return {
            each.gunid
            for each in found
            if each.kind is FileType.PLAYLIST and each.gunid is not None
        }

    async def _parsed(self, item: Item) -> Playlist:
        assert item.document is not None, "it is all that a playlist has"
        largest = self.limits.largest_document
        return Playlist.parse(await self._text(item.document), largest=largest)

    # -- both ---------------------------------------------------------------------------------

    async def _run(self, work: Callable[..., Any], *args: object) -> Any:
        """Run a transaction that changes something, unless it says that it would not."""
        try:
            return await self.database.run(work, self.caller, *args, self.now())
        except Unchanged:
            return False

    async def _text(self, file: TarFile) -> bytes:
        largest = self.limits.largest_document
        if file.size > largest:
            raise BadDocument(f"the document has more than {largest} bytes")
        return await self.in_thread(self._member(file).read)

    def _member(self, file: TarFile) -> BinaryIO:
        return member(self.file, file.part, self._tell)
