"""Playlists: what they hold, when, and how it fades (LiveSupport storage protocol, 7.2).

The wire calls webstreams `audioClip`, too: what an item of that kind is, only the archive knows.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from archive_server.errors import BadDocument
from archive_server.model import playlist_repair, playlist_rules, xml_reading, xml_writing
from archive_server.model.clips import FileType
from archive_server.model.completion import EXTENT, TITLE
from archive_server.model.documents import Document
from archive_server.model.extents import extent_text, extent_us, is_extent
from archive_server.model.gunid import Gunid
from archive_server.model.xml_elements import Attributes, Element, declared

__all__ = ["Fade", "Item", "Playlist", "search_document"]

_MOST = 100_000  # elements and attributes: a week of jingles
_LONGEST_CLOCK_US = 100 * 3600 * 1_000_000  # beyond that, readers want seconds
_LONGEST_US = 10**20 * 1_000_000  # beyond that, there are more digits than we read
_KINDS = {"audioClip": FileType.AUDIO_CLIP, "playlist": FileType.PLAYLIST}
_NAMES = {
    FileType.AUDIO_CLIP: "audioClip",
    FileType.WEBSTREAM: "audioClip",
    FileType.PLAYLIST: "playlist",
}
# What the metadata of a playlist may say.
_CATEGORIES = (
    "dc:title",
    "dcterms:extent",
    "dc:creator",
    "dc:description",
    "dcterms:alternative",
    "ls:filename",
    "ls:mtime",
)


@dataclass(frozen=True, slots=True)
class Fade:
    """How an item comes and goes."""

    fade_id: str
    fade_in_us: int
    fade_out_us: int


@dataclass(frozen=True, slots=True)
class Item:
    """One element of a playlist: what is played, from when on."""

    element_id: str
    offset_us: int  # from the beginning of the playlist
    kind: FileType
    gunid: Gunid | None
    title: str = ""
    length_us: int | None = None  # None: the playlist does not say it
    clip_start_us: int | None = None  # None: from its beginning
    clip_end_us: int | None = None  # None: to its end
    fade: Fade | None = None
    uri: str = ""
    inline: "Playlist | None" = None  # of a playlist: what it holds, if that is written here
    metadata: Element | None = None  # of a clip, if that is written here


@dataclass(frozen=True, slots=True)
class Playlist:
    """A playlist; `document` has its metadata, and the namespaces that its root declares."""

    gunid: Gunid | None  # as its root says: an original file may say another one than it has
    title: str
    length_us: int
    items: tuple[Item, ...]  # in document order
    document: Document

    @classmethod
    def empty(cls) -> "Playlist":
        """What a playlist is before anything is saved."""
        document = replace(Document.empty(FileType.PLAYLIST), attributes=())
        return cls(Gunid.parse("0" * 16), "", 0, (), document)

    @classmethod
    def parse(cls, xml: str | bytes, *, largest: int | None = None) -> "Playlist":
        """Read a playlist of at most `largest` bytes. Raises BadDocument.

        Titles that the C++ client has not escaped are understood. Without `largest` there are no
        limits: that is for playlists of our own.
        """
        root = _tree(xml, largest)
        if root.name != "playlist":
            raise BadDocument(f"root element {root.name}: playlist expected")
        playlist_rules.check(root, "playlist")
        return _playlist(root)

    def to_xml(self) -> str:
        """The canonical form, which also C++ clients read: `parse` gives an equal playlist.

        Raises BadDocument for times that could not be read again, such as sums of readable ones.
        """
        return xml_writing.write(_root(self))

    def check_metadata(self) -> None:
        """Raise BadDocument unless its metadata says only what that of a playlist may."""
        for element in self.document.elements:
            if element.name not in _CATEGORIES:
                raise BadDocument(
                    f"playlist/metadata: element {element.name} may not be in it, only "
                    + ", ".join(_CATEGORIES)
                )
            if element.name == EXTENT and element.text and not is_extent(element.text, strict=True):
                raise BadDocument(f"playlist/metadata/{EXTENT}: HH:MM:SS.ffffff expected")
        for item in self.items:
            if item.inline is not None:
                item.inline.check_metadata()

    def in_time(self) -> "Playlist":
        """The same, with the items in the order of their offsets.

        C++ clients sort them so, and take what `accessPlaylist` gives for one after the other.
        """
        return replace(self, items=tuple(sorted(self.items, key=lambda item: item.offset_us)))

    def stamped(self, mtime: datetime) -> "Playlist":
        """The same with `mtime` as its ls:mtime, in place or last."""
        return replace(self, document=self.document.stamped(mtime))

    def described_by(self, document: Document) -> "Playlist":
        """The same with other metadata; title and length become what that says."""
        extent = document.first(EXTENT)
        return replace(
            self,
            title=document.first(TITLE) or self.title,
            length_us=extent_us(extent) if extent else self.length_us,
            document=replace(document, root="playlist", attributes=self.document.attributes),
        )

    def to_be_found(self) -> Document:
        """What searches look at: the metadata, with a title and a length in any case."""
        document = self.document
        if self.title and not document.first(TITLE):
            document = document.with_element(TITLE, self.title)
        if not document.first(EXTENT):
            document = document.with_element(EXTENT, extent_text(self.length_us))
        return document

    def references(self) -> Iterator[Item]:
        """All items, those of playlists that are written inside included."""
        for item in self.items:
            yield item
            if item.inline is not None:
                yield from item.inline.references()


def search_document(file_type: FileType, xml: str) -> Document:
    """What searches look at, of a clip, a playlist or a webstream of our own."""
    if file_type is FileType.PLAYLIST:
        return Playlist.parse(xml).to_be_found()
    return Document.parse(xml)


# -- reading ----------------------------------------------------------------------------------


def _tree(xml: str | bytes, largest: int | None) -> Element:
    try:
        return xml_reading.tree(xml, largest, most=_MOST)
    except xml_reading.NotWellFormed as error:
        repaired = playlist_repair.repaired(xml) if isinstance(xml, str) else None
        if repaired is None:
            raise
        try:
            return xml_reading.tree(repaired, largest and 2 * largest, most=_MOST)
        except xml_reading.NotWellFormed:
            raise error from None  # which speaks of what was sent


def _playlist(element: Element) -> Playlist:
    attributes = dict(element.attributes)
    items = tuple(_item(child) for child in element.children if child.name == "playlistElement")
    document = _document(element)
    return Playlist(
        Gunid.parse(attributes["id"]),
        attributes.get("title") or document.first(TITLE) or "",
        _length_us(attributes.get("playlength") or document.first(EXTENT), items),
        items,
        document,
    )


def _document(element: Element) -> Document:
    """The metadata; the root's own attributes are left out but for what it declares."""
    outer = tuple(pair for pair in element.attributes if playlist_rules.is_exempt(pair[0]))
    metadata = _child(element, "metadata") or Element("metadata", (), "", ())
    own = declared(outer, metadata.attributes)
    return Document("playlist", outer, own, metadata.children)


