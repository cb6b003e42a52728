"""Uploads: the right to send the bytes of one clip."""

import re
import secrets
from dataclasses import dataclass
from datetime import datetime

from archive_server.errors import UnknownToken
from archive_server.model.clips import Content
from archive_server.model.gunid import Gunid

_TOKEN = re.compile(r"[0-9a-f]{32}")


def new_token() -> str:
    """A token nobody can guess: 128 random bits."""
    return secrets.token_hex(16)


def checked_token(token: str) -> str:
    """A token of the right form, in lower case. Raises UnknownToken: no other form is given out."""
    if not _TOKEN.fullmatch(token.lower()):
        raise UnknownToken("unknown, closed or expired token")
    return token.lower()


@dataclass(frozen=True, slots=True)
class Upload:
    """What is known of bytes that are being received."""

    token: str
    user_id: int
    gunid: Gunid
    file_name: str
    announced_md5: bytes | None
    document: str | None  # as the client sent it
    total_size: int | None  # bytes; None: not told yet
    digested: Content | None  # the digests of the bytes received, if known
    last_used_at: datetime


@dataclass(frozen=True, slots=True)
class UploadState:
    """How far an upload has come, in bytes; `total` is None until the client has told it."""

    offset: int
    total: int | None
