"""The transactions of a restore: each makes one item what the backup says it was.

What is as it was already stays untouched, so that doing it again changes nothing.
"""

import re
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from archive_server.database import clips, documents
from archive_server.errors import Conflict
from archive_server.model.backups import file_name_of
from archive_server.model.clips import Clip, ClipState, FileType, Revision
from archive_server.model.completion import TITLE, completed
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid
from archive_server.model.playlists import Playlist
from archive_server.model.users import Caller
from archive_server.services import playlist_saving, webstreams
from archive_server.services.clip_making import require_to_store

_MTIME = re.compile(r" ?<ls:mtime[^<>]*>[^<]*</ls:mtime>")


class Unchanged(Exception):
    """What was to be stored is there already; the transaction is to be rolled back."""


@dataclass(frozen=True, slots=True)
class Known:
    """What there is under an id: its file name, and, of a clip that is described alike and has
    as many bytes, their digest.
    """

    file_name: str | None = None
    sha256: bytes | None = None


def like(
    cursor: Any, caller: Caller, gunid: Gunid, document: Document, size: int, at: datetime
) -> Known:
    """What there is, for comparison. The lock keeps its document from going meanwhile."""
    clips.lock_gunid(cursor, gunid)
    clip = clips.find(cursor, gunid)
    require_to_store(cursor, caller, clip)
    if clip is None:
        return Known()
    if clip.file_type is not FileType.AUDIO_CLIP:
        raise Conflict(f"{gunid} is {clip.file_type.noun}, not an audio clip")
    if clip.state is ClipState.READY and clip.revision and _is_whole(clip.revision, size):
        xml = documents.xml(cursor, clip.document_id)
        title = Document.parse(xml).first(TITLE) or ""
        duration_us = clip.revision.facts.duration_us
        whole = completed(document, title=title, duration_us=duration_us).stamped(at)
        if _is_alike(xml, whole.to_xml()):
            return Known(clip.file_name, clip.revision.content.sha256)
    return Known(clip.file_name)


def _is_whole(revision: Revision, size: int) -> bool:
    """Whether its audio may be the same; what is damaged is mended by being restored."""
    return revision.content.size == size and not revision.content.is_damaged


def save_webstream(
    cursor: Any, caller: Caller, gunid: Gunid, document: Document, at: datetime
) -> bool:
    clips.lock_gunid(cursor, gunid)
    old = _Old.of(cursor, clips.find(cursor, gunid))
    file_name = old.file_name or file_name_of(document, gunid)
    webstreams.save(cursor, caller, gunid, document, "", file_name, at)
    old.require_other(cursor, gunid)
    return True


def save_playlist(
    cursor: Any, caller: Caller, gunid: Gunid, playlist: Playlist, at: datetime
) -> bool:
    playlist_saving.lock(cursor, gunid, playlist)
    clip = clips.find(cursor, gunid)
    old = _Old.of(cursor, clip)
    file_name = old.file_name or file_name_of(playlist.document, gunid)
    playlist_saving.save(cursor, caller, clip, gunid, playlist, file_name, at)
    old.require_other(cursor, gunid)
    return True


@dataclass(frozen=True, slots=True)
class _Old:
    """What was there before something was saved."""

    file_name: str = ""
    xml: str | None = None  # None: nothing that can be seen

    @classmethod
    def of(cls, cursor: Any, clip: Clip | None) -> "_Old":
        if clip is None:
            return cls()
        is_ready = clip.state is ClipState.READY
        return cls(clip.file_name, documents.xml(cursor, clip.document_id) if is_ready else None)

    def require_other(self, cursor: Any, gunid: Gunid) -> None:
        """Raise Unchanged if what is there now says the same as what was there before."""
        clip = clips.get_ready(cursor, gunid)
        if self.xml is not None and _is_alike(self.xml, documents.xml(cursor, clip.document_id)):
            raise Unchanged


def _is_alike(one: str, other: str) -> bool:
    """Whether two documents differ at most in when they were written."""
    return _MTIME.sub("", one) == _MTIME.sub("", other)
