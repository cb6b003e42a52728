"""Heads of answers: the status line and the headers, as bytes."""

import re
from collections.abc import Mapping
from email.utils import formatdate
from functools import lru_cache
from http import HTTPStatus
from time import time

REASONS = {status.value: status.phrase for status in HTTPStatus}

# Names that are not written as their words would be.
_SPECIAL = {"etag": "ETag", "www-authenticate": "WWW-Authenticate"}
# What would begin another header, or another answer, in the middle of a value.
_BREAKS = re.compile(r"[\r\n\0]+")


def head(
    status: int,
    headers: Mapping[str, str],
    more: str = "",
    *,
    is_last: bool = False,
    is_modern: bool = True,
) -> bytes:
    """What goes before a body.

    `more` are headers as `header_lines` has written them. `is_last`: the connection is closed.
    Old clients (HTTP/1.0) get their own version back: PHP's XML_RPC looks at it.
    """
    version = "HTTP/1.1" if is_modern else "HTTP/1.0"
    lines = header_lines(headers)
    close = "Connection: close\r\n" if is_last else ""
    return f"{version}{_status(status)}{_clock.line()}{lines}{more}{close}\r\n".encode()


def header_lines(headers: Mapping[str, str]) -> str:
    """Headers as they are written. No value can begin another header: its line breaks go."""
    if not headers:
        return ""
    lines = "".join([f"{_written(name)}: {value}\r\n" for name, value in headers.items()])
    count = len(headers)
    if lines.count("\n") == lines.count("\r") == count and "\0" not in lines:
        return lines
    clean = {name: _BREAKS.sub(" ", value) for name, value in headers.items()}
    return "".join([f"{_written(name)}: {value}\r\n" for name, value in clean.items()])


@lru_cache(256)
def _written(name: str) -> str:
    """A header's name as it is usually written; old clients compare it letter by letter."""
    return _SPECIAL.get(name) or "-".join(word.capitalize() for word in name.split("-"))


@lru_cache(64)
def _status(status: int) -> str:
    return f" {status} {REASONS.get(status, 'Unknown')}\r\nServer: archive-server\r\n"


class _Clock:
    """Writes the Date header anew when a second has passed: 0.1 µs a head instead of 2.4."""

    def __init__(self) -> None:
        self._second = 0
        self._line = ""

    def line(self) -> str:
        second = int(time())
        if second != self._second:
            self._second = second
            self._line = f"Date: {formatdate(second, usegmt=True)}\r\n"
        return self._line


_clock = _Clock()
