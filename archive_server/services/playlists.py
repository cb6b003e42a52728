"""Making, changing, describing and deleting playlists.

One user at a time changes a playlist: the lease of kind `edit` that they get is the right to save
it, and pins the version they began with. Until they save, everybody else has that version.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from archive_server.blocking import Database
from archive_server.database import clips, documents, journal, leases, playlists, search
from archive_server.database.playlists import Edit
from archive_server.errors import (
    BadDocument,
    Conflict,
    Forbidden,
    NotFound,
    UnknownToken,
    WrongToken,
)
from archive_server.model.clips import Clip, ClipState, FileType
from archive_server.model.documents import Document
from archive_server.model.extents import extent_us, is_extent
from archive_server.model.gunid import Gunid, IdStyle
from archive_server.model.journal import EventKind
from archive_server.model.leases import LeaseKind
from archive_server.model.playlists import Item, Playlist
from archive_server.model.rights import Action
from archive_server.model.uploads import checked_token, new_token
from archive_server.model.users import Caller
from archive_server.services import removing
from archive_server.services.clip_making import require_to_store
from archive_server.services.downloads import DownloadService, OpenLease, open_lease
from archive_server.services.rights import require_on_clip

_PLAYLISTS = (FileType.PLAYLIST,)
_EVER = datetime.min.replace(tzinfo=UTC)


@dataclass(frozen=True)
class PlaylistService:
    """What may be done with playlists, but for reading them with all they hold."""

    database: Database
    downloads: DownloadService
    now: Callable[[], datetime]
    id_style: IdStyle
    largest_document: int  # bytes

    async def create(self, caller: Caller, gunid: Gunid | None, file_name: str) -> Gunid:
        """Make an empty playlist. Raises Forbidden, Conflict for an id that is taken."""
        gunid = gunid or Gunid.new(self.id_style)
        await self.database.run(_create, caller, gunid, file_name, self.now())
        return gunid

    async def edit(self, caller: Caller, gunid: Gunid) -> OpenLease:
        """Give out the right to change a playlist, and the playlist to read.

        Raises Forbidden, NotFound; Conflict while anybody has that right.
        """
        token = new_token()
        clip, xml = await self.database.run(_edit, caller, token, gunid, self.now())
        return open_lease(token, clip, xml)

    async def save(self, caller: Caller, token: str, xml: str) -> Gunid:
        """Save a playlist and give back the right to change it; or raise, and change nothing.

        Raises UnknownToken, WrongToken, Forbidden, NotFound, BadDocument.
        """
        token = checked_token(token)
        return await self.database.run(
            _save_edited, caller, token, xml, self.largest_document, self.now()
        )

    async def revert(self, token: str) -> Gunid:
        """Give back the right to change a playlist; the token is all it takes.

        Raises UnknownToken, WrongToken.
        """
        return await self.downloads.close(token, LeaseKind.EDIT)

    async def unlock(self, gunid: Gunid) -> Edit:
        """Take back the right to change a playlist; return whose it was. Raises NotFound."""
        return await self.database.run(_unlock, gunid)

    async def edits(self) -> list[Edit]:
        """Who changes which playlist, the longest first."""
        return await self.database.run(playlists.list_edits)

    async def delete(self, caller: Caller, gunid: Gunid, *, forced: bool) -> None:
        """Move a playlist to the trash, or remove it for good if forced. Readers go on reading.

        Who changes it can save it no more. Raises Forbidden; Conflict for what is no playlist;
        and NotFound unless forced: what is to be gone and is, is no error.
        """
        work = removing.delete if forced else removing.trash
        await self.database.run(work, caller, gunid, _PLAYLISTS, self.now())

    async def exists(self, caller: Caller, gunid: Gunid) -> bool:
        """Whether there is such a playlist to be seen.

        Raises Forbidden where there is one that the caller may not read.
        """
        return await self.database.run(_exists, caller, gunid)

    async def edit_of(self, caller: Caller, gunid: Gunid) -> Edit | None:
        """Who changes a playlist, if somebody does. Raises Forbidden, NotFound."""
        return await self.database.run(_edit_of, caller, gunid)


# -- transaction functions --------------------------------------------------------------------


def lock(cursor: Any, gunid: Gunid, playlist: Playlist) -> None:
    """Keep others away from what `save` looks at, until the transaction ends.

    Who saves several playlists in one transaction calls it for all of them before the first, or
    may find that the transaction is tried again.
    """
    if _held(playlist):
        playlists.lock_nesting(cursor)
    clips.lock_gunid(cursor, gunid)


def save(
    cursor: Any,
    caller: Caller,
    clip: Clip | None,
    gunid: Gunid,
    playlist: Playlist,
    file_name: str,
    at: datetime,
) -> int:
    """Make a playlist (`clip` is None), or a new version of one; return its number.

    The caller has called `lock`, and then found `clip`. Raises Forbidden, BadDocument; Conflict
    for what is no playlist, and while somebody changes it.
    """
    require_to_store(cursor, caller, clip)
    if clip is not None and clip.file_type is not FileType.PLAYLIST:
        raise Conflict(f"{gunid} is {clip.file_type.noun}, not a playlist")
    if clip is None:
        playlists.end_edit(cursor, gunid)  # of one that was removed
    _refuse_if_edited(cursor, gunid)
    playlist = _completed(cursor, playlist).in_time()
    held = _held(playlist)
    if held:
        playlists.lock_nesting(cursor)
        playlists.check_nesting(cursor, gunid, held)
    if clip is None:
        clip_id = _add(cursor, caller, gunid, playlist, file_name, at)
    else:
        clip_id = clip.clip_id
        if clip.state is ClipState.TRASHED:
            clips.restore(cursor, clip_id)
        clips.rename(cursor, clip_id, file_name)
        _write(cursor, clip_id, gunid, playlist, at)
    playlists.set_held(cursor, clip_id, held)
    kind = EventKind.CREATED if clip is None else EventKind.REPLACED
    journal.add(cursor, kind, clip_id, by=caller, at=at)
    return clip_id


def describe(cursor: Any, caller: Caller, clip: Clip, xml: str, largest: int, at: datetime) -> None:
    """Give a playlist other metadata; the caller holds the gunid and has asked for the right.

    `xml` is a metadata document, or the playlist as it is with other metadata. Raises
    BadDocument; Conflict while somebody changes the playlist.
    """
    _refuse_if_edited(cursor, clip.gunid)
    old = Playlist.parse(documents.xml(cursor, clip.document_id))
    described = old.described_by(_metadata(xml, largest, old))
    described.check_metadata()
    _write(cursor, clip.clip_id, clip.gunid, described, at)
    journal.add(cursor, EventKind.UPDATED, clip.clip_id, by=caller, at=at)


def _metadata(xml: str, largest: int, old: Playlist) -> Document:
    try:
        return Document.parse(xml, largest=largest)
    except BadDocument:
        new = Playlist.parse(xml, largest=largest)
    if new.items != old.items:
        raise BadDocument("playlist: what it holds is changed by savePlaylist only")
    return new.document


def _create(cursor: Any, caller: Caller, gunid: Gunid, file_name: str, at: datetime) -> None:
    playlist = Playlist.empty()
    lock(cursor, gunid, playlist)
    clip = clips.find(cursor, gunid)
    if clip is not None and clip.state is ClipState.READY:
        raise Conflict(f"{gunid} exists already, as {clip.file_type.noun}")
    save(cursor, caller, clip, gunid, playlist, file_name, at)


def _edit(cursor: Any, caller: Caller, token: str, gunid: Gunid, at: datetime) -> tuple[Clip, str]:
    clips.lock_gunid(cursor, gunid)
    clip = playlists.get_ready(cursor, gunid)
    require_on_clip(cursor, caller, Action.WRITE, clip)
    _refuse_if_edited(cursor, gunid)
    leases.add_document(cursor, token, clip, user_id=caller.user_id, at=at, kind=LeaseKind.EDIT)
    return clip, documents.xml(cursor, clip.document_id)


def _save_edited(
    cursor: Any, caller: Caller, token: str, xml: str, largest: int, at: datetime
) -> Gunid:
    gunid = _editor_s(cursor, caller, token).gunid
    playlist = Playlist.parse(xml, largest=largest)
    playlist.check_metadata()
    lock(cursor, gunid, playlist)
    _editor_s(cursor, caller, token)  # it may have been given back meanwhile
    clip = playlists.get_ready(cursor, gunid)
    leases.end(cursor, token)
    save(cursor, caller, clip, gunid, playlist, clip.file_name, at)
    return gunid


def _editor_s(cursor: Any, caller: Caller, token: str) -> Edit:
    """The edit with this token, which is the caller's."""
    lease = leases.get(cursor, token, used_after=_EVER)  # this kind does not expire
    if lease.kind is not LeaseKind.EDIT:
        raise WrongToken(f"this token is for something else ({lease.kind})")
    edit = playlists.find_edit(cursor, lease.gunid)
    if edit is None or edit.token != token:  # given back since the line above
        raise UnknownToken("unknown, closed or expired token")
    if edit.user_id != caller.user_id:
        raise Forbidden(f"user {caller.login} does not change {edit.gunid}; {edit.login} does")
    return edit


