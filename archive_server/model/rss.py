"""Feeds: what is played in a playlist, as RSS 2.0 (https://www.rssboard.org/rss-specification)."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime

from archive_server.model import xml_writing
from archive_server.model.gunid import Gunid
from archive_server.model.xml_elements import Element

_NAMESPACE = ("xmlns:dc", "http://purl.org/dc/elements/1.1/")  # RSS has no name for a creator


@dataclass(frozen=True, slots=True)
class Enclosure:
    """Where the audio of an entry is."""

    url: str
    size: int  # bytes
    media_type: str


@dataclass(frozen=True, slots=True)
class Entry:
    """One clip or stream of a feed."""

    gunid: Gunid
    title: str
    description: str
    creator: str
    published: datetime
    enclosure: Enclosure | None  # None: a stream has no size
    link: str = ""


def feed(
    title: str, description: str, link: str, entries: Sequence[Entry], *, built: datetime
) -> str:
    """A feed with these entries, in their order."""
    seen: Counter[Gunid] = Counter()
    items = []
    for entry in entries:
        seen[entry.gunid] += 1
        items.append(_item(entry, seen[entry.gunid]))
    channel = (
        _text("title", title or "untitled"),
        _text("link", link),
        _text("description", description or title or "untitled"),
        _text("lastBuildDate", format_datetime(built)),
        _text("generator", "archive-server"),
        *items,
    )
    root = Element(
        "rss", (("version", "2.0"), _NAMESPACE), "", (Element("channel", (), "", channel),)
    )
    return xml_writing.write(root)


def _item(entry: Entry, time: int) -> Element:
    # Readers show entries of the same guid once, and a clip may be played twice.
    guid = str(entry.gunid) if time == 1 else f"{entry.gunid}#{time}"
    inside = [_text("title", entry.title or "untitled")]
    if entry.link:
        inside.append(_text("link", entry.link))
    if entry.description:
        inside.append(_text("description", entry.description))
    if entry.creator:
        inside.append(_text("dc:creator", entry.creator))
    if entry.enclosure is not None:
        inside.append(_enclosure(entry.enclosure))
    inside.append(Element("guid", (("isPermaLink", "false"),), guid, ()))
    inside.append(_text("pubDate", format_datetime(entry.published)))
    return Element("item", (), "", tuple(inside))


def _enclosure(enclosure: Enclosure) -> Element:
    attributes = (
        ("length", str(enclosure.size)),
        ("type", enclosure.media_type),
        ("url", enclosure.url),
    )
    return Element("enclosure", attributes, "", ())


def _text(name: str, text: str) -> Element:
    return Element(name, (), text, ())
