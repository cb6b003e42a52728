"""Archives of playlists: how their files are called (LiveSupport storage protocol, 7.4).

| name | what it is |
|---|---|
| `exportedPlaylist.<lspl, smil or m3u>` | the playlist, where exactly one was asked for |
| `playlist/<gunid>.<lspl, smil or m3u>` | each playlist, those within others included |
| `audioClip/<gunid>.<ogg, mp3 or wav>` | the audio of a clip |
| `audioClip/<gunid>.xml` | its metadata document |
"""

import re
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

from archive_server.errors import RefusedArchive
from archive_server.model.gunid import Gunid
from archive_server.model.tracks import PLAYLIST_EXTENSIONS

_ID = r"[0-9a-fA-F]{16}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_NAME = re.compile(rf"(audioClip|playlist)/({_ID})\.([0-9a-zA-Z]{{1,8}})")
# The original's name; before 2006-06 it was the playlist's id.
_TOPMOST = re.compile(r"([^/]{1,100})\.(lspl|smil|m3u|xml)")
_DOCUMENT = "xml"
# From the one that says most to the one that says least.
_BY_WORTH = ("lspl", "xml", "smil", "m3u")


class ListType(StrEnum):
    """How playlists are written; the value is the file name extension."""

    LSPL = "lspl"  # as they are kept
    SMIL = "smil"
    M3U = "m3u"


def topmost_name(list_type: ListType) -> str:
    """The name of the one playlist that was asked for."""
    return f"exportedPlaylist.{list_type}"


def playlist_name(gunid: Gunid, list_type: ListType) -> str:
    """The name of a playlist."""
    return f"playlist/{gunid}.{list_type}"


def audio_name(gunid: Gunid, extension: str) -> str:
    """The name of a clip's audio."""
    return f"audioClip/{gunid}.{extension}"


def document_name(gunid: Gunid) -> str:
    """The name of a clip's metadata document."""
    return f"audioClip/{gunid}.{_DOCUMENT}"


@dataclass(frozen=True, slots=True)
class ClipNames:
    """Files of a clip, by their names."""

    audio: str | None = None
    document: str | None = None


@dataclass(frozen=True, slots=True)
class Contents:
    """What the files of an archive are, by their names."""

    clips: Mapping[Gunid, ClipNames] = field(default_factory=dict)
    playlists: Mapping[Gunid, str] = field(default_factory=dict)
    topmost: str | None = None

    @classmethod
    def of(cls, names: Collection[str]) -> "Contents":
        """Tell what is what. Raises RefusedArchive."""
        clips: dict[Gunid, ClipNames] = {}
        playlists: dict[Gunid, dict[str, str]] = {}
        topmost = []
        for name in names:
            match = _NAME.fullmatch(name)
            if match is None and _TOPMOST.fullmatch(name):
                topmost.append(name)
            elif match is None:
                raise RefusedArchive(f"{name!r} does not belong into it", "unexpected-member")
            elif match[1] == "playlist":
                _add_playlist(playlists, Gunid.parse(match[2]), match[3].lower(), name)
            else:
                _add_clip(clips, Gunid.parse(match[2]), match[3].lower(), name)
        if not playlists:
            raise RefusedArchive("there is no playlist in it", "no-playlist")
        if len(topmost) > 1:
            raise RefusedArchive("more than one file is in no directory", "unexpected-member")
        best = {gunid: _best(found) for gunid, found in playlists.items()}
        return cls(clips, best, topmost[0] if topmost else None)

    @property
    def named_by_topmost(self) -> Gunid | None:
        """The playlist whose id is the name of the topmost file, if it is one."""
        stem = (self.topmost or "").rpartition(".")[0]
        return Gunid.parse(stem) if re.fullmatch(_ID, stem) else None


def list_type_of(name: str) -> ListType:
    """How the playlist in this file is written."""
    extension = name.rpartition(".")[2].lower()
    return ListType.LSPL if extension == "xml" else ListType(extension)


def _add_playlist(
    playlists: dict[Gunid, dict[str, str]], gunid: Gunid, extension: str, name: str
) -> None:
    if extension not in PLAYLIST_EXTENSIONS:
        raise RefusedArchive(f"{name!r} does not belong into it", "unexpected-member")
    found = playlists.setdefault(gunid, {})
    if extension in found:
        raise RefusedArchive(f"{name!r} is there twice", "duplicate-member")
    found[extension] = name


def _add_clip(clips: dict[Gunid, ClipNames], gunid: Gunid, extension: str, name: str) -> None:
    found = clips.get(gunid, ClipNames())
    is_document = extension == _DOCUMENT
    if (found.document if is_document else found.audio) is not None:
        raise RefusedArchive(f"{name!r}: clip {gunid} is there twice", "duplicate-member")
    if is_document:
        clips[gunid] = ClipNames(found.audio, name)
    else:
        clips[gunid] = ClipNames(name, found.document)


def _best(found: Mapping[str, str]) -> str:
    """Of several ways in which a playlist is written, the one that says most."""
    return next(found[extension] for extension in _BY_WORTH if extension in found)


def in_order(references: Mapping[Gunid, Iterable[Gunid]]) -> list[Gunid]:
    """Playlists, each after those that it holds. Raises RefusedArchive for a circle."""
    done: dict[Gunid, None] = {}
    waiting = {gunid: set(held) & references.keys() for gunid, held in references.items()}
    while waiting:
        ready = [gunid for gunid, held in waiting.items() if held <= done.keys()]
        if not ready:
            first = next(iter(waiting))
            raise RefusedArchive(f"playlist {first} would hold itself", "circle")
        for gunid in ready:
            done[gunid] = None
            del waiting[gunid]
    return list(done)
