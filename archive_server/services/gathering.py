"""What a playlist holds, at any depth, found and kept while somebody works with it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from archive_server.database import clips, documents, leases
from archive_server.errors import Forbidden, NotFound
from archive_server.model.clips import Clip, ClipState, FileType
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid
from archive_server.model.leases import LeaseKind
from archive_server.model.playlists import Item, Playlist
from archive_server.model.rights import Action
from archive_server.model.uploads import new_token
from archive_server.model.users import Caller
from archive_server.services.rights import require_on_clip


@dataclass(frozen=True, slots=True)
class Held:
    """A clip or a webstream, its description, and the first element that plays it."""

    clip: Clip
    document: Document
    element: str


@dataclass(frozen=True)
class Gathered:
    """A playlist, and all that it holds."""

    clip: Clip  # the playlist's own
    playlist: Playlist
    playlists: Mapping[Gunid, Playlist]  # those it holds, as the archive has them
    held: Mapping[Gunid, Held]


def gather(cursor: Any, caller: Caller, gunid: Gunid, lease: str, at: datetime) -> Gathered:
    """Find what a playlist holds, and lease it under this token until that lease is ended.

    Who dies before that leaves it to the janitor. Raises Forbidden and NotFound, in the name of
    the element that is to blame.
    """
    clip = clips.get_ready_for_reading(cursor, gunid)
    if clip.file_type is not FileType.PLAYLIST:
        raise NotFound(f"{gunid} is {clip.file_type.noun}, not a playlist")
    require_on_clip(cursor, caller, Action.READ, clip)
    playlist = Playlist.parse(documents.xml(cursor, clip.document_id))
    gathering = _Gathering(cursor, caller, {gunid: playlist})
    gathering.look_into(playlist, "")
    leases.add_document(cursor, lease, clip, user_id=caller.user_id, at=at)
    for held in gathering.held.values():
        _lease(cursor, caller, held.clip, lease, at)
    return Gathered(clip, playlist, gathering.playlists, gathering.held)


@dataclass
class _Gathering:
    """One transaction that finds what a playlist holds."""

    cursor: Any
    caller: Caller
    playlists: dict[Gunid, Playlist]
    held: dict[Gunid, Held] = field(default_factory=dict)

    def look_into(self, playlist: Playlist, element: str) -> None:
        for item in playlist.items:
            name = element + item.element_id
            if item.kind is FileType.PLAYLIST:
                self._playlist(item, name)
            elif item.gunid is None:
                raise NotFound(f"playlistElement {name}: it does not say which clip it plays")
            elif item.gunid not in self.held:
                self.held[item.gunid] = self._clip(item.gunid, name)

    def _playlist(self, item: Item, element: str) -> None:
        """Look into a playlist as the archive has it, or as it is written in the item."""
        if item.gunid in self.playlists:
            return
        clip = self._find(item.gunid, element) if item.gunid else None
        if clip is not None and clip.file_type is FileType.PLAYLIST and item.gunid:
            playlist = Playlist.parse(documents.xml(self.cursor, clip.document_id))
            self.playlists[item.gunid] = playlist
        elif item.inline is not None:
            playlist = item.inline
        else:
            raise NotFound(f"playlistElement {element}: there is no playlist {item.gunid}")
        self.look_into(playlist, f"{element}/")

    def _clip(self, gunid: Gunid, element: str) -> Held:
        clip = self._find(gunid, element)
        if clip is None or clip.file_type is FileType.PLAYLIST:
            raise NotFound(f"playlistElement {element}: there is no clip {gunid}")
        document = Document.parse(documents.xml(self.cursor, clip.document_id))
        return Held(clip, document, element)

    def _find(self, gunid: Gunid, element: str) -> Clip | None:
        """What can be seen under this id, as it stays for the transaction."""
        clip = clips.find_for_reading(self.cursor, gunid)
        if clip is None or clip.state is not ClipState.READY:
            return None
        try:
            require_on_clip(self.cursor, self.caller, Action.READ, clip)
        except Forbidden as error:
            raise Forbidden(f"playlistElement {element}: {error}") from error
        return clip


def _lease(cursor: Any, caller: Caller, clip: Clip, parent: str, at: datetime) -> None:
    """Keep a clip's audio from going, as long as the playlist's lease is there."""
    if clip.revision is not None:
        leases.add_audio(
            cursor,
            new_token(),
            LeaseKind.AUDIO,
            clip,
            clip.revision,
            user_id=caller.user_id,
            at=at,
            parent=parent,
        )
