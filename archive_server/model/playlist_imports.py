"""What an archive of playlists says, as far as it can be judged without its audio; pure."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace

from archive_server.errors import BadDocument, RefusedArchive
from archive_server.model import m3u, smil
from archive_server.model.clips import FileType
from archive_server.model.completion import EXTENT, TITLE
from archive_server.model.documents import Document
from archive_server.model.extents import extent_text
from archive_server.model.gunid import Gunid
from archive_server.model.playlist_archives import Contents, ListType, in_order, list_type_of
from archive_server.model.playlists import Fade, Item, Playlist
from archive_server.model.tracks import Track

_URL = "ls:url"  # what webstreams have


@dataclass(frozen=True, slots=True)
class Tracks:
    """A playlist of which only the form for players is there."""

    tracks: tuple[Track, ...]

    def is_as(self, other: object) -> bool:
        """Whether it plays the same, wherever the two files lie."""
        return isinstance(other, Tracks) and [_placeless(track) for track in self.tracks] == [
            _placeless(track) for track in other.tracks
        ]


Written = Playlist | Tracks


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be made of an archive."""

    audio: Mapping[Gunid, str]  # the name of the file
    documents: Mapping[Gunid, Document]  # of clips and webstreams; a clip may have none
    webstreams: frozenset[Gunid]
    playlists: Mapping[Gunid, Written]  # each after those it holds
    main: Gunid  # the playlist that it is about

    @property
    def gunids(self) -> set[Gunid]:
        """Everything that is in it."""
        return {*self.audio, *self.webstreams, *self.playlists}


def planned(
    contents: Contents, texts: Mapping[str, bytes], empty: frozenset[str], *, largest: int
) -> Plan:
    """Read everything that is text; `empty` are the names of files without bytes.

    Raises RefusedArchive, BadDocument; both name the file.
    """
    documents, audio, webstreams = {}, {}, set()
    for gunid, names in contents.clips.items():
        if names.document is not None:
            documents[gunid] = _document(names.document, texts[names.document], largest)
        is_stream = gunid in documents and documents[gunid].first(_URL) is not None
        if is_stream and (names.audio is None or names.audio in empty):
            webstreams.add(gunid)
        elif names.audio is None:
            raise RefusedArchive(f"{names.document!r}: its audio is not there", "no-audio")
        else:
            audio[gunid] = names.audio
    playlists = {
        gunid: _playlist(name, texts[name], largest) for gunid, name in contents.playlists.items()
    }
    _check_distinct(contents)
    order = in_order({gunid: _held(each) for gunid, each in playlists.items()})
    main = _main(contents, texts, playlists, largest)
    ordered = {gunid: playlists[gunid] for gunid in order}
    return Plan(audio, documents, frozenset(webstreams), ordered, main)


def references(written: Written) -> Iterator[tuple[FileType, Gunid]]:
    """What a playlist needs to be there; what it writes itself it does not need."""
    if isinstance(written, Tracks):
        for track in written.tracks:
            if track.named is not None:
                yield track.named
            elif not track.is_url:
                raise RefusedArchive(f"{track.source!r} names no clip or playlist", "bad-reference")
    else:
        for item in written.references():
            if item.gunid is not None and item.inline is None:
                yield item.kind, item.gunid


def made(gunid: Gunid, written: Written, lengths_us: Mapping[Gunid, int]) -> Playlist:
    """The playlist, with items at the times that follow from the lengths of what is played."""
    if isinstance(written, Playlist):
        return written
    items: list[Item] = []
    end_us = 0
    for number, track in enumerate(written.tracks):
        item = _item(number, track, end_us, lengths_us)
        end_us = item.offset_us + _played_us(item)
        items.append(item)
    length_us = max((item.offset_us + _played_us(item) for item in items), default=0)
    title = f"Playlist {gunid}"  # these forms have no titles
    document = Playlist.empty().document.with_element(TITLE, title)
    document = document.with_element(EXTENT, extent_text(length_us))
    return Playlist(gunid, title, length_us, tuple(items), document)


