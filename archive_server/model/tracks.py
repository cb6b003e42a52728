"""What playlists for players (SMIL, M3U) say of each item, and how they name what is played."""

import re
from dataclasses import dataclass

from archive_server.model.clips import FileType
from archive_server.model.gunid import Gunid

# At the end of a path: nothing else of it is used. Archives of the original hold paths that begin
# with the name of a constant in place of a directory (LiveSupport storage protocol, 7.4).
_NAMED = re.compile(
    r"([0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}|[0-9a-fA-F]{16})\.([0-9a-zA-Z]{1,8})"
)
_NAMED_LAST = re.compile(rf"{_NAMED.pattern}$")
_URL = re.compile(r"[a-zA-Z][a-zA-Z0-9+.-]+:")
PLAYLIST_EXTENSIONS = frozenset({"lspl", "smil", "m3u", "xml"})


@dataclass(frozen=True, slots=True)
class Track:
    """One item."""

    source: str  # a path relative to the file's own directory, or a URL
    title: str = ""
    begin_us: int | None = None  # None: when the one before ends
    length_us: int | None = None  # of what is played; None: not told
    clip_start_us: int | None = None  # what of it is played; None: from its beginning
    clip_end_us: int | None = None  # None: to its end
    fade_in_us: int = 0
    fade_out_us: int = 0
    kind: FileType = FileType.AUDIO_CLIP
    gunid: Gunid | None = None

    @property
    def named(self) -> tuple[FileType, Gunid] | None:
        """What item of the archive its source names; None for a URL, or a file of no archive."""
        if _URL.match(self.source):
            return None
        match = _NAMED_LAST.search(self.source)
        if match is None:
            return None
        is_playlist = match[2].lower() in PLAYLIST_EXTENSIONS
        kind = FileType.PLAYLIST if is_playlist else FileType.AUDIO_CLIP
        return kind, Gunid.parse(match[1])

    @property
    def is_url(self) -> bool:
        """Whether it is played from elsewhere."""
        return _URL.match(self.source) is not None
