"""What a clip may be, so far as its client knows: the model that the archive is compared with."""

import re
from dataclasses import dataclass, field
from hashlib import md5
from typing import Any
from urllib.parse import urlsplit

from endurance.crowd import Lost
from endurance.sounds import by_digest, digest, sound
from endurance.wire import Refused, Wire

_CREATOR = re.compile(r"<dc:creator>(.*?)</dc:creator>")
_TITLE = re.compile(r"<dc:title>(.*?)</dc:title>")
NO_AUDIO = 847
NOT_DONE = 805


@dataclass(frozen=True, slots=True)
class State:
    """What a clip is to those who look at it; None stands for a clip that is not there."""

    md5: str
    creator: str


@dataclass
class Upload:
    """Bytes that are being sent."""

    token: str
    path: str
    sound: int
    result: State
    acknowledged: int = 0  # bytes that were
    is_closing: bool = False  # it was asked for, without an answer


@dataclass
class Slot:
    """One clip, which has one writer."""

    gunid: str
    title: str
    possible: set[State | None] = field(default_factory=lambda: {None})
    sounds: set[str] = field(default_factory=set)  # the MD5 of all it may ever have had
    upload: Upload | None = None

    @property
    def is_in_doubt(self) -> bool:
        return len(self.possible) > 1

    @property
    def state(self) -> State | None:
        """What it is. To be asked when there is no doubt."""
        (state,) = self.possible
        return state

    def document(self, creator: str) -> str:
        """A metadata document."""
        return _document("audioClip", self.title, creator)

    def verify(self, wire: Wire) -> None:
        """Compare the archive with what it may be; from now on it is what was found. Raises Lost.

        Raises Unanswered too, and then nothing is known.
        """
        found = observe(wire, self)
        expected, self.possible = self.possible, {found}
        if found not in expected:
            raise Lost(f"{self.gunid} is {found}, and may be {expected}")


def observe(wire: Wire, slot: Slot) -> State | None:
    """What everybody sees of a clip: its bytes, its document, and what searches find."""
    found = [hit["gunid"] for hit in _found(wire, "dc:title", slot.title)]
    if not wire.call("existsAudioClip", gunid=slot.gunid)["exists"]:
        if found:
            raise Lost(f"{slot.gunid} is found and does not exist")
        return None
    text = wire.call("getAudioClip", gunid=slot.gunid)["metadata"]
    title, creator = _TITLE.search(text), _CREATOR.search(text)
    if title is None or creator is None or title[1] != slot.title or found != [slot.gunid]:
        raise Lost(f"{slot.gunid} is found as {found} and described as {text}")
    if slot.gunid not in [hit["gunid"] for hit in _found(wire, "dc:creator", creator[1])]:
        raise Lost(f"{slot.gunid} is not found by what it is described with: {creator[1]}")
    lease = wire.call("downloadRawAudioDataOpen", gunid=slot.gunid)
    whole = wire.ask("GET", path_of(lease["url"]))
    if md5(whole.body, usedforsecurity=False).hexdigest() != lease["chsum"]:
        raise Lost(f"{slot.gunid}: {whole.status}, {len(whole.body)} bytes are not the audio")
    wire.call("downloadRawAudioDataClose", token=lease["token"])
    return State(lease["chsum"], creator[1])


def _found(wire: Wire, category: str, value: str) -> Any:
    condition = {"cat": category, "op": "=", "val": value}
    return wire.call("searchMetadata", criteria={"conditions": [condition]})["results"]


def _document(root: str, title: str, creator: str) -> str:
    return (
        f'<?xml version="1.0"?><{root}><metadata xmlns:dc="http://purl.org/dc/elements/1.1/">'
        f"<dc:title>{title}</dc:title><dc:creator>{creator}</dc:creator></metadata></{root}>"
    )


def path_of(url: str) -> str:
    """What is to be asked for, wherever the server is."""
    return urlsplit(url).path


def is_prefix(body: bytes | bytearray, chsum: str) -> bool:
    """Whether these are the first bytes of the sound with this MD5."""
    whole = by_digest().get(chsum, b"")
    return whole.startswith(bytes(body)) and bool(whole)


__all__ = ["NOT_DONE", "NO_AUDIO", "Refused", "Slot", "State", "Upload", "digest", "sound"]