def _metadata(clip: Element) -> Element | None:
    """What is written of a clip's own metadata, with all declarations it needs."""
    metadata = _child(clip, "metadata")
    if metadata is None:
        return None
    outer = (pair for pair in clip.attributes if pair[0].startswith("xmlns"))
    together = tuple((dict(outer) | dict(metadata.attributes)).items())
    return replace(metadata, attributes=declared((), together))


def _length_us(text: str | None, items: tuple[Item, ...]) -> int:
    """The length that is told, or else when the last item ends."""
    if text is None:
        return max((item.offset_us + (_played_us(item) or 0) for item in items), default=0)
    return extent_us(text)


def _played_us(item: Item) -> int | None:
    end = item.length_us if item.clip_end_us is None else item.clip_end_us
    return None if end is None else max(0, end - (item.clip_start_us or 0))


def _item(element: Element) -> Item:
    own = dict(element.attributes)
    what = _child(element, "audioClip") or _child(element, "playlist")
    assert what is not None, "one of them was found to be there"
    attributes = dict(what.attributes)
    inline = _playlist(what) if what.name == "playlist" and what.children else None
    start_us, end_us = _cut(own)
    return Item(
        own["id"],
        extent_us(own["relativeOffset"]),
        _KINDS[what.name],
        Gunid.parse(attributes["id"]) if "id" in attributes else None,
        attributes.get("title", "") or (inline.title if inline else ""),
        inline.length_us if inline else _us(attributes.get("playlength")),
        start_us,
        end_us,
        _fade(_child(element, "fadeInfo")),
        attributes.get("uri", ""),
        inline,
        _metadata(what) if what.name == "audioClip" else None,
    )


