"""Titles that the C++ client has not escaped (LiveSupport storage protocol, 7.2).

It writes `title="..."` as the title is, so `&`, `<` and `"` in it break the XML. This is tried
only on what is not well-formed, touches nothing but titles and texts of metadata, and what comes
out is read and checked like everything else. Where a title ends is where the rest of the tag, and
the beginning of the next one, make sense; a title that itself looks like that is not understood.
(Some break nothing but mean something else, `" />` say: rules refuse those, as they should.)
"""

import re
from collections.abc import Callable

_ENTITY = r"(?:amp|lt|gt|quot|apos|#[0-9]{1,7}|#x[0-9a-fA-F]{1,6});"
_BARE_AMPERSAND = re.compile(f"&(?!{_ENTITY})")
_TITLE = re.compile(r'<(?:playlist|audioClip)((?:\s+[\w:.-]+="[^"<]*"){0,16}?)\s+title="')
_NAMES = re.compile(r'\s([\w:.-]+)="')
# The rest of a tag after its title, and a look at what follows.
_REST = re.compile(
    r'"((?:\s+(?:id|playlength|uri|xmlns(?::[\w.-]+)?)="[^"<]*"){0,16})\s*/?>'
    r"(?=\s*<(?:!--|/?(?:playlist|playlistElement|audioClip|fadeInfo|metadata)[\s/>]))"
)
_TEXT = re.compile(
    "<(dc:title|dc:creator|dc:description|dcterms:alternative|ls:filename)"
    r'(?:\s+[\w:.-]+="[^"<]*"){0,16}\s*>'
)


def repaired(xml: str) -> str | None:
    """The document with its titles escaped; None where a title cannot be told from its tag.

    Takes time in proportion to the length of the document.
    """
    whole = _with_escaped(xml, _TITLE, _end_of_title)
    whole = whole and _with_escaped(whole, _TEXT, _end_of_text)
    return whole and _BARE_AMPERSAND.sub("&amp;", whole)


def _with_escaped(
    xml: str, starts: re.Pattern[str], end_of: Callable[[str, re.Match[str]], int | None]
) -> str | None:
    """The document with what is between each start and its end escaped; None if an end is not
    found.
    """
    pieces = []
    done = 0
    while (start := starts.search(xml, done)) is not None:
        end = end_of(xml, start)
        if end is None:
            return None
        pieces += [xml[done : start.end()], _escaped(xml[start.end() : end])]
        done = end
    return "".join([*pieces, xml[done:]])


def _end_of_title(xml: str, start: re.Match[str]) -> int | None:
    """The place of the quote that ends the title which `start` begins."""
    before = _NAMES.findall(start[1])
    place = xml.find('"', start.end())
    while place >= 0:
        rest = _REST.match(xml, place)
        if rest is not None:
            names = ["title", *before, *_NAMES.findall(rest[1])]
            if len(names) == len(set(names)):
                return place
        place = xml.find('"', place + 1)
    return None


def _end_of_text(xml: str, start: re.Match[str]) -> int | None:
    """The place of the tag that ends the element which `start` begins."""
    end = xml.find(f"</{start[1]}", start.end())
    return None if end < 0 else end


def _escaped(text: str) -> str:
    """What is no entity already, as one."""
    text = _BARE_AMPERSAND.sub("&amp;", text)
    return text.replace("<", "&lt;").replace(">", "&gt;").replace('"', "&quot;")
