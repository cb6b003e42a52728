"""Where things lie in a store, and which names may reach the disk.

    store.json                      the identity
    store.json.new                  the identity, while the store is being made
    content/ab/cd/<sha256>          published bytes; ab, cd: the first four digits
    staging/<token>                 bytes being received
    access/<token>.<extension>      second names of published bytes
    items/ab/<id>.json              sidecars (`sidecars`)
    archive.json
    quarantine/<sha256>.<number>    published bytes that were found damaged

Every path is put together from checked parts, so none can lead out of the store.
"""

import re
from dataclasses import dataclass
from pathlib import Path

from audio_store.content_id import ContentId
from audio_store.errors import BadName

# All 256 exist in every store. One that does not means that `content` is not the directory
# we made (an empty mount point, say), and not that its contents were deleted.
SHARDS = tuple(f"{number:02x}" for number in range(256))

PRIVATE = 0o700  # directories for this program only
TRAVERSABLE = 0o711  # directories to pass through, for those who know a name in them

_TOKEN = re.compile(r"[0-9a-f]{32}")
_EXTENSION = re.compile(r"[a-z0-9]{1,8}")


@dataclass(frozen=True, slots=True)
class Layout:
    """The paths of a store."""

    root: Path

    @property
    def identity(self) -> Path:
        return self.root / "store.json"

    @property
    def new_identity(self) -> Path:
        return self.root / "store.json.new"

    @property
    def content(self) -> Path:
        return self.root / "content"

    @property
    def staging(self) -> Path:
        return self.root / "staging"

    @property
    def access(self) -> Path:
        return self.root / "access"

    @property
    def quarantine(self) -> Path:
        return self.root / "quarantine"

    def shard(self, content_id: ContentId) -> Path:
        """The first-level directory of some content, one of SHARDS."""
        return self.content / str(content_id)[:2]

    def content_file(self, content_id: ContentId) -> Path:
        name = str(content_id)
        return self.content / name[:2] / name[2:4] / name

    def staged_file(self, token: str) -> Path:
        """Raises BadName for what is not a token."""
        if not is_token(token):
            raise BadName("token: 32 lower-case hex digits expected")
        return self.staging / token

    def link(self, token: str, extension: str) -> Path:
        """Raises BadName for what is not a token or not an extension."""
        if not is_token(token):
            raise BadName("token: 32 lower-case hex digits expected")
        if not _EXTENSION.fullmatch(extension):
            raise BadName("extension: one to eight lower-case letters and digits expected")
        return self.access / f"{token}.{extension}"


def is_token(name: str) -> bool:
    return _TOKEN.fullmatch(name) is not None


def split_link(name: str) -> tuple[str, str] | None:
    """The token and the extension of a file in `access`; None for a file that is not ours."""
    token, dot, extension = name.partition(".")
    if dot and is_token(token) and _EXTENSION.fullmatch(extension):
        return token, extension
    return None