def _cut(attributes: dict[str, str]) -> tuple[int | None, int | None]:
    """Which part of a clip is played. Of an end and a length, the end counts."""
    start_us, end_us = _us(attributes.get("clipStart")), _us(attributes.get("clipEnd"))
    length_us = _us(attributes.get("clipLength"))
    if end_us is None and length_us is not None:
        end_us = (start_us or 0) + length_us
    if end_us is not None and end_us < (start_us or 0):
        raise BadDocument("playlistElement: clipEnd is before clipStart")
    return start_us, end_us


def _fade(element: Element | None) -> Fade | None:
    if element is None:
        return None
    attributes = dict(element.attributes)
    return Fade(attributes["id"], extent_us(attributes["fadeIn"]), extent_us(attributes["fadeOut"]))


def _us(text: str | None) -> int | None:
    return None if text is None else extent_us(text)


def _child(element: Element, name: str) -> Element | None:
    return next((child for child in element.children if child.name == name), None)


# -- writing ----------------------------------------------------------------------------------


def _root(playlist: Playlist) -> Element:
    document = playlist.document
    metadata = Element("metadata", document.metadata_attributes, "", document.elements)
    return Element(
        "playlist",
        _attributes(
            *document.attributes,
            ("id", _id(playlist.gunid)),
            ("playlength", _time(playlist.length_us)),
            ("title", playlist.title or None),
        ),
        "",
        (*map(_playlist_element, playlist.items), metadata),
    )


def _playlist_element(item: Item) -> Element:
    start_us, end_us = item.clip_start_us, item.clip_end_us
    inside = [_what(item)]
    if item.fade is not None:
        times = (("fadeIn", item.fade.fade_in_us), ("fadeOut", item.fade.fade_out_us))
        attributes = _attributes(("id", item.fade.fade_id), *((n, _time(us)) for n, us in times))
        inside.append(Element("fadeInfo", attributes, "", ()))
    return Element(
        "playlistElement",
        _attributes(
            ("id", item.element_id),
            ("relativeOffset", _time(item.offset_us)),
            ("clipStart", _time(start_us)),
            ("clipEnd", _time(end_us)),
            ("clipLength", None if end_us is None else _time(end_us - (start_us or 0))),
        ),
        "",
        tuple(inside),
    )


def _what(item: Item) -> Element:
    if item.inline is not None:
        root = _root(item.inline)
        return replace(
            root, attributes=_attributes(*({"title": ""} | dict(root.attributes)).items())
        )
    attributes = _attributes(
        ("id", _id(item.gunid)),
        ("title", item.title),  # C++ clients want one, if only an empty one
        ("playlength", _time(item.length_us)),
        ("uri", item.uri or None),
    )
    inside = () if item.metadata is None else (item.metadata,)
    return Element(_NAMES[item.kind], attributes, "", inside)


def _id(gunid: Gunid | None) -> str | None:
    return None if gunid is None else str(gunid)


def _attributes(*pairs: tuple[str, str | None]) -> Attributes:
    return tuple(sorted((name, value) for name, value in pairs if value is not None))


def _time(us: int | None) -> str | None:
    """A time as all clients read it: hours have two digits in their form of the clock."""
    if us is None:
        return None
    if us >= _LONGEST_US:
        raise BadDocument("playlist: a time in it, or a sum of such, is too long")
    return extent_text(us) if us < _LONGEST_CLOCK_US else f"{us // 1_000_000}.{us % 1_000_000:06}"
