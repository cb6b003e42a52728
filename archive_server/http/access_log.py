"""What the log tells of each request: never its path, which may hold a token.

Requests are told of together, a few times a second: one event of ours for many of them costs each
a tenth of what an event of its own does (2 instead of 22 µs). A process that is killed takes the
lines of its last moment with it; one that is stopped tells them first.
"""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

from twisted.logger import Logger, LogLevel

log = Logger(namespace="archive_server.http.site")
_publish: Any = log.observer

_LINE = (
    "{method} {route} {call} {user} {gunid} {status}{outcome}, {size} bytes "
    "in {elapsed_ms} ms for {address}{remark}"
)


class Access(NamedTuple):
    """A request that was answered, or left. What it has not is `-`, or empty at the end."""

    at: float  # seconds since 1970
    method: str
    route: str
    call: str  # the XML-RPC method
    user: str
    gunid: str
    status: int | str
    outcome: str
    address: str
    size: int  # bytes of the answer's body
    elapsed_ms: int
    remark: str

    def event(self) -> dict[str, Any]:
        """The same as an event of its own."""
        fields = self._asdict()
        return _event(fields.pop("at"), _LINE) | {"speaks_for_itself": True, **fields}


class AccessLog:
    """Tells of requests."""

    def __init__(self, call_later: Callable[..., Any], every_s: float) -> None:
        """Wait so long for more requests to tell of together; 0: tell of each at once."""
        self._call_later = call_later
        self._every_s = every_s
        self._noted: list[Access] = []

    def note(self, access: Access) -> None:
        """Tell of a request, soon."""
        if not self._every_s:
            _publish(access.event())
            return
        if not self._noted:
            self._call_later(self._every_s, self.flush)
        self._noted.append(access)

    def flush(self) -> None:
        """Tell of what was noted, now."""
        noted, self._noted = self._noted, []
        if noted:
            _publish(_event(noted[-1].at, "{count} requests") | told_together(noted))


def told_together(accesses: Sequence[Access]) -> dict[str, Any]:
    """The fields of an event that stands for several."""
    return {"count": len(accesses), "accesses": accesses}


def _event(at: float, form: str) -> dict[str, Any]:
    return {
        "log_level": LogLevel.info,
        "log_namespace": log.namespace,
        "log_source": None,
        "log_time": at,
        "log_format": form,
    }
