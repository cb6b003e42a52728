"""What a playlist looks like outside of the archive; pure."""

from collections.abc import Mapping
from dataclasses import dataclass

from archive_server.model import m3u, smil
from archive_server.model.clips import FileType
from archive_server.model.gunid import Gunid
from archive_server.model.playlist_archives import ListType, audio_name, playlist_name
from archive_server.model.playlists import Item, Playlist
from archive_server.model.tracks import Track


@dataclass(frozen=True, slots=True)
class Known:
    """What the archive knows of an item of a playlist."""

    kind: FileType
    title: str = ""
    length_us: int | None = None  # None: it has none, as a live stream
    extension: str = ""  # of its audio
    url: str = ""  # of a webstream


def written(
    playlist: Playlist,
    known: Mapping[Gunid, Known],
    list_type: ListType,
    *,
    is_topmost: bool = False,
) -> bytes:
    """A playlist as SMIL or M3U, for a file in the directory `playlist`, or `is_topmost`."""
    root = "" if is_topmost else "../"
    tracks = [_track(item, known, list_type, root) for item in playlist.items]
    text = smil.write(tracks) if list_type is ListType.SMIL else m3u.write(tracks)
    return text.encode()


def _track(item: Item, known: Mapping[Gunid, Known], list_type: ListType, root: str) -> Track:
    found = known.get(item.gunid) if item.gunid is not None else None
    found = found or Known(item.kind, url=item.uri)
    whole_us = item.length_us if item.length_us is not None else found.length_us
    return Track(
        _source(item.gunid, found, list_type, root),
        item.title or found.title,
        item.offset_us,
        _played_us(item, whole_us),
        item.clip_start_us,
        item.clip_end_us,
        item.fade.fade_in_us if item.fade else 0,
        item.fade.fade_out_us if item.fade else 0,
        found.kind,
        item.gunid,
    )


def _source(gunid: Gunid | None, found: Known, list_type: ListType, root: str) -> str:
    if gunid is None or found.kind is FileType.WEBSTREAM:
        return found.url
    if found.kind is FileType.PLAYLIST:
        return root + playlist_name(gunid, list_type)
    return root + audio_name(gunid, found.extension)


def _played_us(item: Item, whole_us: int | None) -> int | None:
    end_us = whole_us if item.clip_end_us is None else item.clip_end_us
    return None if end_us is None else max(0, end_us - (item.clip_start_us or 0))
