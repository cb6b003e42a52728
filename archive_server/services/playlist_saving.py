"""Writing a playlist and whatever follows from it, in a transaction of the caller's.

What is written is complete: it holds the titles and lengths that C++ clients cannot do without, and
nobody else is changing it.
"""

from dataclasses import replace
from datetime import datetime
from typing import Any

from archive_server.database import clips, documents, journal, playlists, search
from archive_server.errors import BadDocument, Conflict
from archive_server.model.clips import Clip, ClipState, FileType
from archive_server.model.documents import Document
from archive_server.model.extents import extent_us, is_extent
from archive_server.model.gunid import Gunid
from archive_server.model.journal import EventKind
from archive_server.model.playlists import Item, Playlist
from archive_server.model.users import Caller
from archive_server.services.clip_making import require_to_store


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
    refuse_if_edited(cursor, gunid)
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
    refuse_if_edited(cursor, clip.gunid)
    old = Playlist.parse(documents.xml(cursor, clip.document_id))
    described = old.described_by(_metadata(xml, largest, old))
    described.check_metadata()
    _write(cursor, clip.clip_id, clip.gunid, described, at)
    journal.add(cursor, EventKind.UPDATED, clip.clip_id, by=caller, at=at)


def refuse_if_edited(cursor: Any, gunid: Gunid) -> None:
    """Raise Conflict while somebody changes this playlist."""
    edit = playlists.find_edit(cursor, gunid)
    if edit is not None:
        who = edit.login or "a user who is gone"
        raise Conflict(f"playlist {gunid} is being changed by {who}, since {edit.since:%F %R} UTC")


def _metadata(xml: str, largest: int, old: Playlist) -> Document:
    try:
        return Document.parse(xml, largest=largest)
    except BadDocument:
        new = Playlist.parse(xml, largest=largest)
    if new.items != old.items:
        raise BadDocument("playlist: what it holds is changed by savePlaylist only")
    return new.document


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