def _unlock(cursor: Any, gunid: Gunid) -> Edit:
    clips.lock_gunid(cursor, gunid)
    edit = playlists.find_edit(cursor, gunid)
    if edit is None:
        raise NotFound(f"nobody changes {gunid}")
    leases.end(cursor, edit.token)
    return edit


def _exists(cursor: Any, caller: Caller, gunid: Gunid) -> bool:
    clip = clips.find(cursor, gunid)
    if clip is None:
        return False
    require_on_clip(cursor, caller, Action.READ, clip)
    return clip.state is ClipState.READY and clip.file_type is FileType.PLAYLIST


def _edit_of(cursor: Any, caller: Caller, gunid: Gunid) -> Edit | None:
    require_on_clip(cursor, caller, Action.READ, playlists.get_ready(cursor, gunid))
    return playlists.find_edit(cursor, gunid)


def _refuse_if_edited(cursor: Any, gunid: Gunid) -> None:
    edit = playlists.find_edit(cursor, gunid)
    if edit is not None:
        who = edit.login or "a user who is gone"
        raise Conflict(f"playlist {gunid} is being changed by {who}, since {edit.since:%F %R} UTC")


def _held(playlist: Playlist) -> list[Gunid]:
    """The playlists it holds, each once."""
    found = {
        item.gunid: None
        for item in playlist.references()
        if item.kind is FileType.PLAYLIST and item.gunid is not None
    }
    return list(found)


