"""Audio and documents over HTTP: who may read them, and how long they are in use."""

import secrets
from collections import Counter
from collections.abc import Coroutine
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Any

from twisted.internet.defer import Deferred
from twisted.logger import Logger

from archive_server.blocking import InThread
from archive_server.errors import NoSession, NotFound, Unavailable
from archive_server.http import credentials
from archive_server.http.answering import AtHand
from archive_server.http.ranges_at_hand import LeasedRanges, RangeAnswer
from archive_server.http.representations import Representation, sha256_of
from archive_server.http.requests import ArchiveRequest
from archive_server.http.responses import HttpProblem
from archive_server.http.selection import SELECTING, Selection, select
from archive_server.http.sending import send_file, send_pieces
from archive_server.model.clips import AudioFormat
from archive_server.model.gunid import Gunid
from archive_server.model.leases import ExportLease
from archive_server.model.users import Caller
from archive_server.services.downloads import DownloadService
from archive_server.services.exporting import ArchiveFile, ExportService
from archive_server.services.leased_files import AudioFile, DocumentFile
from archive_server.services.sessions import SessionService

log = Logger()

_SOON = timedelta(minutes=1)
_SOON_S = _SOON.total_seconds()
_CONDITIONS = frozenset(name.encode() for name in SELECTING if name != "range")
_SELECTING = {name.encode(): name for name in SELECTING}
_MEDIA_TYPES = {"xml": "application/xml", "rss": "application/rss+xml"}


@dataclass(frozen=True)
class Downloads:
    """What can be read, and by what right."""

    service: DownloadService
    exports: ExportService
    sessions: SessionService
    in_thread: InThread
    # Tokens of the leases that are being read now, and how often each.
    _in_use: Counter[str] = field(default_factory=Counter)
    _answering: set[RangeAnswer] = field(default_factory=set)  # those that are not in `_in_use`

    async def leased(self, request: ArchiveRequest, token: str, extension: str) -> None:
        """Send what a lease pins; the token is the right to it."""
        file = await self.service.leased(token, extension)
        if isinstance(file, DocumentFile):
            _send_document(request, file)
            return
        await self._reading(request, token, self._send_leased(request, file))

    def learn(self, request: ArchiveRequest, token: str, extension: str) -> AtHand | None:
        """What answers requests for other ranges of the same lease."""
        learned = LeasedRanges(self, token, extension, request)
        return learned if learned.is_possible else None

    def remembered(self, token: str, extension: str) -> AudioFile | None:
        """What a lease reads, if it is known; counts as a use."""
        return self.service.at_hand(token, extension)

    def shown(self, file: AudioFile) -> Representation:
        """How a client sees it; what is remembered keeps that: 1.5 µs less for each part."""
        shown: Representation | None = file.made.get("shown")
        if shown is None:
            shown = file.made["shown"] = _shown_of(file, is_fixed=True)
        return shown

    def begin_reading(self, answer: RangeAnswer) -> None:
        """Note that a lease is in use."""
        self._answering.add(answer)

    def end_reading(self, answer: RangeAnswer) -> None:
        """Note that it is no more, or that it was a moment ago."""
        self._answering.discard(answer)
        front = answer.front
        if front.seconds() - answer.began_at > _SOON_S:
            touching = front.to_the_end(self._touch_at_the_end(answer.kind.token))
            Deferred.fromCoroutine(touching).addErrback(
                lambda failure: log.failure("cannot note the use of a lease", failure)
            )

    async def _reading(
        self, request: ArchiveRequest, token: str, sending: Coroutine[Any, Any, None]
    ) -> None:
        """Send what a lease pins, and let that be a use of it from its beginning to its end."""
        began_at = self.service.now()
        self._in_use[token] += 1
        try:
            await sending
        finally:
            self._end_use(token)
        # Its beginning was a use already; what is over soon need not be noted twice.
        if request.sent and self.service.now() - began_at > _SOON:
            await self._touch_at_the_end(token)

    def _end_use(self, token: str) -> None:
        self._in_use[token] -= 1
        if not self._in_use[token]:
            del self._in_use[token]

    async def _send_leased(self, request: ArchiveRequest, file: AudioFile | ExportLease) -> None:
        if isinstance(file, ExportLease):
            await self._send_export(request, await self.exports.opened(file))
        else:
            await self.send_audio(request, file, is_fixed=True)

    async def current(self, request: ArchiveRequest, gunid: str, extension: str) -> None:
        """Send a clip's current revision to whoever has a session."""
        clip = _traced(request, gunid)
        file = await self.service.current(await self._caller(request), clip)
        await self._send_if_named(request, file, extension, is_fixed=False)

    async def revision(
        self, request: ArchiveRequest, gunid: str, number: str, extension: str
    ) -> None:
        """Send one revision to whoever has a session."""
        clip = _traced(request, gunid)
        file = await self.service.revision(await self._caller(request), clip, int(number))
        await self._send_if_named(request, file, extension, is_fixed=True)

    async def touch(self) -> None:
        """Note that the leases being read now are in use, however slowly they are read."""
        tokens = self._in_use.keys() | {answer.kind.token for answer in self._answering}
        if tokens:
            await self.service.touch(sorted(tokens))

    async def _caller(self, request: ArchiveRequest) -> Caller:
        session_id = credentials.shown(request)
        if not session_id:
            raise NoSession("a session is needed: as bearer token, cookie or parameter sessid")
        caller = await self.sessions.caller(session_id)
        request.traces["user"] = caller.login
        return replace(caller, address=request.address or None)

    async def _send_if_named(
        self, request: ArchiveRequest, file: AudioFile, extension: str, *, is_fixed: bool
    ) -> None:
        if extension == file.format.value:
            await self.send_audio(request, file, is_fixed=is_fixed)
        else:
            file.content.close()
            raise NotFound(f"this is a .{file.format.value} file")

    async def send_audio(self, request: ArchiveRequest, file: AudioFile, *, is_fixed: bool) -> None:
        """Send of a file what the request asks for. `is_fixed`: its URL never had other bytes."""
        with file.content as content:
            selection = begin(request, _shown_of(file, is_fixed))
            await send_file(request, selection.pieces, content, self.in_thread)

    async def _send_export(self, request: ArchiveRequest, archive: ArchiveFile) -> None:
        lease = archive.lease
        selection = begin(
            request,
            Representation(
                media_type="application/x-tar",
                extension=lease.extension,
                file_name=lease.file_name,
                size=archive.layout.size,
                # Of its bytes it would take reading them all; behind its URL are no others.
                sha256=sha256_of(lease.token.encode()),
                modified=lease.modified,
                is_fixed=True,
                is_audio=False,
                is_digested=False,
            ),
        )
        try:
            if not request.is_gone:
                # As a Deferred it begins at once, while the block before is being sent.
                await send_pieces(
                    request,
                    selection.pieces,
                    lambda part: Deferred.fromCoroutine(archive.read(part)),
                )
        finally:
            await archive.close()

    async def _touch_at_the_end(self, token: str) -> None:
        try:
            await self.service.touch([token])
        except Unavailable:  # the answer is out, and must not look broken off
            log.warn("cannot note the use of a lease: the database is away")


