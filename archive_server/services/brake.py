"""The vanish brake: maintenance does not remove or condemn very much at once without being told to.

What would be too much is not begun at all, and shown until somebody lets it go on, or until it is
no longer wanted. A disk that has lost half of its directories, a clock that has jumped, a database
that is older than its store: each would otherwise cost a library.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from archive_server.blocking import Database
from archive_server.database import brakes
from archive_server.model.integrity import BrakeJob, BrakePolicy, HeldJob

# What goes from the trash and of replaced audio leaves contents that nothing refers to: who has
# allowed the one has allowed the other.
_LEAVES_CONTENTS = frozenset({BrakeJob.TRASH, BrakeJob.REVISIONS})


@dataclass(frozen=True)
class Brake:
    """Holding back, and letting go on."""

    database: Database
    now: Callable[[], datetime]
    policy: BrakePolicy

    @asynccontextmanager
    async def on(self, job: BrakeJob, before: datetime | None = None) -> AsyncIterator[bool]:
        """Tell whether a job may do all that is due since before; inside the block it does."""
        wanted = await self.database.run(brakes.due, job, before)
        async with self.on_so_much(job, wanted) as may:
            yield may

    @asynccontextmanager
    async def on_so_much(self, job: BrakeJob, wanted: int) -> AsyncIterator[bool]:
        """As `on`, where the job knows itself how much it is about to do."""
        may = await self.database.run(brakes.admits, job, wanted, self.policy, self.now())
        yield may
        if may and wanted:
            await self.database.run(_spend, job, self.now())

    async def allow_contents(self, count: int) -> None:
        """Let so many contents more go within a day: somebody has removed what referred to them."""
        await self.database.run(brakes.allow_more, BrakeJob.CONTENTS, count, self.now())

    async def held(self) -> list[HeldJob]:
        """What is held back, the oldest first."""
        return await self.database.run(brakes.list_held)

    async def release(self, job: BrakeJob, count: int | None = None) -> int:
        """Let a job go on within a day, with so much, or (None) with what it holds back.

        Returns how much that is.
        """
        return await self.database.run(brakes.release, job, count, self.now())


def _spend(cursor: Any, job: BrakeJob, at: datetime) -> None:
    count = brakes.spend(cursor, job)
    if count and job in _LEAVES_CONTENTS:
        brakes.allow_more(cursor, BrakeJob.CONTENTS, count, at)