def _completed(cursor: Any, playlist: Playlist) -> Playlist:
    """The playlist with the titles and lengths that its items lack and the archive knows.

    C++ clients cannot read items without. Raises BadDocument for a clip that is a playlist, or
    the other way round.
    """
    gunids = {item.gunid for item in playlist.references() if item.gunid is not None}
    known = playlists.referred(cursor, gunids)
    for item in playlist.references():
        found = known.get(item.gunid) if item.gunid else None
        if found and (found.file_type is FileType.PLAYLIST) != (item.kind is FileType.PLAYLIST):
            raise BadDocument(
                f"playlistElement {item.element_id}: {item.gunid} is {found.file_type.noun}"
            )
    items = (
        _completed_item(item, known[item.gunid]) if item.gunid in known else item
        for item in playlist.items
    )
    return replace(playlist, items=tuple(items))


def _completed_item(item: Item, found: playlists.Referred) -> Item:
    length_us = item.length_us
    if length_us is None and is_extent(found.length):
        length_us = extent_us(found.length)
    return replace(item, title=item.title or found.title, length_us=length_us)


def _add(
    cursor: Any, caller: Caller, gunid: Gunid, playlist: Playlist, file_name: str, at: datetime
) -> int:
    stamped = playlist.stamped(at)
    document_id = documents.add(cursor, stamped.to_xml())
    clip_id = clips.add(
        cursor,
        gunid,
        FileType.PLAYLIST,
        owner_id=caller.user_id,
        file_name=file_name,
        document_id=document_id,
        at=at,
    )
    _note(cursor, clip_id, gunid, stamped, document_id, at)
    return clip_id


def _write(cursor: Any, clip_id: int, gunid: Gunid, playlist: Playlist, at: datetime) -> None:
    stamped = playlist.stamped(at)
    document_id = documents.add(cursor, stamped.to_xml())
    clips.describe(cursor, clip_id, document_id, at)
    _note(cursor, clip_id, gunid, stamped, document_id, at)


def _note(
    cursor: Any, clip_id: int, gunid: Gunid, playlist: Playlist, document_id: int, at: datetime
) -> None:
    """Let the version be known and found."""
    playlists.add_revision(cursor, clip_id, document_id, at)
    search.index(cursor, clip_id, gunid, FileType.PLAYLIST, playlist.to_be_found(), at)
