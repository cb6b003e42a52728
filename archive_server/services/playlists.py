"""Making, changing, describing and deleting playlists.

One user at a time changes a playlist: the lease of kind `edit` that they get is the right to save
it, and pins the version they began with. Until they save, everybody else has that version.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from archive_server.blocking import Database
from archive_server.database import clips, documents, leases, playlists
from archive_server.database.playlists import Edit
from archive_server.errors import (
    Conflict,
    Forbidden,
    NotFound,
    UnknownToken,
    WrongToken,
)
from archive_server.model.clips import Clip, ClipState, FileType
from archive_server.model.gunid import Gunid, IdStyle
from archive_server.model.leases import LeaseKind
from archive_server.model.playlists import Playlist
from archive_server.model.rights import Action
from archive_server.model.uploads import checked_token, new_token
from archive_server.model.users import Caller
from archive_server.services import playlist_saving, removing
from archive_server.services.downloads import DownloadService
from archive_server.services.leased_files import OpenLease, open_lease
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


def _create(cursor: Any, caller: Caller, gunid: Gunid, file_name: str, at: datetime) -> None:
    playlist = Playlist.empty()
    playlist_saving.lock(cursor, gunid, playlist)
    clip = clips.find(cursor, gunid)
    if clip is not None and clip.state is ClipState.READY:
        raise Conflict(f"{gunid} exists already, as {clip.file_type.noun}")
    playlist_saving.save(cursor, caller, clip, gunid, playlist, file_name, at)


def _edit(cursor: Any, caller: Caller, token: str, gunid: Gunid, at: datetime) -> tuple[Clip, str]:
    clips.lock_gunid(cursor, gunid)
    clip = playlists.get_ready(cursor, gunid)
    require_on_clip(cursor, caller, Action.WRITE, clip)
    playlist_saving.refuse_if_edited(cursor, gunid)
    leases.add_document(cursor, token, clip, user_id=caller.user_id, at=at, kind=LeaseKind.EDIT)
    return clip, documents.xml(cursor, clip.document_id)


def _save_edited(
    cursor: Any, caller: Caller, token: str, xml: str, largest: int, at: datetime
) -> Gunid:
    gunid = _editor_s(cursor, caller, token).gunid
    playlist = Playlist.parse(xml, largest=largest)
    playlist.check_metadata()
    playlist_saving.lock(cursor, gunid, playlist)
    _editor_s(cursor, caller, token)  # it may have been given back meanwhile
    clip = playlists.get_ready(cursor, gunid)
    leases.end(cursor, token)
    playlist_saving.save(cursor, caller, clip, gunid, playlist, clip.file_name, at)
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
