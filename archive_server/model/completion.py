"""What the archive adds to a clip's document when the client has not said it.

LiveSupport storage protocol, 5.6: which category each tag belongs in. What the client said is
never changed.
"""

from collections.abc import Mapping, Sequence
from pathlib import PurePath

from archive_server.model.documents import Document
from archive_server.model.extents import extent_text

TITLE = "dc:title"
EXTENT = "dcterms:extent"

# Category -> neutral tag name, in the order the elements are written.
CATEGORIES: Mapping[str, str] = {
    "dc:creator": "artist",
    "dc:source": "album",
    "dc:type": "genre",
    "dc:description": "comment",
    "dc:publisher": "publisher",
    "dc:rights": "copyright",
    "dc:language": "language",
    "ls:year": "year",
    "ls:track_num": "track",
    "ls:disc_num": "disc",
    "ls:bpm": "bpm",
    "ls:rating": "rating",
    "ls:mood": "mood",
    "ls:composer": "composer",
    "ls:conductor": "conductor",
    "ls:orchestra": "orchestra",
    "ls:lyricist": "lyricist",
    "ls:originallyricist": "original_lyricist",
    "ls:originalartist": "original_artist",
    "ls:encoded_by": "encoded_by",
    "ls:encoder": "encoder",
    "ls:radiostationname": "radio_station",
    "ls:isrcnumber": "isrc",
    "ls:lyrics": "lyrics",
    "ls:audiofileinfourl": "audio_file_url",
    "ls:artisturl": "artist_url",
    "ls:audiosourceurl": "audio_source_url",
    "ls:radiostationurl": "radio_station_url",
    "ls:buycdurl": "buy_url",
}


def described_by_tags(
    document: Document, tags: Mapping[str, Sequence[str]], measured: Mapping[str, str]
) -> Document:
    """An empty document, filled with what tags and measurements say; title and extent aside."""
    for category, tag in CATEGORIES.items():
        for value in tags.get(tag, ())[:1]:
            document = document.with_element(category, value)
    for category, value in measured.items():
        document = document.with_element(category, value)
    return document


def completed(document: Document, *, title: str, duration_us: int) -> Document:
    """The document with a title and an extent, if it had none."""
    if not document.first(TITLE):
        document = document.with_element(TITLE, title)
    if not document.first(EXTENT):
        document = document.with_element(EXTENT, extent_text(duration_us))
    return document


def title_of(file_name: str, tags: Mapping[str, Sequence[str]]) -> str:
    """The title a clip goes by when nobody has said one."""
    tagged = next((title for title in tags.get("title", ()) if title.strip()), "")
    return tagged.strip() or PurePath(file_name).stem or "untitled"
