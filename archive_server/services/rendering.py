"""Rendering playlists: asking for it, and what came of it.

A rendered file and a feed are leases, found in the result of the job that made them: whoever asks
for the state of the job uses the lease, too. A rendered clip has its id from the beginning, so
that doing the job once more makes another revision, and not another clip.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from archive_server.blocking import Database
from archive_server.database import leases, playlists
from archive_server.errors import UnknownToken
from archive_server.model.gunid import Gunid, IdStyle
from archive_server.model.jobs import JobStatus
from archive_server.model.rights import Action
from archive_server.model.users import Caller
from archive_server.services.jobs import JobService
from archive_server.services.rights import require_on_clip, require_on_home


class Rendering(StrEnum):
    """What becomes of a playlist: the kinds of jobs there are."""

    FILE = "render to a file"
    CLIP = "render to a clip"
    FEED = "render to a feed"


@dataclass(frozen=True, slots=True)
class Rendered:
    """How it stands with a rendering."""

    status: JobStatus
    fault: str  # empty unless it ended with one
    lease: str = ""  # the token of a file or a feed, once it is there
    gunid: Gunid | None = None  # of a clip, once it is there


@dataclass(frozen=True)
class RenderingService:
    """Asking for renderings."""

    database: Database
    jobs: JobService
    now: Callable[[], datetime]
    idle: timedelta  # how long a lease lives after its last use
    id_style: IdStyle

    async def start(self, caller: Caller, gunid: Gunid, kind: Rendering, base_url: str) -> str:
        """Ask for a playlist to be rendered; return the token of the job.

        `base_url` is what URLs in a feed begin with. Raises Forbidden, NotFound, TooManyJobs.
        """
        await self.database.run(_require, caller, gunid, kind)
        parameters = {"playlist": str(gunid), "base_url": base_url}
        if kind is Rendering.CLIP:
            parameters["clip"] = str(Gunid.new(self.id_style))
        return await self.jobs.start(caller, kind, parameters)

    async def check(self, token: str, kind: Rendering) -> Rendered:
        """How it stands with a rendering of this kind. Raises UnknownToken, WrongToken."""
        state = await self.jobs.state(token, [kind])
        if state.status is not JobStatus.SUCCESS:
            return Rendered(state.status, state.fault)
        if kind is Rendering.CLIP:
            return Rendered(state.status, "", gunid=Gunid.parse(state.result["clip"]))
        lease = str(state.result["lease"])
        now = self.now()
        if not await self.database.run(_use, lease, now - self.idle, now):
            return Rendered(JobStatus.FAULT, "nobody has asked for it for so long that it expired")
        return Rendered(state.status, "", lease=lease)

    async def close(self, token: str, kind: Rendering) -> None:
        """End a rendering, and remove what it made. Raises UnknownToken, WrongToken."""
        state = await self.jobs.close(token, [kind])
        if "lease" in state.result:
            await self.database.run(leases.end, str(state.result["lease"]))


def _require(cursor: Any, caller: Caller, gunid: Gunid, kind: Rendering) -> None:
    require_on_clip(cursor, caller, Action.READ, playlists.get_ready(cursor, gunid))
    if kind is Rendering.CLIP:
        require_on_home(cursor, caller, Action.WRITE)


def _use(cursor: Any, lease: str, used_after: datetime, at: datetime) -> bool:
    try:
        leases.get(cursor, lease, used_after=used_after)
    except UnknownToken:
        return False
    leases.touch(cursor, [lease], at)
    return True
