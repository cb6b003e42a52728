"""Backups: how their files are called, and how what is asked for is kept (protocol, 9).

| name | what it is |
|---|---|
| `meta-inf/storage.xml` | what this is, when and where it was made |
| `audioClip/<gunid>` | the audio of a clip |
| `audioClip/<gunid>.xml` | the metadata document of a clip; without audio, of a webstream |
| `playlist/<gunid>.xml` | a playlist |
| `meta-inf/scheduler.xml` | what the scheduler may have added; none of our business |
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from enum import IntEnum
from typing import Any

from archive_server.errors import RefusedArchive
from archive_server.model import xml_writing
from archive_server.model.clips import FileType
from archive_server.model.documents import Document
from archive_server.model.gunid import Gunid
from archive_server.model.search import Criteria
from archive_server.model.xml_elements import Element

NOTE = "meta-inf/storage.xml"

_LONGEST_NAME = 255

_ID = r"[0-9a-fA-F]{16}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}"
_NAME = re.compile(rf"(audioClip|playlist)/({_ID})(\.xml)?")


def audio_name(gunid: Gunid) -> str:
    """The name of a clip's audio."""
    return f"audioClip/{gunid}"


def document_name(gunid: Gunid, file_type: FileType) -> str:
    """The name of a metadata document, or of a playlist."""
    directory = "playlist" if file_type is FileType.PLAYLIST else "audioClip"
    return f"{directory}/{gunid}.xml"


def note(at: datetime, host_name: str) -> str:
    """The text of `meta-inf/storage.xml`."""
    attributes = {
        "ctime": str(int(at.timestamp())),
        "hostname": xml_writing.carried(host_name),
        "type": "backup",
        "version": "1.0",
    }
    return xml_writing.write(Element("storage", tuple(attributes.items()), "", ()))


class Part(IntEnum):
    """What a file is of an item."""

    DOCUMENT = 0  # of a clip or a webstream
    AUDIO = 1
    PLAYLIST = 2


def part_meant(name: str) -> tuple[Gunid, Part] | None:
    """Whose file this is, and which; None for what is none of a backup's own.

    Raises RefusedArchive for what a backup cannot have.
    """
    match = _NAME.fullmatch(name)
    if match is None:
        return None
    is_document = match[3] is not None
    if match[1] == "audioClip":
        return Gunid.parse(match[2]), Part.DOCUMENT if is_document else Part.AUDIO
    if not is_document:
        raise RefusedArchive(f"{name!r}: one document expected", "unexpected-member")
    return Gunid.parse(match[2]), Part.PLAYLIST


def file_name_of(document: Document, gunid: Gunid) -> str:
    """What a clip is called whose file name the backup does not tell.

    The original took the first value of its metadata; ls:filename was meant for it.
    """
    first = next((text for _, text in document.flattened()), "")
    told = document.first("ls:filename") or first
    return re.split(r"[/\\]", told)[-1].strip()[:_LONGEST_NAME] or str(gunid)


def in_order(references: Mapping[Gunid, Iterable[Gunid]]) -> Iterator[Gunid]:
    """Playlists, each after those that it holds; where they make a circle, in any order.

    In this order no playlist is saved while what it holds is still an older version, with which
    it might make a circle that neither the backup nor the archive has.
    """
    waiting = {gunid: set(held) & references.keys() for gunid, held in references.items()}
    while waiting:
        ready = [gunid for gunid, held in waiting.items() if not held & waiting.keys()]
        for gunid in ready or list(waiting):
            yield gunid
            del waiting[gunid]


# -- criteria, as a job keeps them --------------------------------------------------------------


def kept(criteria: Criteria) -> dict[str, Any]:
    """Criteria as JSON can hold them."""
    return {
        "file_type": "all" if criteria.file_type is None else criteria.file_type.value,
        "operator": "or" if criteria.match_any else "and",
        "conditions": [
            [each.category, each.operator.value, each.value] for each in criteria.conditions
        ],
        "limit": criteria.limit,
        "offset": criteria.offset,
        "order_by": [[each.category, each.descending] for each in criteria.order_by],
    }


def criteria(kept: Mapping[str, Any]) -> Criteria:
    """The criteria that `kept` has made this of."""
    return Criteria.build(**kept)
