"""What leases and reading give: files to be sent, and what a client is told of them."""

import hashlib
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path, PurePath
from typing import Any, BinaryIO

from archive_server.model.clips import AudioFormat, Clip
from archive_server.model.gunid import Gunid
from archive_server.services.storing import SharedContent


@dataclass(frozen=True, slots=True)
class OpenLease:
    """What a client is told of a lease."""

    token: str
    gunid: Gunid
    extension: str
    md5: str  # hex
    size: int  # bytes
    file_name: str


@dataclass(frozen=True, slots=True)
class LocalFile:
    """A read-only file on the server's disk, there until its lease is closed."""

    token: str
    path: Path


@dataclass(frozen=True, slots=True)
class AudioFile:
    """Audio to be sent. Who gets it closes `content`."""

    content: BinaryIO
    size: int  # bytes
    sha256: bytes
    md5: bytes
    format: AudioFormat
    file_name: str
    modified: datetime
    # What an edge has made of it, for the next who reads the same file.
    made: dict[str, Any] = field(default_factory=dict, compare=False, repr=False)


@dataclass(frozen=True, slots=True)
class DocumentFile:
    """A metadata document, a playlist or a feed to be sent."""

    body: bytes
    extension: str
    file_name: str
    modified: datetime


@dataclass(slots=True)
class KnownLease:
    """A lease of audio that is remembered, with the file that all its readers share."""

    file: AudioFile
    content: SharedContent  # as in `file`
    noted_at: datetime  # when its use was noted in the database
    looked_at: datetime  # when the store was seen to be there
    due_at: datetime  # when the one or the other is to be done again

    def shared(self) -> AudioFile:
        """The file, for one more reader."""
        self.content.share()
        return self.file

    def close(self) -> None:
        """Let go of the file; who reads it reads it to the end."""
        self.content.close()


def open_lease(token: str, clip: Clip, xml: str) -> OpenLease:
    """What a client is told of the lease of a document."""
    body = xml.encode()
    md5 = hashlib.md5(body, usedforsecurity=False).hexdigest()
    return OpenLease(token, clip.gunid, "xml", md5, len(body), xml_name(clip.file_name))


def xml_name(file_name: str) -> str:
    """What the document of a file is called."""
    return f"{PurePath(file_name).stem or 'metadata'}.xml"
