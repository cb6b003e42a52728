"""Makes a file name of what clients call a file: a name, a path, or a URI."""

import re
from pathlib import PurePosixPath
from urllib.parse import unquote

_URI = re.compile(r"(?:file|https?|ftp):", re.IGNORECASE)  # not the C: of a Windows path
_PARAMETERS = re.compile(r"[?#].*", re.DOTALL)
# Controls, line ends, what turns the direction of writing, and what UTF-8 cannot say.
_UNSAFE = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]"
)
_LONGEST = 255  # bytes of UTF-8, as in most file systems
_LONGEST_EXTENSION = 16  # bytes


def file_name(named: str) -> str:
    """Give the last part of a name, path or URI, safe to show and to be a file's name, or nothing.

    Studio sends URIs (`file:///home/u/x.mp3`, `file:var/x.mp3`), escaped or not.
    """
    uri = _URI.match(named)
    if uri:
        if not named.lower().startswith("file:"):
            named = _PARAMETERS.sub("", named)
        named = unquote(named[uri.end() :])
    name = _UNSAFE.sub("", re.split(r"[/\\]", named)[-1]).strip()
    return _shortened(name) if name.strip(".") else ""


def _shortened(name: str) -> str:
    """Cut a name that no file system would take; its extension stays."""
    if len(name.encode()) <= _LONGEST:
        return name
    extension = PurePosixPath(name).suffix
    if len(extension.encode()) > _LONGEST_EXTENSION:
        extension = ""
    stem = name.removesuffix(extension).encode()[: _LONGEST - len(extension.encode())]
    return stem.decode(errors="ignore") + extension
