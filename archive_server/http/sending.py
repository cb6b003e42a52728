"""The bytes of files on their way out: read in threads, sent as fast as the client takes them.

At any time one block waits in the transport and the next is being read, whatever the size of the
file.
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IPushProducer
from twisted.web.http import Request
from zope.interface import implementer

from archive_server.http.representations import Piece
from archive_server.http.responses import is_gone

BLOCK = 256 * 1024


# Begins to read a part of what is sent, at once; it must not be read twice at a time.
Read = Callable[[range], Awaitable[bytes]]


async def send_pieces(request: Request, pieces: Sequence[Piece], read: Read) -> None:
    """Write pieces of a file as the body of an answer, and finish it; stop when the client leaves.

    When it returns nobody reads the file any more. Raises what `read` raises.
    """
    flow = Flow()
    request.notifyFinish().addErrback(lambda _: flow.stopProducing())
    request.registerProducer(flow, True)
    try:
        await _send_blocks(request, _blocks(pieces), flow, read)
    finally:
        if not is_gone(request):
            request.unregisterProducer()
    if not flow.is_stopped:
        request.finish()


async def _send_blocks(
    request: Request, blocks: "Iterator[Piece]", flow: "Flow", read: Read
) -> None:
    """Write block after block, reading each while the one before it is sent."""
    piece = next(blocks, None)
    while piece is not None and not flow.is_stopped:
        reading = read(piece.part)
        has_room = await flow.has_room()
        block = await reading  # even for nobody: its thread must not outlive the file
        if has_room:
            request.write(piece.head + block)
        piece = next(blocks, None)


def _blocks(pieces: Sequence[Piece]) -> Iterator[Piece]:
    """The same bytes, in pieces of at most BLOCK bytes of the file."""
    for piece in pieces:
        yield Piece(piece.head, piece.part[:BLOCK])
        for start in range(piece.part.start + BLOCK, piece.part.stop, BLOCK):
            yield Piece(b"", range(start, min(start + BLOCK, piece.part.stop)))


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
