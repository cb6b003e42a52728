"""Calls and answers that are sent compressed: only ever because the client began with it.

xmlrpclib asks for gzip in answers, and can send calls so; xmlrpc++ and PEAR know nothing of it
(LiveSupport storage protocol, 1.2 and 1.3).
"""

import re
import zlib

from archive_server.errors import BadRequest, TooLarge

# An answer that is no larger goes out in one packet or two anyway.
SMALLEST = 2048  # bytes
_QUICKLY = 1  # zlib's level: answers shrink to a fifth, at more than 100 MB a second
_GZIP = 16 + zlib.MAX_WBITS
_NAMES = frozenset({"gzip", "x-gzip"})
_WEIGHT = re.compile(r"q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)")


def wants_gzip(accept_encoding: str) -> bool:
    """Tell whether a client has named gzip, and with a weight above nothing (RFC 9110, 12.5.3).

    `*` does not do: the first who was asked to decide about it knew no gzip.
    """
    for part in accept_encoding.lower().split(","):
        name, _, parameter = (word.strip() for word in part.partition(";"))
        weight = _WEIGHT.fullmatch(parameter.replace(" ", ""))
        if name in _NAMES and (not parameter or (weight and float(weight[1]) > 0)):
            return True
    return False


def gzipped(answer: bytes) -> bytes:
    """Compress an answer; blocks for milliseconds a megabyte."""
    packer = zlib.compressobj(_QUICKLY, wbits=_GZIP)
    return packer.compress(answer) + packer.flush()


def inflated(body: bytes, content_encoding: str, largest: int) -> bytes:
    """Give the body of a request as it was before its encoding; blocks.

    Never more than `largest` bytes are made of it. Raises TooLarge, and BadRequest for an encoding
    other than gzip and for what is not whole.
    """
    encoding = content_encoding.strip().lower()
    if encoding in ("", "identity"):
        return body
    if encoding not in _NAMES:
        raise BadRequest("Content-Encoding: gzip or none expected")
    unpacker = zlib.decompressobj(_GZIP)
    try:
        whole = unpacker.decompress(body, largest + 1)
    except zlib.error as error:
        raise BadRequest("the body is not gzip") from error
    if len(whole) > largest:
        raise TooLarge(f"a call may have {largest} bytes")
    if not unpacker.eof or unpacker.unused_data:
        raise BadRequest("the body is not one whole gzip member")
    return whole
