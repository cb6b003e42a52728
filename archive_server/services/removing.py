"""Putting clips, playlists and webstreams into the trash, out of it, and away for good.

Transaction functions; all kinds go alike.
"""

from collections.abc import Collection
from datetime import datetime
from typing import Any

from archive_server.database import clips, documents, journal, playlists, search
from archive_server.errors import Conflict, NotFound
from archive_server.model.clips import Clip, ClipState, FileType
from archive_server.model.gunid import Gunid
from archive_server.model.journal import EventKind
from archive_server.model.playlists import search_document
from archive_server.model.rights import Action
from archive_server.model.users import Caller
from archive_server.services.rights import require_on_clip


def trash(
    cursor: Any, caller: Caller, gunid: Gunid, kinds: Collection[FileType], at: datetime
) -> None:
    """Move what is of one of these kinds to the trash. Raises Forbidden, NotFound, Conflict."""
    clip = clips.hold(cursor, gunid)
    if clip is None or clip.state is not ClipState.READY:
        raise NotFound(f"there is no {_noun(kinds)} {gunid}")
    _require(cursor, caller, clip, kinds)
    playlists.end_edit(cursor, gunid)
    clips.trash(cursor, clip.clip_id, at)
    search.unindex(cursor, clip.clip_id)
    journal.add(cursor, EventKind.TRASHED, clip.clip_id, by=caller, at=at)


def delete(
    cursor: Any, caller: Caller, gunid: Gunid, kinds: Collection[FileType], at: datetime
) -> None:
    """Remove what is of one of these kinds, if it is there. Raises Forbidden, Conflict."""
    clip = clips.hold(cursor, gunid)
    if clip is not None:
        _require(cursor, caller, clip, kinds)
        remove(cursor, clip, caller, at)


def remove(cursor: Any, clip: Clip, by: Caller | None, at: datetime) -> None:
    """Remove a clip for good; None: the archive itself does. The caller holds the gunid."""
    journal.add(cursor, EventKind.DELETED, clip.clip_id, by=by, at=at)
    playlists.end_edit(cursor, clip.gunid)
    search.unindex(cursor, clip.clip_id)
    clips.remove(cursor, clip.clip_id)
    documents.remove_unless_used(cursor, clip.document_id)


def restore(cursor: Any, gunid: Gunid, at: datetime) -> None:
    """Take a clip out of the trash. Raises NotFound."""
    clip = clips.hold(cursor, gunid)
    if clip is None or clip.state is not ClipState.TRASHED:
        raise NotFound(f"{gunid} is not in the trash")
    clips.restore(cursor, clip.clip_id)
    document = search_document(clip.file_type, documents.xml(cursor, clip.document_id))
    search.index(cursor, clip.clip_id, gunid, clip.file_type, document, clip.mtime)
    journal.add(cursor, EventKind.RESTORED, clip.clip_id, by=None, at=at)


def _noun(kinds: Collection[FileType]) -> str:
    return "playlist" if FileType.PLAYLIST in kinds else "clip"


def _require(cursor: Any, caller: Caller, clip: Clip, kinds: Collection[FileType]) -> None:
    require_on_clip(cursor, caller, Action.WRITE, clip)
    if clip.file_type not in kinds:
        raise Conflict(f"{clip.gunid} is {clip.file_type.noun}; another call deletes those")
