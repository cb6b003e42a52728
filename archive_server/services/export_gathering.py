"""What an archive of playlists is made of, found and leased in one transaction."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from archive_server.database import clips, documents, exports, leases
from archive_server.errors import NotFound
from archive_server.model.clips import Clip, ClipState, FileType, Revision
from archive_server.model.completion import EXTENT, TITLE
from archive_server.model.documents import Document
from archive_server.model.extents import extent_us, is_extent
from archive_server.model.gunid import Gunid
from archive_server.model.leases import LeaseKind
from archive_server.model.playlist_archives import (
    ListType,
    audio_name,
    document_name,
    playlist_name,
    topmost_name,
)
from archive_server.model.playlist_exports import Known, written
from archive_server.model.playlists import Item, Playlist
from archive_server.model.rights import Action
from archive_server.model.uploads import new_token
from archive_server.model.users import Caller
from archive_server.services.accesses import Accesses
from archive_server.services.rights import require_on_clip


@dataclass
class _Export:
    """An archive, as one transaction gathers it."""

    caller: Caller
    token: str
    list_type: ListType
    standalone: bool
    at: datetime
    accesses: Accesses
    playlists: dict[Gunid, tuple[Playlist, str]] = field(default_factory=dict)  # and its XML
    clips: dict[Gunid, tuple[Clip, str]] = field(default_factory=dict)  # and its document
    known: dict[Gunid, Known] = field(default_factory=dict)


def lease(
    cursor: Any,
    caller: Caller,
    token: str,
    wanted: Sequence[Gunid],
    *,
    list_type: ListType,
    standalone: bool,
    at: datetime,
    accesses: Accesses,
) -> list[Revision]:
    """Gather everything, lease it, and note what the archive is made of; return its audio."""
    export = _Export(caller, token, list_type, standalone, at, accesses)
    for gunid in wanted:
        _gather_playlist(cursor, export, gunid, None)
    first, _ = export.playlists[wanted[0]]
    exports.add_lease(
        cursor,
        export.token,
        wanted[0],
        first.title or str(wanted[0]),
        user_id=export.caller.user_id,
        at=export.at,
    )
    members = _playlist_members(export, wanted)
    if not export.standalone:
        members += _clip_members(cursor, export)
    exports.add_members(cursor, export.token, members)
    found = (clip.revision for clip, _ in export.clips.values())
    return [] if export.standalone else [revision for revision in found if revision is not None]


def _gather_playlist(cursor: Any, export: _Export, gunid: Gunid, inline: Playlist | None) -> None:
    """Take a playlist as it was last saved, or as another one has written it, and all it holds."""
    if gunid in export.playlists:
        return
    clip = clips.find_for_reading(cursor, gunid)
    if clip is not None and clip.state is ClipState.READY:
        if clip.file_type is not FileType.PLAYLIST:
            raise NotFound(f"{gunid} is {clip.file_type.noun}, not a playlist")
        require_on_clip(cursor, export.caller, Action.READ, clip)
        xml = documents.xml(cursor, clip.document_id)
        playlist = Playlist.parse(xml)
        export.accesses.note(cursor, export.caller, clip, export.at)
    elif inline is not None:
        playlist, xml = inline, inline.to_xml()
    else:
        raise NotFound(f"there is no playlist {gunid}")
    export.playlists[gunid] = (playlist, xml)
    export.known[gunid] = Known(FileType.PLAYLIST, playlist.title, playlist.length_us)
    for item in playlist.references():
        _gather(cursor, export, item)


def _gather(cursor: Any, export: _Export, item: Item) -> None:
    if item.gunid is None:
        return  # all that is known of it is where it is
    if item.kind is FileType.PLAYLIST:
        _gather_playlist(cursor, export, item.gunid, item.inline)
    elif item.gunid not in export.clips:
        _gather_clip(cursor, export, item.gunid)


def _gather_clip(cursor: Any, export: _Export, gunid: Gunid) -> None:
    clip = clips.get_ready_for_reading(cursor, gunid)
    if clip.file_type is FileType.PLAYLIST:
        raise NotFound(f"{gunid} is a playlist, not an audio clip")
    require_on_clip(cursor, export.caller, Action.READ, clip)
    xml = documents.xml(cursor, clip.document_id)
    if not export.standalone:
        export.accesses.note(cursor, export.caller, clip, export.at)
    export.clips[gunid] = (clip, xml)
    export.known[gunid] = _known(clip, Document.parse(xml))


def _known(clip: Clip, document: Document) -> Known:
    title = document.first(TITLE) or ""
    if clip.revision is None:
        extent = document.first(EXTENT) or ""
        length_us = extent_us(extent) if is_extent(extent) else None
        return Known(clip.file_type, title, length_us, url=document.first("ls:url") or "")
    facts = clip.revision.facts
    return Known(clip.file_type, title, facts.duration_us, extension=facts.format.value)


def _playlist_members(export: _Export, wanted: Sequence[Gunid]) -> list[exports.NewMember]:
    members = []
    if len(wanted) == 1:
        body = _body(export, wanted[0], is_topmost=True)
        members.append(_text(topmost_name(export.list_type), body))
    for gunid in export.playlists:
        name = playlist_name(gunid, export.list_type)
        members.append(_text(name, _body(export, gunid, is_topmost=False)))
    return members


def _body(export: _Export, gunid: Gunid, *, is_topmost: bool) -> bytes:
    playlist, xml = export.playlists[gunid]
    if export.list_type is ListType.LSPL:
        return xml.encode()
    return written(playlist, export.known, export.list_type, is_topmost=is_topmost)


def _clip_members(cursor: Any, export: _Export) -> list[exports.NewMember]:
    members = []
    for gunid, (clip, xml) in export.clips.items():
        if clip.revision is not None:
            members.append(_leased(cursor, export, clip, clip.revision))
        members.append(_text(document_name(gunid), xml.encode()))
    return members


def _leased(cursor: Any, export: _Export, clip: Clip, revision: Revision) -> exports.NewMember:
    """A clip's audio, which a lease of its own keeps as long as the archive is open."""
    token = new_token()
    leases.add_audio(
        cursor,
        token,
        LeaseKind.AUDIO,
        clip,
        revision,
        user_id=export.caller.user_id,
        at=export.at,
        parent=export.token,
    )
    name = audio_name(clip.gunid, revision.facts.format.value)
    return exports.NewMember(name, revision.content.size, None, token)


def _text(name: str, body: bytes) -> exports.NewMember:
    return exports.NewMember(name, len(body), body, None)
