"""The health of the archive as a document (draft-inadarei-api-health-check-06)."""

import json
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.task import deferLater
from twisted.logger import Logger
from twisted.python.failure import Failure

from archive_server.model.health import Part, Status, worst

log = Logger()

MEDIA_TYPE = "application/health+json"
_PATIENCE_S = 5.0
_PAUSE_S = 0.01
_FRESH_S = 1.0  # however many ask

# What is measured of each part, and what kind of part it is (draft, 4).
_MEASURED = {
    "database": ("responseTime", "datastore"),
    "postgres": ("connections", "datastore"),
    "store": ("presence", "datastore"),
    "space": ("free", "system"),
    "probe": ("workers", "component"),
    "jobs": ("longestWait", "component"),
    "janitor": ("age", "component"),
    "sidecars": ("lag", "component"),
    "integrity": ("damaged", "component"),
    "verifier": ("age", "component"),
    "brake": ("held", "component"),
    "backup": ("age", "component"),
}


@dataclass
class HealthBoard:
    """Asks all parts at once, and waits for none for ever.

    A part that has not answered yet is not asked again: a disk that hangs would take one thread
    after the other.
    """

    checks: Mapping[str, Callable[[], Awaitable[Part]]]
    clock: Any  # the reactor, or what tells the time instead
    _asked: set[str] = field(default_factory=set)  # and have not answered
    _answers: dict[str, Part] = field(default_factory=dict)
    _asked_at: float = float("-inf")

    async def look(self) -> Sequence[Part]:
        """How each part is now, or was a second ago."""
        if self.clock.seconds() - self._asked_at >= _FRESH_S:
            self._asked_at = self.clock.seconds()
            for name in self.checks:
                self._ask(name)
        deadline = self.clock.seconds() + _PATIENCE_S
        while self._asked and self.clock.seconds() < deadline:
            await deferLater(self.clock, _PAUSE_S)
        reason = f"no answer in {_PATIENCE_S:.0f} s"
        return [self._answers.get(name) or Part(name, Status.FAIL, reason) for name in self.checks]

    def _ask(self, name: str) -> None:
        if name in self._asked:
            return
        self._asked.add(name)
        self._answers.pop(name, None)
        Deferred.fromCoroutine(_asked(self.checks[name])).addBoth(self._hear, name)

    def _hear(self, answer: Part | Failure, name: str) -> None:
        self._asked.discard(name)
        if isinstance(answer, Failure):
            log.failure("cannot look at {part}", answer, part=name)
            answer = Part(name, Status.FAIL, "looking at it fails; the log tells more")
        self._answers[name] = answer


async def _asked(check: Callable[[], Awaitable[Part]]) -> Part:
    return await check()


def document(parts: Sequence[Part], *, release: str, at: datetime, in_detail: bool) -> bytes:
    """The document; only how the whole is, unless `in_detail`."""
    whole: dict[str, Any] = {"status": worst(parts).value}
    if in_detail:
        whole |= {
            "version": "1",
            "releaseId": release,
            "description": "audio archive",
            "notes": [f"{part.name}: {part.reason}" for part in parts if part.reason],
            "checks": dict(_check(part, at) for part in parts),
        }
    return json.dumps(whole, ensure_ascii=False, indent=2).encode() + b"\n"


def status_code(parts: Sequence[Part]) -> int:
    """200 while it works (draft, 3.1)."""
    return 503 if worst(parts) is Status.FAIL else 200


def _check(part: Part, at: datetime) -> tuple[str, list[dict[str, Any]]]:
    measurement, kind = _MEASURED.get(part.name, ("state", "component"))
    check: dict[str, Any] = {"componentType": kind}
    if part.observed is not None:
        check |= {"observedValue": part.observed, "observedUnit": part.unit}
    check |= {"status": part.status.value, "time": at.astimezone(UTC).isoformat()}
    if part.reason:
        check["output"] = part.reason
    return f"{part.name}:{measurement}", [check]
