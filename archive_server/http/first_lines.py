"""The first line of a request whose method the parser does not know."""

import re

_LINE = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]+) ([!-~]+) HTTP/1\.[01]")


def request_line(data: bytes) -> tuple[str, bytes] | None:
    """Read verb and target; None before the line has ended, nothing of what is not HTTP."""
    line, end, _ = data.lstrip(b"\r\n").partition(b"\n")
    if not end:
        return ("", b"") if data.endswith(b"\n") else None
    match = _LINE.fullmatch(line.removesuffix(b"\r"))
    return ("", b"") if match is None else (match[1].decode("ascii"), match[2])
