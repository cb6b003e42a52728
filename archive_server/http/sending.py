"""The bytes of files on their way out, as fast as the client takes them.

The connection sends files, and nothing of them comes here. Where that is not possible (archives
that are put together on the way) one block waits in the transport while the next is read, whatever
the size of the file.

The reactor must not wait for a slow disk. What is in the page cache is sent at once; what is not
is first read in a thread. (`RWF_NOWAIT` tells without waiting. It asks for the last byte of what
is sent next: the kernel reads ahead in order, so what is before it is there as well. The question
takes 1 µs.)
"""

from collections.abc import Awaitable, Callable, Iterator, Sequence
from typing import BinaryIO

from twisted.internet.defer import Deferred, succeed
from twisted.internet.error import ConnectionLost

from archive_server.blocking import InThread
from archive_server.http.representations import Piece
from archive_server.http.requests import ArchiveRequest
from archive_server.services.storing import is_cached, read_part, warm

BLOCK = 256 * 1024
# What the kernel is asked to send at once: it may have to wait for what has left the page cache
# since it was looked at, so this is not for ever.
WINDOW = 8 * 1024 * 1024

# Begins to read a part of what is sent, at once; it must not be read twice at a time.
Read = Callable[[range], Awaitable[bytes]]


async def send_file(
    request: ArchiveRequest, pieces: Sequence[Piece], content: BinaryIO, in_thread: InThread
) -> None:
    """Send pieces of a file as the body of an answer, and finish it; stop when the client leaves.

    When it returns nobody reads the file any more. Raises Unavailable when the disk fails.
    """
    connection = request.connection
    if connection is None:
        return
    if not connection.can_send_files:
        await send_pieces(request, pieces, lambda part: _read(content, part, in_thread))
        return
    try:
        for piece in pieces:
            await _send_piece(request, piece, content, in_thread)
    except ConnectionLost:
        return
    request.finish()


def is_at_hand(content: BinaryIO, part: range) -> bool:
    """Whether the kernel can be told to send all of a part at once."""
    return len(part) <= WINDOW and is_cached(content, part)


async def _send_piece(
    request: ArchiveRequest, piece: Piece, content: BinaryIO, in_thread: InThread
) -> None:
    """Let the kernel send a piece, window by window. Raises ConnectionLost, Unavailable."""
    head, left = piece.head, piece.part
    if not left:
        request.write(head)
    while left:
        part, left = left[:WINDOW], left[WINDOW:]
        if not is_cached(content, part):
            await in_thread(warm, content, part)
        if request.is_gone:
            raise ConnectionLost
        sent: Deferred[None] = Deferred()
        request.send_file(content.fileno(), part, head, sent.callback)  # a Failure lets it fail
        await sent
        head = b""


def _read(content: BinaryIO, part: range, in_thread: InThread) -> Awaitable[bytes]:
    """Read a part: at once if it is in memory, or else in a thread."""
    if is_cached(content, part):
        return succeed(read_part(content, part))
    return in_thread(read_part, content, part)


async def send_pieces(request: ArchiveRequest, pieces: Sequence[Piece], read: Read) -> None:
    """Write pieces of what `read` reads as the body of an answer, as `send_file` does.

    Raises what `read` raises.
    """
    await _send_blocks(request, _blocks(pieces), read)
    request.finish()


async def _send_blocks(request: ArchiveRequest, blocks: Iterator[Piece], read: Read) -> None:
    """Write block after block, reading each while the one before it is sent."""
    piece = next(blocks, None)
    while piece is not None and not request.is_gone:
        reading = read(piece.part)
        has_room = await request.has_room()
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
