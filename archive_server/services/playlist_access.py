"""Reading playlists with all they hold: leases of every clip, stream and playlist in them."""

from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from archive_server.blocking import Database
from archive_server.database import clips, documents, leases
from archive_server.errors import ArchiveError, Damaged, NotFound, TooLarge, Unavailable
from archive_server.model.clips import Clip, ClipState, FileType
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid
from archive_server.model.leases import LeaseKind
from archive_server.model.playlists import Item, Playlist
from archive_server.model.rights import Action
from archive_server.model.uploads import new_token
from archive_server.model.users import Caller
from archive_server.services.accesses import Accesses
from archive_server.services.downloads import DownloadService
from archive_server.services.leased_files import LocalFile, OpenLease, open_lease
from archive_server.services.rights import require_on_clip
from archive_server.services.storing import store_errors
from archive_server.services.webstreams import URL
from audio_store import AudioStore, AudioStoreError, ContentId

# Playlists that hold others twice, which hold others twice: nobody means to open all of that.
_MOST = 10_000


@dataclass(frozen=True, slots=True)
class OpenStream:
    """A webstream: its token, and where it is to be heard."""

    token: str
    url: str


@dataclass(frozen=True, slots=True)
class OpenPlaylist:
    """A playlist to read, and what it holds, in the order of its elements.

    There is no lease, but a warning, for one that is not in the archive.
    """

    lease: OpenLease | None
    content: tuple["OpenItem", ...]
    warning: str = ""


OpenItem = LocalFile | OpenStream | OpenPlaylist


@dataclass(frozen=True)
class PlaylistAccess:
    """Leasing playlists."""

    database: Database
    store: AudioStore
    downloads: DownloadService
    now: Callable[[], datetime]

    async def open(self, caller: Caller, gunid: Gunid, *, recursive: bool) -> OpenPlaylist:
        """Lease a playlist as it was last saved; if `recursive`, with all it holds.

        Raises Forbidden; NotFound and Damaged, also for a clip that it holds; TooLarge,
        Unavailable. Then nothing is leased.
        """
        links = _Links(self.store)
        with store_errors():
            try:
                return await self.database.run(
                    _open, caller, gunid, recursive, self.now(), links, self.downloads.accesses
                )
            except Damaged:
                await self.downloads.in_thread(links.undo)
                raise
            except Unavailable:
                # The transaction may have been committed. If it was not, the janitor finds the
                # files that have no leases.
                raise
            except (ArchiveError, AudioStoreError):
                await self.downloads.in_thread(links.undo)
                raise

    async def release(self, token: str) -> Gunid:
        """End the lease of a playlist, and of all that was leased with it.

        The token is all it takes. Raises UnknownToken, WrongToken.
        """
        return await self.downloads.close(token, LeaseKind.PLAYLIST)


@dataclass(frozen=True)
class _Links:
    """The files on the disk that a transaction has made so far. Blocks."""

    store: AudioStore
    made: list[tuple[str, str]] = field(default_factory=list)

    def add(self, content_id: ContentId, token: str, extension: str) -> Path:
        self.made.append((token, extension))
        return self.store.link(content_id, token, extension)

    def undo(self) -> None:
        """Take them away: the transaction has failed."""
        while self.made:
            self.store.unlink(*self.made.pop())


def _open(
    cursor: Any,
    caller: Caller,
    gunid: Gunid,
    recursive: bool,
    at: datetime,
    links: _Links,
    accesses: Accesses,
) -> OpenPlaylist:
    links.undo()  # if this is tried once more
    opening = _Opening(cursor, caller, at, links, accesses, recursive)
    clip = opening.find(gunid)
    if clip is None:
        raise NotFound(f"there is no playlist {gunid}")
    if clip.file_type is not FileType.PLAYLIST:
        raise NotFound(f"{gunid} is {clip.file_type.noun}, not a playlist")
    return opening.playlist(clip, None)


@dataclass
class _Opening:
    """One transaction that leases a playlist and what it holds."""

    cursor: Any
    caller: Caller
    at: datetime
    links: _Links
    accesses: Accesses
    recursive: bool
    opened: int = 0
    known: dict[Gunid, Clip | None] = field(default_factory=dict)

    def find(self, gunid: Gunid) -> Clip | None:
        """What can be seen under this id and may be read, as it stays for the transaction."""
        if gunid not in self.known:
            clip = clips.find_for_reading(self.cursor, gunid)
            if clip is not None and clip.state is not ClipState.READY:
                clip = None
            if clip is not None:
                require_on_clip(self.cursor, self.caller, Action.READ, clip)
            self.known[gunid] = clip
        return self.known[gunid]

    def playlist(self, clip: Clip, parent: str | None) -> OpenPlaylist:
        token = new_token()
        xml = self._lease_document(token, clip, LeaseKind.PLAYLIST, parent)
        content: tuple[OpenItem, ...] = ()
        if self.recursive:
            content = self._content(Playlist.parse(xml), token)
        return OpenPlaylist(open_lease(token, clip, xml), content)

    def _content(self, playlist: Playlist, parent: str) -> tuple[OpenItem, ...]:
        return tuple(self._item(item, parent) for item in playlist.items)

    def _item(self, item: Item, parent: str) -> OpenItem:
        self.opened += 1
        if self.opened > _MOST:
            raise TooLarge(f"the playlist holds more than {_MOST} items, counting all inside")
        clip = self.find(item.gunid) if item.gunid else None
        if item.kind is FileType.PLAYLIST:
            if clip is None or clip.file_type is not FileType.PLAYLIST:
                return self._missing(item, parent)
            return self.playlist(clip, parent)
        if clip is None or clip.file_type is FileType.PLAYLIST:
            name = item.gunid or "without an id"
            raise NotFound(f"playlistElement {item.element_id}: there is no clip {name}")
        if clip.file_type is FileType.WEBSTREAM:
            return self._stream(clip, parent)
        return self._file(clip, parent)

    def _missing(self, item: Item, parent: str) -> OpenPlaylist:
        content = self._content(item.inline, parent) if item.inline else ()
        return OpenPlaylist(None, content, f"there is no playlist {item.gunid}")

    def _stream(self, clip: Clip, parent: str) -> OpenStream:
        token = new_token()
        xml = self._lease_document(token, clip, LeaseKind.DOCUMENT, parent)
        return OpenStream(token, Document.parse(xml).first(URL) or "")

    def _file(self, clip: Clip, parent: str) -> LocalFile:
        token = new_token()
        revision = clip.revision
        assert revision is not None, "audio clips have one"
        if revision.content.is_damaged:
            raise Damaged(f"clip {clip.gunid} is damaged in the store")
        leases.add_audio(
            self.cursor,
            token,
            LeaseKind.FILE,
            clip,
            revision,
            user_id=self.caller.user_id,
            at=self.at,
            parent=parent,
        )
        self.accesses.note(self.cursor, self.caller, clip, self.at)
        content_id = ContentId(revision.content.sha256)
        return LocalFile(token, self.links.add(content_id, token, revision.facts.format.value))

    def _lease_document(self, token: str, clip: Clip, kind: LeaseKind, parent: str | None) -> str:
        leases.add_document(
            self.cursor,
            token,
            clip,
            user_id=self.caller.user_id,
            at=self.at,
            kind=kind,
            parent=parent,
        )
        self.accesses.note(self.cursor, self.caller, clip, self.at)
        return documents.xml(self.cursor, clip.document_id)
