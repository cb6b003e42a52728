"""Exporting playlists: what an archive is made of is fixed, and kept, when it is opened.

The archive itself is never put together: who reads a part of it gets headers that are computed,
texts from the database, and audio from the store.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import BinaryIO

from archive_server.blocking import Database, InThread
from archive_server.database import exports, leases
from archive_server.errors import BadRequest, Damaged, Unavailable, UnknownToken
from archive_server.model.clips import Revision
from archive_server.model.gunid import Gunid
from archive_server.model.leases import ExportLease
from archive_server.model.playlist_archives import (
    ListType,
)
from archive_server.model.tar_layout import Section, TarLayout
from archive_server.model.uploads import new_token
from archive_server.model.users import Caller
from archive_server.services.accesses import Accesses
from archive_server.services.export_gathering import lease
from archive_server.services.storing import read_part, require_sound, store_errors
from audio_store import AudioStore, ContentId


@dataclass(frozen=True)
class ExportService:
    """Making archives of playlists, and reading them."""

    database: Database
    store: AudioStore
    in_thread: InThread
    now: Callable[[], datetime]
    accesses: Accesses = field(default_factory=Accesses)

    async def open(
        self, caller: Caller, gunids: Sequence[Gunid], list_type: ListType, *, standalone: bool
    ) -> str:
        """Lease an archive of these playlists and all they hold; return its token.

        A `standalone` one has the playlists only, without their clips. What it holds stays as it
        is now. Raises BadRequest, Forbidden, NotFound, Unavailable.
        """
        if not gunids:
            raise BadRequest("plids: at least one playlist expected")
        token = new_token()
        wanted = tuple(dict.fromkeys(gunids))
        kept = await self.database.run(
            lease,
            caller,
            token,
            wanted,
            list_type=list_type,
            standalone=standalone,
            at=self.now(),
            accesses=self.accesses,
        )
        try:
            await self._require(kept)
        except Unavailable:
            await self.database.run(leases.end, token)
            raise
        return token

    async def opened(self, lease: ExportLease) -> "ArchiveFile":
        """The archive that a lease reads. Raises Damaged, also for what was found since."""
        members = await self.database.run(exports.members, lease.token)
        if any(member.is_damaged for member in members):
            raise Damaged("some of the audio is damaged in the store")
        layout = TarLayout.of([member.file for member in members], lease.modified)
        return ArchiveFile(self, lease, layout, [member.sha256 for member in members])

    async def _require(self, revisions: Sequence[Revision]) -> None:
        """Raise Unavailable unless all audio is there: now, not in the middle of the archive."""
        with store_errors():
            await self.in_thread(_require_whole, self.store, revisions)


@dataclass
class ArchiveFile:
    """An archive to be sent, to one reader. Who gets it closes it."""

    _service: ExportService
    lease: ExportLease
    layout: TarLayout
    _contents: Sequence[bytes | None]  # of each member; None: a text
    _audio: BinaryIO | None = None  # of the member that was read last
    _place: int = -1

    async def read(self, part: range) -> bytes:
        """Read a part, which shall fit into memory. Raises UnknownToken, Unavailable."""
        sections = list(self.layout.sections(part))
        texts = iter(await self._texts(sections))
        found = []
        for section in sections:
            if isinstance(section, bytes):
                found.append(section)
            elif self._contents[section.place] is None:
                found.append(next(texts))
            else:
                found.append(await self._read_audio(section))
        return b"".join(found)

    async def close(self) -> None:
        """Let go of the file that was read last."""
        if self._audio is not None:
            await self._service.in_thread(self._audio.close)
            self._audio = None

    async def _texts(self, sections: Sequence[bytes | Section]) -> list[bytes]:
        wanted = [
            section
            for section in sections
            if isinstance(section, Section) and self._contents[section.place] is None
        ]
        if not wanted:
            return []
        texts = await self._service.database.run(exports.texts, self.lease.token, wanted)
        if len(texts) < len(wanted):
            raise UnknownToken("the export was closed")
        return texts

    async def _read_audio(self, section: Section) -> bytes:
        service = self._service
        if self._audio is None or self._place != section.place:
            await self.close()
            sha256 = self._contents[section.place]
            assert sha256 is not None, "it is audio"
            with store_errors():
                self._audio = await service.in_thread(service.store.open_content, ContentId(sha256))
            self._place = section.place
        return await service.in_thread(read_part, self._audio, section.part)


def _require_whole(store: AudioStore, revisions: Sequence[Revision]) -> None:
    for revision in revisions:
        content = revision.content
        require_sound(content)
        if store.size(ContentId(content.sha256)) != content.size:
            raise Damaged
