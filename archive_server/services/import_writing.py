"""The transactions of an import: what is asked before, and what makes everything."""

import re
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from archive_server.database import clips, contents, playlists, uploads, users
from archive_server.errors import Conflict, RefusedArchive, UnknownToken
from archive_server.model.clips import ClipState, FileType
from archive_server.model.documents import Document
from archive_server.model.extents import extent_us, is_extent
from archive_server.model.gunid import Gunid
from archive_server.model.playlist_imports import Plan, made, references
from archive_server.model.rights import Action
from archive_server.model.uploads import Upload
from archive_server.model.users import Caller
from archive_server.services import webstreams
from archive_server.services.clip_making import Examined, make_clip, require_to_store
from archive_server.services.playlist_saving import save
from archive_server.services.rights import require_on_home


def owner(cursor: Any, upload: Upload) -> Caller:
    """The user who began an upload. Raises UnknownToken."""
    user = users.by_id(cursor, upload.user_id)
    if user is None:  # and the upload with them
        raise UnknownToken("unknown, closed or expired upload token")
    return user


def check(cursor: Any, caller: Caller, plan: Plan) -> dict[Gunid, str]:
    """Raise what `write` would, without changing anything; return what clips are called now."""
    _require(cursor, caller, plan)
    _check_references(cursor, plan)
    found = (clips.find(cursor, gunid) for gunid in plan.audio)
    return {clip.gunid: clip.file_name for clip in found if clip is not None}


def _require(cursor: Any, caller: Caller, plan: Plan) -> None:
    """Raise Forbidden unless the caller may do all of it, Conflict for ids of something else."""
    require_on_home(cursor, caller, Action.WRITE)
    for gunid, kind in _kinds(plan).items():
        clip = clips.find(cursor, gunid)
        if clip is None:
            continue
        if clip.file_type is not kind:
            raise Conflict(f"{gunid} is {clip.file_type.noun}, not a {kind}")
        if kind is not FileType.PLAYLIST or clip.state is not ClipState.READY:
            require_to_store(cursor, caller, clip)


def _kinds(plan: Plan) -> dict[Gunid, FileType]:
    """What is in the archive."""
    return {
        **dict.fromkeys(plan.audio, FileType.AUDIO_CLIP),
        **dict.fromkeys(plan.webstreams, FileType.WEBSTREAM),
        **dict.fromkeys(plan.playlists, FileType.PLAYLIST),
    }


def _check_references(cursor: Any, plan: Plan) -> None:
    """Raise RefusedArchive unless what its playlists hold is in it, or in our archive."""
    own = _kinds(plan)
    for gunid, written in plan.playlists.items():
        if _is_there(cursor, gunid):
            continue
        needed = {held: kind for kind, held in references(written)}
        known = playlists.referred(cursor, needed.keys() - own.keys())
        kinds = own | {held: found.file_type for held, found in known.items()}
        for held, kind in needed.items():
            if held not in kinds:
                raise RefusedArchive(
                    f"playlist {gunid} holds {held}, which is neither here nor there", "missing"
                )
            if (kinds[held] is FileType.PLAYLIST) != (kind is FileType.PLAYLIST):
                raise RefusedArchive(
                    f"playlist {gunid} holds {held} as if it were no {kinds[held]}", "bad-reference"
                )


def _is_there(cursor: Any, gunid: Gunid) -> bool:
    clip = clips.find(cursor, gunid)
    return clip is not None and clip.state is ClipState.READY


def write(
    cursor: Any,
    caller: Caller,
    upload: Upload,
    plan: Plan,
    examined: Sequence[Examined],
    at: datetime,
) -> None:
    """Make everything. The upload ends with it."""
    uploads.remove(cursor, upload.token)
    _lock(cursor, plan, examined)
    _require(cursor, caller, plan)
    _check_references(cursor, plan)
    for each in examined:
        make_clip(cursor, caller, each, at)
    for gunid in plan.webstreams:
        document = plan.documents[gunid]
        name = file_name_of(document) or f"{gunid}.xml"
        webstreams.save(cursor, caller, gunid, document, "", name, at)
    lengths_us = {each.gunid: each.facts.duration_us for each in examined}
    for gunid, written in plan.playlists.items():
        if not _is_there(cursor, gunid):
            lengths_us |= _known_lengths(cursor, references(written), lengths_us)
            playlist = made(gunid, written, lengths_us)
            clip = clips.find(cursor, gunid)  # in the trash, if at all
            save(cursor, caller, clip, gunid, playlist, f"{gunid}.xml", at)
            lengths_us[gunid] = playlist.length_us


def _lock(cursor: Any, plan: Plan, examined: Sequence[Examined]) -> None:
    """Keep others away from all of it, in an order in which nobody waits for each other."""
    playlists.lock_nesting(cursor)
    for gunid in sorted(plan.gunids):
        clips.lock_gunid(cursor, gunid)
    for sha256 in sorted({each.content.sha256 for each in examined}):
        contents.lock(cursor, sha256)


def _known_lengths(
    cursor: Any, held: Iterable[tuple[FileType, Gunid]], lengths_us: Mapping[Gunid, int]
) -> dict[Gunid, int]:
    """The lengths of what is held and not new."""
    wanted = {gunid for _, gunid in held} - lengths_us.keys()
    known = playlists.referred(cursor, wanted)
    return {
        gunid: extent_us(found.length) for gunid, found in known.items() if is_extent(found.length)
    }


def file_name_of(document: Document | None) -> str:
    """The name that the clip's document tells, without directories."""
    told = (document and document.first("ls:filename")) or ""
    return re.split(r"[/\\]", told)[-1].strip()[:255]