def _document(name: str, body: bytes, largest: int) -> Document:
    try:
        return Document.parse(_text(body), largest=largest)
    except BadDocument as error:
        raise BadDocument(f"{name}: {error}") from error


def _playlist(name: str, body: bytes, largest: int) -> Written:
    list_type = list_type_of(name)
    try:
        if list_type is ListType.SMIL:
            return Tracks(tuple(smil.read(body, largest=largest)))
        if list_type is ListType.M3U:
            return Tracks(tuple(m3u.read(body, largest=largest)))
        playlist = Playlist.parse(_text(body), largest=largest)
        playlist.check_metadata()
        return playlist
    except BadDocument as error:
        raise BadDocument(f"{name}: {error}") from error


def _text(body: bytes) -> str | bytes:
    """As text where it is UTF-8, for what is repaired in texts only."""
    try:
        return body.decode()
    except UnicodeDecodeError:
        return body


def _check_distinct(contents: Contents) -> None:
    for gunid in contents.clips.keys() & contents.playlists.keys():
        raise RefusedArchive(f"{gunid} is a clip and a playlist in it", "duplicate-member")


def _held(written: Written) -> list[Gunid]:
    """The playlists that a playlist holds."""
    if isinstance(written, Tracks):
        return [gunid for kind, gunid in references(written) if kind is FileType.PLAYLIST]
    found = (item for item in written.references() if item.kind is FileType.PLAYLIST)
    return [item.gunid for item in found if item.gunid is not None]


def _main(
    contents: Contents,
    texts: Mapping[str, bytes],
    playlists: Mapping[Gunid, Written],
    largest: int,
) -> Gunid:
    """The playlist that the topmost file is, or else the one that no other holds.

    Of several such (an archive of several playlists) it is the first.
    """
    if contents.topmost is not None:
        found = _topmost(contents, contents.topmost, texts, playlists, largest)
        if found is not None:
            return found
    held = {gunid for written in playlists.values() for gunid in _held(written)}
    return next(gunid for gunid in playlists if gunid not in held)


def _topmost(
    contents: Contents,
    topmost: str,
    texts: Mapping[str, bytes],
    playlists: Mapping[Gunid, Written],
    largest: int,
) -> Gunid | None:
    body = texts[topmost]
    written = _playlist(topmost, body, largest)
    if contents.named_by_topmost in playlists:
        return contents.named_by_topmost
    for gunid, name in contents.playlists.items():
        if texts[name] == body:
            return gunid
    for gunid, other in playlists.items():
        if written == other or (isinstance(written, Tracks) and written.is_as(other)):
            return gunid
    root_id = written.gunid if isinstance(written, Playlist) else None
    return root_id if root_id in playlists else None


def _placeless(track: Track) -> Track:
    return replace(track, source=str(track.named) if track.named else track.source)


def _item(number: int, track: Track, after_us: int, lengths_us: Mapping[Gunid, int]) -> Item:
    kind, gunid = track.named or (FileType.AUDIO_CLIP, None)
    length_us = lengths_us.get(gunid) if gunid is not None else None
    fade = None
    if track.fade_in_us or track.fade_out_us:
        fade = Fade(f"{number + 1:016x}", track.fade_in_us, track.fade_out_us)
    return Item(
        f"{number + 1:016x}",
        after_us if track.begin_us is None else track.begin_us,
        kind,
        gunid,
        track.title,
        track.length_us if length_us is None else length_us,
        track.clip_start_us,
        track.clip_end_us,
        fade,
        uri=track.source if gunid is None else "",
    )


def _played_us(item: Item) -> int:
    end_us = item.length_us if item.clip_end_us is None else item.clip_end_us
    return max(0, (end_us or 0) - (item.clip_start_us or 0))
