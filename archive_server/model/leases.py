"""Leases: the right to read one revision, or one document, until it is closed or expires."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from archive_server.model.clips import AudioFormat
from archive_server.model.gunid import Gunid


class LeaseKind(StrEnum):
    """What a lease reads, and how."""

    AUDIO = "audio"  # over HTTP
    FILE = "file"  # as a file on the server's disk
    DOCUMENT = "document"  # the metadata, over HTTP
    PLAYLIST = "playlist"  # a playlist, over HTTP; what it holds may be leased with it
    EDIT = "edit"  # the right to change a playlist, which is read over HTTP meanwhile
    EXPORT = "export"  # an archive of what is leased with it
    RSS = "rss"  # a feed, over HTTP


@dataclass(frozen=True, slots=True)
class AudioLease:
    """A lease of bytes in the store."""

    token: str
    kind: LeaseKind
    gunid: Gunid
    file_name: str
    sha256: bytes
    md5: bytes
    size: int  # bytes
    format: AudioFormat
    modified: datetime  # when the archive got these bytes
    is_damaged: bool = False  # they are, now

    @property
    def extension(self) -> str:
        """The true file name extension."""
        return self.format.value


@dataclass(frozen=True, slots=True)
class DocumentLease:
    """A lease of a metadata document, a playlist, or a feed."""

    token: str
    kind: LeaseKind
    gunid: Gunid
    file_name: str
    document_id: int
    xml: str
    modified: datetime

    @property
    def extension(self) -> str:
        """The true file name extension."""
        return "rss" if self.kind is LeaseKind.RSS else "xml"


@dataclass(frozen=True, slots=True)
class ExportLease:
    """A lease of an archive that is made of other leases, its children."""

    token: str
    gunid: Gunid
    file_name: str
    modified: datetime

    kind = LeaseKind.EXPORT
    extension = "tar"


Lease = AudioLease | DocumentLease | ExportLease
