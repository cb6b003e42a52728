"""Playlists as SMIL, for players (LiveSupport storage protocol, 7.4; W3C SMIL 2.0).

All items are in one `par`, each with its own beginning; fades are animations of the sound level.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from decimal import Decimal

from archive_server.errors import BadDocument
from archive_server.model import xml_reading, xml_writing
from archive_server.model.extents import extent_text
from archive_server.model.tracks import Track
from archive_server.model.xml_elements import Element

_NAMESPACE = "http://www.w3.org/2001/SMIL20/Language"
_WIRE_NAMES = {"audioclip": "audioClip", "playlist": "playlist", "webstream": "webstream"}
_MOST = 100_000  # elements and attributes
# Clock values (SMIL 2.0, 10.3.1): full and partial ones, and counts of a unit.
_CLOCK = re.compile(r"(?:npt=)?(?:([0-9]{1,6}):)?([0-9]{1,2}):([0-9]{1,2})(\.[0-9]{1,20})?")
_COUNT = re.compile(r"(?:npt=)?([0-9]{1,10}(?:\.[0-9]{1,20})?)(h|min|s|ms)?")
_UNITS = {"h": 3_600_000_000, "min": 60_000_000, "s": 1_000_000, "ms": 1000, None: 1_000_000}


def write(tracks: Iterable[Track]) -> str:
    """A SMIL document that plays these."""
    lines = (line for track in tracks for line in _audio(track))
    return "\n".join(
        (
            '<?xml version="1.0" encoding="UTF-8"?>',
            f'<smil xmlns="{_NAMESPACE}">',
            " <body>",
            "  <par>",
            *lines,
            "  </par>",
            " </body>",
            "</smil>",
            "",
        )
    )


def read(xml: str | bytes, *, largest: int) -> list[Track]:
    """What a SMIL document plays. Raises BadDocument."""
    root = xml_reading.tree(xml, largest, most=_MOST)
    if _local(root) != "smil":
        raise BadDocument(f"root element {root.name}: smil expected")
    return [_track(element) for element in _audios(root)]


def _audio(track: Track) -> Iterator[str]:
    attributes = {
        "src": track.source,
        "begin": _seconds(track.begin_us or 0),
        "clipBegin": _some_seconds(track.clip_start_us),
        "clipEnd": _some_seconds(track.clip_end_us),
    }
    fades = list(_fades(track))
    tag = "   <audio" + _written(attributes)
    if fades:
        yield tag + ">"
        yield from fades
        yield "   </audio>" + _comment(track)
    else:
        yield tag + " />" + _comment(track)


def _fades(track: Track) -> Iterator[str]:
    """Times within an item count from its own beginning."""
    end_us = track.length_us or 0
    if track.fade_in_us:
        yield _animate("0%", "100%", 0, track.fade_in_us)
    if track.fade_out_us:
        yield _animate("100%", "0%", max(0, end_us - track.fade_out_us), end_us)


def _animate(start: str, end: str, begin_us: int, end_us: int) -> str:
    attributes = {
        "attributeName": "soundLevel",
        "from": start,
        "to": end,
        "calcMode": "linear",
        "begin": _seconds(begin_us),
        "end": _seconds(end_us),
        "fill": "freeze",
    }
    return f"    <animate{_written(attributes)} />"


def _comment(track: Track) -> str:
    """What it is, for people: none of it can hold the `--` that would end a comment."""
    if track.gunid is None:
        return ""
    length = "" if track.length_us is None else f", {extent_text(track.length_us)}"
    return f" <!-- {_WIRE_NAMES[track.kind]}, {track.gunid}{length} -->"


def _written(attributes: Mapping[str, str | None]) -> str:
    return xml_writing.attributes(
        (name, value) for name, value in attributes.items() if value is not None
    )


def _some_seconds(us: int | None) -> str | None:
    return None if us is None else _seconds(us)


def _seconds(us: int) -> str:
    """Seconds, with as many digits as it needs: `29.7s`."""
    whole, fraction = divmod(us, 1_000_000)
    return f"{whole}.{fraction:06}".rstrip("0").rstrip(".") + "s"


def _audios(element: Element) -> Iterator[Element]:
    for child in element.children:
        name = _local(child)
        if name in ("body", "par"):
            yield from _audios(child)
        elif name == "audio":
            yield child
        elif name != "head":
            raise BadDocument(f"{_local(element)}: element {name} is not understood in it")


def _track(element: Element) -> Track:
    attributes = dict(element.attributes)
    if not attributes.get("src"):
        raise BadDocument("audio: attribute src is missing")
    fade_in_us = fade_out_us = 0
    for child in element.children:
        length_us, rises = _animation(child)
        if rises:
            fade_in_us = length_us
        else:
            fade_out_us = length_us
    return Track(
        attributes["src"],
        begin_us=_us(attributes.get("begin"), "begin") or 0,
        clip_start_us=_us(attributes.get("clipBegin"), "clipBegin"),
        clip_end_us=_us(attributes.get("clipEnd"), "clipEnd"),
        fade_in_us=fade_in_us,
        fade_out_us=fade_out_us,
    )


def _animation(element: Element) -> tuple[int, bool]:
    """How long a fade takes, and whether the sound rises."""
    attributes = dict(element.attributes)
    if _local(element) != "animate" or attributes.get("attributeName") != "soundLevel":
        raise BadDocument(f"audio: element {_local(element)} is not understood in it")
    levels = (attributes.get("from"), attributes.get("to"))
    if levels not in (("0%", "100%"), ("100%", "0%")):
        raise BadDocument("animate: from 0% to 100%, or from 100% to 0% expected")
    begin_us, end_us = (_us(attributes.get(name), name) or 0 for name in ("begin", "end"))
    if end_us < begin_us:
        raise BadDocument("animate: end is before begin")
    return end_us - begin_us, levels[1] == "100%"


def _us(text: str | None, name: str) -> int | None:
    """Microseconds of a clock value."""
    if text is None:
        return None
    if clock := _CLOCK.fullmatch(text.strip()):
        hours, minutes, seconds, fraction = clock.groups()
        whole = (int(hours or 0) * 60 + int(minutes)) * 60 + int(seconds)
        return whole * 1_000_000 + int(Decimal(f"0{fraction or ''}") * 1_000_000)
    if count := _COUNT.fullmatch(text.strip()):
        return int(Decimal(count[1]) * _UNITS[count[2]])
    raise BadDocument(f"{name}: a time like 29.7s expected")


def _local(element: Element) -> str:
    return element.name.rpartition(":")[2]
