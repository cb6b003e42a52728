"""Bytes of uploads over HTTP, resumable: Content-Range as curl sends it, and tus 1.0 for browsers.

| request | meaning | answer |
|---|---|---|
| `PUT` | all of it, afresh | 200, `Upload-Offset` |
| `PUT` with `Content-Range: bytes a-b/total` | goes on at a, where it stands | 200, 409 |
| `PATCH` with `Upload-Offset: a` (tus) | the same | 204, 409 |
| `HEAD` | how many bytes there are | 200, `Upload-Offset`, `Upload-Length` if known |
| `OPTIONS` | which tus we speak | 204 |

A `PATCH` may tell the size of the whole in `Upload-Length`; without it the end is where the bytes
stop. Whatever has arrived when a connection breaks is kept. tus: https://tus.io/protocols/resumable-upload
"""

from dataclasses import dataclass

from twisted.logger import Logger

from archive_server.errors import BadRequest, Unavailable
from archive_server.http.ranges import sent_range
from archive_server.http.requests import ArchiveRequest
from archive_server.http.responses import HttpProblem
from archive_server.services.uploads import Receiving, UploadService

log = Logger()

_TUS_VERSION = "1.0.0"
_TUS_TYPE = "application/offset+octet-stream"
_LARGEST_NUMBER = 18  # digits
_TOUCH_EVERY_S = 60


@dataclass(frozen=True, slots=True)
class Sent:
    """What a request brings: `length` bytes from `start` on, of `total`; None: not told."""

    start: int | None  # None: all of it, afresh
    length: int | None
    total: int | None


@dataclass(frozen=True)
class Uploads:
    """Receiving bytes, by a token that is the right to send them."""

    service: UploadService

    async def answer(self, request: ArchiveRequest, token: str) -> None:
        """Do what the method says to the upload with this token."""
        verb = _verb(request)
        if verb == "OPTIONS":
            request.send(204, headers={"tus-resumable": _TUS_VERSION, "tus-version": _TUS_VERSION})
            return
        _agree_on_tus(request, verb)
        if verb == "HEAD":
            await self._tell(request, token)
        elif verb == "PUT":
            offset = await self._receive(request, token, _put(request))
            request.send(200, headers={"upload-offset": str(offset)})
        else:
            offset = await self._receive(request, token, _patch(request))
            request.send(204, headers={"upload-offset": str(offset)})

    async def _tell(self, request: ArchiveRequest, token: str) -> None:
        state = await self.service.state(token)
        headers = {"upload-offset": str(state.offset), "cache-control": "no-store"}
        if state.total is not None:
            headers["upload-length"] = str(state.total)
        else:  # without one of the two browsers' tus clients give up
            headers["upload-defer-length"] = "1"
        request.send(200, headers=headers)

    async def _receive(self, request: ArchiveRequest, token: str, sent: Sent) -> int:
        """Keep the body of a request; return how many bytes there are then."""
        receiving = await self.service.receive(token, sent.start, sent.total)
        try:
            request.welcome()
            await _keep(request, receiving, sent)
        finally:
            # Also for a client that is gone: what has arrived is what it goes on from.
            state = await receiving.finish()
        return state.offset


async def _keep(request: ArchiveRequest, receiving: Receiving, sent: Sent) -> None:
    """Append the body, block by block. Raises BadRequest where it is not as long as told."""
    body = request.body
    assert body is not None, "uploads are routes that stream"
    received = 0
    touched_at = request.front.seconds()
    while block := await body.read():
        received += len(block)
        if sent.length is not None and received > sent.length:
            raise BadRequest(f"more bytes than the {sent.length} announced")
        await receiving.append(block)
        if request.front.seconds() - touched_at > _TOUCH_EVERY_S:
            touched_at = request.front.seconds()
            await _touch(receiving)
    if body.is_whole and sent.length is not None and received < sent.length:
        raise BadRequest(f"only {received} of the {sent.length} bytes announced")
    if body.is_broken and not request.is_gone:
        raise HttpProblem(408, "the body comes too slowly")


async def _touch(receiving: Receiving) -> None:
    try:
        await receiving.touch()
    except Unavailable:  # the bytes need no database; a minute later it may be there again
        log.warn("cannot note the use of an upload: the database is away")


def _verb(request: ArchiveRequest) -> str:
    """The method; tus lets clients that cannot PATCH say so by a header of a POST."""
    if request.verb != "POST":
        return request.verb
    if (request.header("x-http-method-override") or "").upper() == "PATCH":
        return "PATCH"
    raise HttpProblem(405, "bytes are sent with PUT or PATCH", {"allow": "PUT, PATCH, HEAD"})


def _agree_on_tus(request: ArchiveRequest, verb: str) -> None:
    """Raise HttpProblem for another version of tus than ours; all but PATCH need none."""
    version = request.header("tus-resumable")
    if version is None and verb != "PATCH":
        return
    request.set_header("tus-resumable", _TUS_VERSION)
    if version != _TUS_VERSION:
        raise HttpProblem(412, f"tus {_TUS_VERSION} is spoken here", {"tus-version": _TUS_VERSION})


def _put(request: ArchiveRequest) -> Sent:
    """What a PUT brings. Raises BadRequest where its headers contradict each other."""
    length = _content_length(request)
    header = request.header("content-range")
    if header is None:
        return Sent(None, length, length)
    found = sent_range(header)
    if found is None:
        raise BadRequest("content-range: bytes first-last/total expected")
    part, total = found
    if length is not None and length != len(part):
        raise BadRequest(f"content-range: {len(part)} bytes announced, {length} sent")
    return Sent(part.start, len(part), total)


def _patch(request: ArchiveRequest) -> Sent:
    """What a PATCH of tus brings. Raises BadRequest, HttpProblem."""
    kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
    if kind != _TUS_TYPE:
        raise HttpProblem(415, f"content-type: {_TUS_TYPE} expected")
    start, total = _number(request, "upload-offset"), _number(request, "upload-length")
    if start is None:
        raise BadRequest("upload-offset: number of bytes expected")
    return Sent(start, _content_length(request), total)


def _number(request: ArchiveRequest, name: str) -> int | None:
    """A header that counts bytes; None without it. Raises BadRequest."""
    digits = request.header(name)
    if digits is None:
        return None
    if not (digits.isascii() and digits.isdigit() and len(digits) <= _LARGEST_NUMBER):
        raise BadRequest(f"{name}: number of bytes expected")
    return int(digits)


def _content_length(request: ArchiveRequest) -> int | None:
    """The length of the body; None where its end will show (chunked)."""
    if request.header("transfer-encoding") is not None:
        return None
    return int(request.header("content-length") or 0)
