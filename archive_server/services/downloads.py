"""Reading: leases that pin a revision or a document, and the bytes behind them."""

from collections.abc import Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import BinaryIO

from archive_server.blocking import Database, InThread
from archive_server.database import leases
from archive_server.errors import Damaged, NotFound, Unavailable, WrongToken
from archive_server.model.clips import Clip, Revision
from archive_server.model.gunid import Gunid
from archive_server.model.leases import AudioLease, DocumentLease, ExportLease, Lease, LeaseKind
from archive_server.model.uploads import checked_token, new_token
from archive_server.model.users import Caller
from archive_server.services import leasing
from archive_server.services.accesses import Accesses
from archive_server.services.leased_files import (
    AudioFile,
    DocumentFile,
    KnownLease,
    LocalFile,
    OpenLease,
    open_lease,
    xml_name,
)
from archive_server.services.remembering import Memory, unheard
from archive_server.services.storing import SharedContent, store_errors
from audio_store import AudioStore, ContentId

# The last use of a lease is written at most this often, so that reading does not become writing.
_NOTE_EVERY = timedelta(minutes=1)
# Whether the store is there still is looked up at most this often for a lease.
_LOOK_EVERY = timedelta(seconds=1)


@dataclass(frozen=True)
class DownloadService:
    """Leasing and reading."""

    database: Database
    store: AudioStore
    in_thread: InThread
    now: Callable[[], datetime]
    idle: timedelta  # how long a lease lives after its last use
    memory: Memory[str, KnownLease] = field(default_factory=unheard)
    accesses: Accesses = field(default_factory=Accesses)

    async def open_audio(self, caller: Caller, gunid: Gunid) -> OpenLease:
        """Lease a clip's current revision. Raises Forbidden, NotFound, Unavailable."""
        token = new_token()
        clip, revision = await self.database.run(
            leasing.lease_audio, caller, token, LeaseKind.AUDIO, gunid, self.now(), self.accesses
        )
        content = revision.content
        extension = revision.facts.format.value
        try:
            # Who plans tonight's programme learns it now, not at six in the morning.
            await self._require(content.sha256, content.size)
        except Unavailable:
            await self.database.run(leases.end, token)
            raise
        return OpenLease(token, gunid, extension, content.md5.hex(), content.size, clip.file_name)

    async def open_file(self, caller: Caller, gunid: Gunid) -> LocalFile:
        """Lease a clip's current revision as a file on the server's disk.

        Raises Forbidden, NotFound, Unavailable.
        """
        token = new_token()
        with store_errors():
            path = await self.database.run(
                leasing.lease_file, caller, token, gunid, self.now(), self.accesses, self.store.link
            )
        return LocalFile(token, path)

    async def open_document(self, caller: Caller, gunid: Gunid) -> OpenLease:
        """Lease a clip's current document. Raises Forbidden, NotFound."""
        token = new_token()
        clip, xml = await self.database.run(
            leasing.lease_document, caller, token, gunid, self.now()
        )
        return open_lease(token, clip, xml)

    async def close(self, token: str, kind: LeaseKind) -> Gunid:
        """End a lease, and with it those that were made together with it.

        The token is all it takes. Raises UnknownToken, WrongToken.
        """
        token = checked_token(token)
        ended = await self.database.run(leasing.close, token, kind, self._used_after())
        await self.unlink(ended)
        return next(lease.gunid for lease in ended if lease.token == token)

    async def unlink(self, ended: Collection[Lease]) -> None:
        """Take away the files on the disk of leases that have ended. Raises Unavailable."""
        with store_errors():
            for lease in ended:
                if lease.kind is LeaseKind.FILE:
                    await self.in_thread(self.store.unlink, lease.token, lease.extension)

    async def leased(self, token: str, extension: str) -> AudioFile | DocumentFile | ExportLease:
        """What a lease reads; counts as a use. What an export reads, `ExportService` knows.

        Raises UnknownToken, WrongToken, NotFound for an extension that is not the true one.
        """
        file = self.remembered(token, extension)
        if file is not None:
            return file
        token = checked_token(token)
        known = self.memory.find(token)
        if (
            known is not None
            and known.file.format == extension
            and self._is_fresh(known, self.now())
        ):
            return await self._looked_after(token, known)
        with self.memory.reading(token) as remember:
            lease = await self.database.run(leasing.use, token, self._used_after(), self.now())
            if lease.kind is LeaseKind.FILE:
                raise WrongToken(f"this token is for something else ({lease.kind})")
            if extension != lease.extension:
                raise NotFound(f"this is a .{lease.extension} file")
            if isinstance(lease, ExportLease):
                return lease
            if isinstance(lease, DocumentLease):
                name = xml_name(lease.file_name)
                return DocumentFile(lease.xml.encode(), lease.extension, name, lease.modified)
            known = await self._known(lease)
            file = known.shared()
            if not remember(known):
                known.close()
            return file

    def remembered(self, token: str, extension: str) -> AudioFile | None:
        """What `leased` gives, if that is audio and known at once, without waiting.

        Counts as a use. A lease that was closed is not known, in whichever process; what was begun
        with it before goes on, as with every file that is open.
        """
        known = self._known_at_hand(token, extension)
        return known.shared() if known and known.content.has_size(known.file.size) else None

    def at_hand(self, token: str, extension: str) -> AudioFile | None:
        """The same for who sees himself whether what he sends of it is there: 1 µs less."""
        known = self._known_at_hand(token, extension)
        return known.shared() if known else None

    async def current(self, caller: Caller, gunid: Gunid) -> AudioFile:
        """A clip's current revision. Raises Forbidden, NotFound, Unavailable."""
        run = self.database.run if self.accesses.are_noted else self.database.read
        clip, revision = await run(leasing.current, caller, gunid, self.now(), self.accesses)
        return await self._audio(clip, revision)

    async def revision(self, caller: Caller, gunid: Gunid, number: int) -> AudioFile:
        """One revision of a clip, as long as it is kept.

        Raises Forbidden, NotFound, Unavailable.
        """
        run = self.database.run if self.accesses.are_noted else self.database.read
        clip, revision = await run(
            leasing.revision, caller, gunid, number, self.now(), self.accesses
        )
        return await self._audio(clip, revision)

    async def touch(self, tokens: Collection[str]) -> None:
        """Count as a use of each of these leases."""
        now = self.now()
        known = {token: self.memory.find(token) for token in tokens}
        due = [
            token
            for token, lease in known.items()
            if lease is None or not self._is_fresh(lease, now)
        ]
        if due:
            await self.database.run(leases.touch, due, now)
        for token in due:
            lease = known[token]
            if lease is not None:
                lease.noted_at = now

    def _known_at_hand(self, token: str, extension: str) -> KnownLease | None:
        known = self.memory.find(token)
        if known is None or known.file.format != extension:
            return None
        return known if known.looked_at <= self.now() < known.due_at else None

    def _used_after(self) -> datetime:
        return self.now() - self.idle

    def _note_look(self, known: KnownLease, now: datetime) -> None:
        """Note that the store is there, and when to look for it or to note the use again."""
        known.looked_at = now
        known.due_at = min(now + _LOOK_EVERY, known.noted_at + min(_NOTE_EVERY, self.idle))

    def _is_fresh(self, known: KnownLease, now: datetime) -> bool:
        """Whether the database knows that it is used."""
        return abs(now - known.noted_at) < min(_NOTE_EVERY, self.idle)

    async def _looked_after(self, token: str, known: KnownLease) -> AudioFile:
        """A remembered file, once the store was seen to be there still."""
        self._note_look(known, self.now())  # one reader looks for all
        file = known.shared()
        try:
            await self._require(file.sha256, file.size)
        except BaseException:
            file.content.close()
            self.memory.forget(token)
            raise
        return file

    async def _known(self, lease: AudioLease) -> KnownLease:
        now = self.now()
        content = SharedContent.of(await self._open(lease.sha256, lease.size))
        file = AudioFile(
            content,
            lease.size,
            lease.sha256,
            lease.md5,
            lease.format,
            lease.file_name,
            lease.modified,
        )
        known = KnownLease(file, content, noted_at=now, looked_at=now, due_at=now)
        self._note_look(known, now)
        return known

    async def _audio(self, clip: Clip, revision: Revision) -> AudioFile:
        content = revision.content
        return AudioFile(
            await self._open(content.sha256, content.size),
            content.size,
            content.sha256,
            content.md5,
            revision.facts.format,
            clip.file_name,
            revision.created_at,
        )

    async def _open(self, sha256: bytes, size: int) -> BinaryIO:
        await self._require(sha256, size)
        with store_errors():
            return await self.in_thread(self.store.open_content, ContentId(sha256))

    async def _require(self, sha256: bytes, size: int) -> None:
        with store_errors():
            there = await self.in_thread(self.store.size, ContentId(sha256))
        if there != size:
            raise Damaged
