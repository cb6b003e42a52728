"""Uploads: the right to send the bytes of one file."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from archive_server.errors import BadRequest, UnknownToken
from archive_server.model.clips import Content
from archive_server.model.gunid import Gunid

_TOKEN = re.compile(r"[0-9a-f]{32}")
_MD5 = re.compile(r"[0-9a-fA-F]{32}")


def new_token() -> str:
    """A token nobody can guess: 128 random bits."""
    return secrets.token_hex(16)


def checked_token(token: str) -> str:
    """A token of the right form, in lower case. Raises UnknownToken: no other form is given out."""
    if not _TOKEN.fullmatch(token.lower()):
        raise UnknownToken("unknown, closed or expired token")
    return token.lower()


def announced_md5(text: str) -> bytes | None:
    """The MD5 a client announces, in hex; None for an empty text. Raises BadRequest."""
    if text and not _MD5.fullmatch(text):
        raise BadRequest("chsum: an MD5 of 32 hex digits expected")
    return bytes.fromhex(text) or None


class Purpose(StrEnum):
    """What is to be made of an upload."""

    CLIP = "clip"
    IMPORT = "import"  # an archive with playlists
    RESTORE = "restore"  # a backup
    RESTORING = "restoring"  # a backup that has arrived, and that a job reads
    PUT = "put"  # nothing: it shall only be seen whether bytes arrive


@dataclass(frozen=True, slots=True)
class Upload:
    """What is known of bytes that are being received."""

    token: str
    user_id: int
    gunid: Gunid | None  # of the clip it is for; None for archives
    file_name: str
    announced_md5: bytes | None
    document: str | None  # as the client sent it
    total_size: int | None  # bytes; None: not told yet
    digested: Content | None  # the digests of the bytes received, if known
    last_used_at: datetime
    purpose: Purpose = Purpose.CLIP
    # What the probe says of the digested bytes, as `services.probing` keeps it
    verdict: str | None = None

    @property
    def clip(self) -> Gunid:
        """The id of the clip that an upload of audio is for."""
        assert self.gunid is not None, "uploads of clips have one: upload_of_a_clip_has_its_id"
        return self.gunid


def difference(upload: Upload, content: Content) -> tuple[str, str] | None:
    """How bytes differ from those that were announced, as a sentence and a code; None: not."""
    if content.size == 0:
        return "no bytes were sent", "empty"
    if upload.total_size not in (None, content.size):
        return f"{content.size} of {upload.total_size} bytes have arrived", "incomplete"
    if upload.announced_md5 not in (None, content.md5):
        announced = (upload.announced_md5 or b"").hex()
        return (
            f"the MD5 of the {content.size} bytes received is {content.md5.hex()}, "
            f"not the announced {announced}",
            "md5-mismatch",
        )
    return None


@dataclass(frozen=True, slots=True)
class UploadState:
    """How far an upload has come, in bytes; `total` is None until the client has told it."""

    offset: int
    total: int | None
