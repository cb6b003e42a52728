"""Clips and their revisions."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from archive_server.model.gunid import Gunid


class FileType(StrEnum):
    """What an item is; the order is the one searches answer in."""

    AUDIO_CLIP = "audioclip"
    PLAYLIST = "playlist"
    WEBSTREAM = "webstream"

    @property
    def noun(self) -> str:
        """What to call one in a sentence."""
        return "an audio clip" if self is FileType.AUDIO_CLIP else f"a {self.value}"


class ClipState(StrEnum):
    """Whether a clip can be seen."""

    READY = "ready"
    TRASHED = "trashed"


class AudioFormat(StrEnum):
    """What the bytes of a revision are; the value is the true file name extension."""

    OGG = "ogg"
    MP3 = "mp3"
    WAV = "wav"

    @property
    def media_type(self) -> str:
        """The media type of this format (RFC 5334, RFC 3003, and what players expect of WAV)."""
        return {"ogg": "audio/ogg", "mp3": "audio/mpeg", "wav": "audio/x-wav"}[self.value]


@dataclass(frozen=True, slots=True)
class AudioFacts:
    """What was measured on the audio of a revision."""

    format: AudioFormat
    duration_us: int
    sample_rate: int  # Hz
    channels: int
    bit_rate: int  # bits a second, averaged over the audio


@dataclass(frozen=True, slots=True)
class Content:
    """Bytes, by their digests."""

    sha256: bytes
    md5: bytes
    size: int  # bytes
    is_damaged: bool = False  # as far as we know; what is damaged is not handed out


@dataclass(frozen=True, slots=True)
class Revision:
    """One version of a clip's audio. Never changes."""

    number: int
    content: Content
    facts: AudioFacts
    warnings: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class Clip:
    """One item of the archive, with its current revision (None for what has no audio)."""

    clip_id: int
    gunid: Gunid
    file_type: FileType
    state: ClipState
    file_name: str
    owner: str | None
    owner_id: int | None  # None, as the owner's login: the owner is gone
    document_id: int
    revision: Revision | None
    mtime: datetime
    trashed_at: datetime | None
