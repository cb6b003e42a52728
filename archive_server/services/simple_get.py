"""Reading an item without a lease, whatever it is, as links of web pages do."""

from dataclasses import dataclass
from typing import Any

from archive_server.blocking import Database
from archive_server.database import clips, documents
from archive_server.errors import NotFound
from archive_server.model.clips import Clip, FileType
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid
from archive_server.model.rights import Action
from archive_server.model.users import Caller
from archive_server.services import rights
from archive_server.services.downloads import DownloadService
from archive_server.services.leased_files import AudioFile

_ROOTS = ("audioClip", "playlist")


@dataclass(frozen=True, slots=True)
class PlaylistText:
    """A playlist's document, XML."""

    xml: str


@dataclass(frozen=True, slots=True)
class Elsewhere:
    """Where a webstream is."""

    url: str


@dataclass(frozen=True)
class SimpleGetService:
    """Looking at what an id names, and handing it out."""

    database: Database
    downloads: DownloadService

    async def open(self, caller: Caller, gunid: Gunid) -> AudioFile | PlaylistText | Elsewhere:
        """Give what an item is made of. Raises NotFound, Forbidden, Unavailable.

        Audio is an open file, which the caller closes.
        """
        clip, xml = await self.database.run(_look, caller, gunid)
        if clip.file_type is FileType.PLAYLIST:
            return PlaylistText(xml)
        if clip.file_type is FileType.WEBSTREAM:
            return Elsewhere(_url(gunid, xml))
        return await self.downloads.current(caller, gunid)


def _look(cursor: Any, caller: Caller, gunid: Gunid) -> tuple[Clip, str]:
    clip = clips.get_ready(cursor, gunid)
    rights.require_on_clip(cursor, caller, Action.READ, clip)
    return clip, documents.xml_now(cursor, clip.clip_id)


def _url(gunid: Gunid, xml: str) -> str:
    url = Document.parse(xml, roots=_ROOTS).first("ls:url")
    if not url:
        raise NotFound(f"webstream {gunid} has no URL")
    return url
