"""Looking at each part of the archive: whether it works, and whether it will tomorrow."""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from archive_server.blocking import Database, InThread
from archive_server.database import brakes, chores, gauges, sidecars
from archive_server.errors import Unavailable
from archive_server.model.health import Part, Status
from archive_server.model.integrity import BrakeJob
from archive_server.services.drilling import DRILL
from archive_server.services.gauges import GaugeService
from archive_server.services.maintenance import TIDYING
from archive_server.services.storing import store_errors
from audio_store import AudioStore
from audio_store.probe import Prober

_SLOW_S = 1.0
_BUSY = 0.8  # of the connections that PostgreSQL takes
_WAITING_S = 15 * 60.0
# The janitor comes every minute, and may have much to do.
_UNTIDY = timedelta(minutes=15)
_BEHIND_S = 5 * 60
_LATE = 1.5  # times the time in which everything is read again
_GIB = 2**30


@dataclass(frozen=True, slots=True)
class Proof:
    """How often it has to be proven that backups can be restored."""

    within: timedelta = timedelta(days=40)
    is_wanted: bool = False  # also where nobody has ever done it


@dataclass(frozen=True)
class HealthService:
    """One question for each part."""

    database: Database
    store: AudioStore
    in_thread: InThread
    prober: Prober
    gauges: GaugeService
    now: Callable[[], datetime]
    warn_free_bytes: int
    verify_every: timedelta | None = None  # None: nothing is read again by itself
    proof: Proof = Proof()

    def checks(self) -> Mapping[str, Callable[[], Awaitable[Part]]]:
        """What looks at a part, by the part's name. None of it raises what can be foreseen."""
        return {
            "database": self.look_at_database,
            "postgres": self.look_at_postgres,
            "store": self.look_at_store,
            "space": self.look_at_space,
            "probe": self.look_at_probe,
            "jobs": self.look_at_jobs,
            "janitor": self.look_at_janitor,
            "sidecars": self.look_at_sidecars,
            "integrity": self.look_at_integrity,
            "verifier": self.look_at_verifier,
            "brake": self.look_at_brake,
            "backup": self.look_at_backup,
        }

    async def look_at_database(self) -> Part:
        """Whether transactions are carried out, and how quickly."""
        began_at = time.monotonic()
        try:
            is_writable = await self.database.run(gauges.is_writable)
        except Unavailable as error:
            return _away("database", error)
        seconds = time.monotonic() - began_at
        if not is_writable:
            return Part("database", Status.FAIL, "PostgreSQL is a standby, and takes no changes")
        if seconds > _SLOW_S:
            return Part("database", Status.WARN, "it answers slowly", round(seconds, 3), "s")
        return Part("database", Status.PASS, "", round(seconds, 4), "s")

    async def look_at_postgres(self) -> Part:
        """Whether the server has connections to spare."""
        try:
            used, most = await self.database.run(gauges.connections_of)
        except Unavailable as error:
            return _away("postgres", error)
        if used > _BUSY * most:
            reason = f"{used} of the {most} connections that PostgreSQL takes are in use"
            return Part("postgres", Status.WARN, reason, used, "connections")
        return Part("postgres", Status.PASS, "", used, "connections")

    async def look_at_store(self) -> Part:
        """Whether the audio is there."""
        try:
            with store_errors():
                await self.in_thread(self.store.require_present)
        except Unavailable as error:
            return _away("store", error)
        return Part("store", Status.PASS)

    async def look_at_space(self) -> Part:
        """Whether more audio can be stored."""
        try:
            free = await self.gauges.free_bytes()
        except Unavailable as error:
            return _away("space", error)
        least, amount = self.warn_free_bytes, f"{free / _GIB:.1f} GiB are free"
        if free < least / 10:
            return Part("space", Status.FAIL, f"{amount}: uploads will fail", free, "bytes")
        if free < least:
            return Part("space", Status.WARN, amount, free, "bytes")
        return Part("space", Status.PASS, "", free, "bytes")

    async def look_at_probe(self) -> Part:
        """Whether uploaded audio can be examined."""
        if self.prober.trouble:
            return Part("probe", Status.FAIL, f"uploads are refused: {self.prober.trouble}")
        return Part("probe", Status.PASS)

    async def look_at_jobs(self) -> Part:
        """Whether what was asked for is being done."""
        try:
            wait_s = (await self.gauges.current()).longest_wait_s
        except Unavailable as error:
            return _away("jobs", error)
        if wait_s > _WAITING_S:
            reason = "nobody has begun a job that waits"
            return Part("jobs", Status.WARN, reason, round(wait_s), "s")
        return Part("jobs", Status.PASS, "", round(wait_s), "s")

    async def look_at_janitor(self) -> Part:
        """Whether what has expired goes."""
        try:
            ended = await self.database.run(_tidied_at)
        except Unavailable as error:
            return _away("janitor", error)
        if ended is None:
            return Part("janitor", Status.PASS, "it has not been everywhere yet")
        age = self.now() - ended
        seconds = round(age.total_seconds())
        if age > _UNTIDY:
            return Part("janitor", Status.WARN, "nobody tidies up", seconds, "s")
        return Part("janitor", Status.PASS, "", seconds, "s")

    async def look_at_sidecars(self) -> Part:
        """Whether the store says of itself what has happened."""
        try:
            behind, since, is_passing = await self.database.run(_sidecars)
        except Unavailable as error:
            return _away("sidecars", error)
        seconds = 0 if since is None else max(0, round((self.now() - since).total_seconds()))
        if seconds > _BEHIND_S:
            reason = f"{behind} changes are not in the sidecars yet"
            return Part("sidecars", Status.WARN, reason, seconds, "s")
        reason = "they are being written for the first time" if is_passing else ""
        return Part("sidecars", Status.PASS, reason, seconds, "s")

    async def look_at_integrity(self) -> Part:
        """Whether audio is known to be damaged."""
        try:
            damaged = (await self.gauges.current()).damaged_contents
        except Unavailable as error:
            return _away("integrity", error)
        if damaged:
            reason = f"{damaged} damaged: archive-server check names them"
            return Part("integrity", Status.WARN, reason, damaged, "contents")
        return Part("integrity", Status.PASS, "", 0, "contents")

    async def look_at_verifier(self) -> Part:
        """Whether all audio is read again in time."""
        try:
            age_s = (await self.gauges.current()).unverified_s
        except Unavailable as error:
            return _away("verifier", error)
        if self.verify_every is None:
            return Part("verifier", Status.PASS, "it is switched off", round(age_s), "s")
        if age_s > _LATE * self.verify_every.total_seconds():
            reason = f"some audio was not read again for {age_s / 86400:.0f} days"
            return Part("verifier", Status.WARN, reason, round(age_s), "s")
        return Part("verifier", Status.PASS, "", round(age_s), "s")

    async def look_at_brake(self) -> Part:
        """Whether maintenance holds something back."""
        try:
            held = await self.database.run(brakes.list_held)
        except Unavailable as error:
            return _away("brake", error)
        if held:
            reason = "; ".join(f"{each}: archive-server brake release {each.job}" for each in held)
            # Much that is damaged means a disk that fails.
            is_loss = any(each.job is BrakeJob.DAMAGE for each in held)
            status = Status.FAIL if is_loss else Status.WARN
            return Part("brake", status, reason, sum(each.held for each in held), "held")
        return Part("brake", Status.PASS, "", 0, "held")

    async def look_at_backup(self) -> Part:
        """Whether it was proven not long ago that the archive could be restored."""
        try:
            ended = await self.database.run(chores.list_ended)
        except Unavailable as error:
            return _away("backup", error)
        proven = ended.get(DRILL)
        if proven is None:
            if not self.proof.is_wanted:
                return Part(
                    "backup", Status.PASS, "nobody asked for a proof that it can be restored"
                )
            return Part("backup", Status.WARN, "it was never proven that it can be restored")
        age = self.now() - proven
        days = round(age / timedelta(days=1), 2)
        if age > self.proof.within:
            reason = "it was long ago that a restore was proven: archive-server drill"
            return Part("backup", Status.WARN, reason, days, "d")
        return Part("backup", Status.PASS, "", days, "d")


def _sidecars(cursor: Any) -> tuple[int, datetime | None, bool]:
    return *sidecars.behind(cursor), sidecars.is_passing(cursor)


def _tidied_at(cursor: Any) -> datetime | None:
    return chores.list_ended(cursor).get(TIDYING)


def _away(name: str, error: Unavailable) -> Part:
    cause = str(error.__cause__ or "").strip().partition("\n")[0]
    return Part(name, Status.FAIL, f"{error}: {cause}" if cause else str(error))
