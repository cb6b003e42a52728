"""What the sample is: ids, titles, creators and extents that tests of the old clients expect.

LiveSupport storage protocol, 1.7. The audio and the playlists lie beside this file.
"""

from dataclasses import dataclass
from pathlib import Path

from archive_server.model.clips import FileType
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid

DIRECTORY = Path(__file__).parent


@dataclass(frozen=True, slots=True)
class SampleClip:
    """An audio clip; its file has the name the clip has."""

    gunid: Gunid | None  # None: a new one each time
    file_name: str
    title: str
    extent: str
    creator: str = ""

    @property
    def path(self) -> Path:
        """The audio."""
        return DIRECTORY / self.file_name

    def document(self) -> Document:
        """The metadata."""
        return _document(self.title, self.extent, self.creator)


@dataclass(frozen=True, slots=True)
class SamplePlaylist:
    """A playlist; its document has the name the playlist has."""

    gunid: Gunid
    file_name: str

    def xml(self) -> str:
        """The document. Blocks for as long as it takes to read a small file."""
        return (DIRECTORY / self.file_name).read_text(encoding="utf-8")


@dataclass(frozen=True, slots=True)
class SampleWebstream:
    """A webstream."""

    gunid: Gunid
    file_name: str
    title: str
    extent: str
    url: str

    def document(self) -> Document:
        """The metadata."""
        document = _document(self.title, self.extent)
        return document.with_element("ls:url", self.url)


CLIPS = (
    SampleClip(Gunid.parse("0000000000010001"), "test10001.mp3", "one", "00:00:11.000000"),
    SampleClip(Gunid.parse("0000000000010002"), "test10002.mp3", "two", "00:00:12.200000"),
    SampleClip(Gunid.parse("0000000000010003"), "test10003.mp3", "three", "00:00:11.500000"),
    SampleClip(
        Gunid.parse("123456789abcdef1"),
        "ex1.mp3",
        "File Title txt",
        "00:00:03.000000",
        "János Kőbor",
    ),
    SampleClip(
        Gunid.parse("123456789abcdef2"), "ex2.ogg", "File2 Title txt", "00:10:00.000000", "John X2"
    ),
    SampleClip(None, "ex3.wav", "Fil Title3 txt", "00:01:00.000000", "John Y"),
)
# In this order: the last one holds the first.
PLAYLISTS = (
    SamplePlaylist(Gunid.parse("0000000000000001"), "plist1.xml"),
    SamplePlaylist(Gunid.parse("0000000000000002"), "plist2.xml"),
    SamplePlaylist(Gunid.parse("0000000000000003"), "plistEmbedded.xml"),
)
WEBSTREAM = SampleWebstream(
    Gunid.parse("f000000000000001"),
    "wstream1.xml",
    "Webstream test 1",
    "01:30:00.000000",
    "http://localhost/y",
)


def _document(title: str, extent: str, creator: str = "") -> Document:
    document = Document.empty(FileType.AUDIO_CLIP).with_element("dc:title", title)
    if creator:
        document = document.with_element("dc:creator", creator)
    return document.with_element("dcterms:extent", extent)
