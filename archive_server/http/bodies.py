"""The body of a request, taken as it arrives, in constant memory."""

from collections.abc import Callable
from dataclasses import dataclass, field

from twisted.internet.defer import Deferred

# What is handed out at once: large enough that a thread is worth it.
BLOCK = 1024 * 1024
# More than this is never waiting (but for the last read of the socket): the client is slowed down.
MOST_WAITING = 4 * BLOCK


@dataclass(slots=True)
class Body:
    """Bytes between the connection that brings them and the coroutine that keeps them.

    `pause` and `resume` stop and restart reading from the connection.
    """

    pause: Callable[[], None]
    resume: Callable[[], None]
    is_whole: bool = False  # its last byte has arrived
    is_broken: bool = False  # its last byte will never arrive
    _waiting: list[bytes] = field(default_factory=list)
    _size: int = 0
    _paused: bool = False
    _reader: Deferred[None] | None = None

    def feed(self, some: bytes) -> None:
        """Take what has arrived."""
        self._waiting.append(some)
        self._size += len(some)
        if self._size >= MOST_WAITING:
            self._paused = True
            self.pause()
        if self._size >= BLOCK:
            self._wake()

    def end(self) -> None:
        """Note that all has arrived."""
        self.is_whole = True
        self._wake()

    def lose(self) -> None:
        """Note that the client is gone; what has arrived can still be read."""
        self.is_broken = not self.is_whole
        self._wake()

    async def read(self) -> bytes:
        """Give the next block, of about BLOCK bytes or the rest; nothing after the last."""
        while self._size < BLOCK and not self.is_whole and not self.is_broken:
            self._reader = Deferred()
            await self._reader
        block = b"".join(self._waiting)
        self._waiting.clear()
        self._size = 0
        if self._paused:
            self._paused = False
            self.resume()
        return block

    def _wake(self) -> None:
        if self._reader is not None:
            reader, self._reader = self._reader, None
            reader.callback(None)