@lru_cache(1024)
def _shown(
    kind: AudioFormat,
    file_name: str,
    size: int,
    sha256: bytes,
    modified: datetime,
    is_fixed: bool,
) -> Representation:
    """Audio as clients get it; kept for who asks for part after part: 0.1 µs instead of 31."""
    return Representation(
        media_type=kind.media_type,
        extension=kind.value,
        file_name=file_name,
        size=size,
        sha256=sha256,
        modified=modified,
        is_fixed=is_fixed,
        is_audio=True,
    )


def _shown_of(file: AudioFile, is_fixed: bool) -> Representation:
    return _shown(file.format, file.file_name, file.size, file.sha256, file.modified, is_fixed)


def _send_document(request: ArchiveRequest, file: DocumentFile) -> None:
    selection = begin(
        request,
        Representation(
            media_type=_MEDIA_TYPES[file.extension],
            extension=file.extension,
            file_name=file.file_name,
            size=len(file.body),
            sha256=sha256_of(file.body),
            modified=file.modified,
            is_fixed=True,
            is_audio=False,
        ),
    )
    if not request.is_gone:
        for piece in selection.pieces:
            request.write(piece.head + file.body[piece.part.start : piece.part.stop])
        request.finish()


def begin(request: ArchiveRequest, shown: Representation) -> Selection:
    """Choose what is sent of a file, and set status and headers. Raises HttpProblem."""
    selection = select(request.verb, _asked(request), shown, _new_boundary)
    if selection.status == 412:
        raise HttpProblem(412, "it is not, or no longer, what the conditions name")
    if selection.status == 416:
        raise HttpProblem(416, f"there are {shown.size} bytes", selection.headers)
    request.status = selection.status
    request.answer_headers.update(selection.headers)
    request.more_headers = selection.more_headers
    request.tells_length = selection.tells_length
    return selection


def _asked(request: ArchiveRequest) -> dict[str, str]:
    """The headers that choose what of a file is sent."""
    return {
        _SELECTING[name]: value.decode("latin-1")
        for name, value in request.headers.items()
        if name in _SELECTING
    }


def _new_boundary() -> str:
    return secrets.token_hex(16)


def _traced(request: ArchiveRequest, gunid: str) -> Gunid:
    """Read the id of a clip, and let the log tell it. Raises BadRequest."""
    clip = Gunid.parse(gunid)
    request.traces["gunid"] = str(clip)
    return clip
