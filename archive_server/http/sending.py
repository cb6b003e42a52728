"""The bytes of files on their way out: read in threads, sent as fast as the client takes them.

At any time one block waits in the transport and the next is being read, whatever the size of the
file.
"""

import os
from collections.abc import Iterator, Sequence
from typing import BinaryIO

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.web.http import Request
from zope.interface import implementer

from archive_server.blocking import InThread
from archive_server.errors import Unavailable
from archive_server.http.representations import Piece
from archive_server.http.responses import is_gone

BLOCK = 256 * 1024


async def send_pieces(
    request: Request, content: BinaryIO, pieces: Sequence[Piece], in_thread: InThread
) -> None:
    """Write pieces of a file as the body of an answer, and finish it; stop when the client leaves.

    When it returns no thread reads the file any more. Raises Unavailable.
    """
    flow = Flow()
    request.notifyFinish().addErrback(lambda _: flow.stopProducing())
    request.registerProducer(flow, True)
    try:
        await _send_blocks(request, content, _blocks(pieces), flow, in_thread)
    finally:
        if not is_gone(request):
            request.unregisterProducer()
    if not flow.is_stopped:
        request.finish()


async def _send_blocks(
    request: Request,
    content: BinaryIO,
    blocks: "Iterator[Piece]",
    flow: "Flow",
    in_thread: InThread,
) -> None:
    """Write block after block, reading each while the one before it is sent."""
    piece = next(blocks, None)
    while piece is not None and not flow.is_stopped:
        reading = in_thread(_read, content, piece)
        has_room = await flow.has_room()
        block = await reading  # even for nobody: its thread must not outlive the file
        if has_room:
            request.write(block)
        piece = next(blocks, None)


def _blocks(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """The same bytes, in pieces of at most BLOCK bytes of the file."""
    for piece in pieces:
        yield Piece(piece.head, piece.part[:BLOCK])
        for start in range(piece.part.start + BLOCK, piece.part.stop, BLOCK):
            yield Piece(b"", range(start, min(start + BLOCK, piece.part.stop)))


def _read(content: BinaryIO, piece: Piece) -> bytes:
    """Read one block; blocks. Raises Unavailable."""
    found = [piece.head]
    place, end = piece.part.start, piece.part.stop
    while place < end:
        try:
            some = os.pread(content.fileno(), end - place, place)
        except OSError as error:
            raise Unavailable("the audio cannot be read now") from error
        if not some:
            raise Unavailable("the audio is damaged in the store", retry_after=60)
        found.append(some)
        place += len(some)
    return b"".join(found)


@implementer(IPushProducer)
class Flow:
    """Tells a coroutine when the transport wants more: all that a producer has to be."""

    def __init__(self) -> None:
        self.is_stopped = False
        self._is_paused = False
        self._waiting: Deferred[None] | None = None

    def pauseProducing(self) -> None:
        self._is_paused = True

    def resumeProducing(self) -> None:
        self._is_paused = False
        self._wake()

    def stopProducing(self) -> None:
        self.is_stopped = True
        self._wake()

    async def has_room(self) -> bool:
        """Wait until more can be sent; False when it never will be."""
        while self._is_paused and not self.is_stopped:
            self._waiting = Deferred()
            await self._waiting
        return not self.is_stopped

    def _wake(self) -> None:
        if self._waiting is not None:
            waiting, self._waiting = self._waiting, None
            waiting.callback(None)
