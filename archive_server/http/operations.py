"""What whoever keeps the server running asks it."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from archive_server.http.requests import ArchiveRequest


@dataclass(frozen=True)
class Operations:
    """Alive, and ready to work. `check` raises Unavailable, with the reason, when not ready."""

    check: Callable[[], Awaitable[None]]

    async def live(self, request: ArchiveRequest) -> None:
        """Answer at all: the process is there, and its reactor turns."""
        request.send(200, b"ok\n", headers={"cache-control": "no-store"})

    async def ready(self, request: ArchiveRequest) -> None:
        """Answer that the database and the store are there, or what is not."""
        await self.check()
        request.send(200, b"ready\n", headers={"cache-control": "no-store"})
