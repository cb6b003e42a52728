"""The site: which path leads where, and all connections from the first to a graceful stop."""

from collections.abc import Callable, Coroutine, Mapping, Sequence
from time import time
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.task import LoopingCall
from twisted.logger import Logger

from archive_server.http import urls
from archive_server.http.access_log import Access, AccessLog
from archive_server.http.answering import Logged
from archive_server.http.backups import Backups
from archive_server.http.connection import Connection
from archive_server.http.downloads import Downloads
from archive_server.http.known_heads import KnownHeads
from archive_server.http.limits import DEFAULTS, Census, Held, Limits, TurnedAway
from archive_server.http.measurements import Measurements
from archive_server.http.monitoring import Monitoring
from archive_server.http.operations import Operations
from archive_server.http.origins import NO_OTHERS, Origins
from archive_server.http.proxies import Proxies
from archive_server.http.put_php import PutPhp
from archive_server.http.put_php import refuse as refuse_put
from archive_server.http.requests import KNOWN_METHODS, Answer, ArchiveRequest, Refuse, Route
from archive_server.http.responses import respond
from archive_server.http.route_table import RouteTable
from archive_server.http.sessions import BrowserSessions
from archive_server.http.simple_get import SimpleGet, to_the_front
from archive_server.http.uploads import Uploads

log = Logger()

_TOUCH_EVERY_S = 60
_LEAVING_LOOK_S = 0.1


def routes(
    downloads: Downloads,
    uploads: Uploads,
    operations: Operations,
    answer_call: Answer,
    refuse_call: Refuse | None = None,
) -> tuple[Route, ...]:
    """Everything there is, by its path.

    `answer_call` answers XML-RPC; `refuse_call` shows its callers why they did not get there.
    """
    reading = ("GET", "HEAD")
    sending = ("PUT", "PATCH", "HEAD", "OPTIONS", "POST")
    calling = [Route(path, ("POST",), answer_call, refuse=refuse_call) for path in urls.XMLRPC]
    return (
        *calling,
        *(
            Route(path, reading, _to_the_end(downloads.leased), learn=downloads.learn)
            for path in (urls.ACCESS, *urls.CLASSIC_ACCESSES)
        ),
        Route(urls.UPLOAD, sending, _to_the_end(uploads.answer), streams=True),
        Route(urls.CLIP_AUDIO, reading, _to_the_end(downloads.current)),
        Route(urls.REVISION_AUDIO, reading, _to_the_end(downloads.revision)),
        *(
            Route(path, sending, _to_the_end(PutPhp(uploads).answer), True, refuse_put)
            for path in urls.CLASSIC_UPLOADS
        ),
        Route(urls.LIVE, reading, _at_once(operations.live)),
        Route(urls.READY, reading, _at_once(operations.ready)),
    )


def archive_routes(backups: Backups) -> tuple[Route, ...]:
    """Tar archives; to be looked at before the other routes."""
    paths = (urls.ARCHIVES, *urls.CLASSIC_ARCHIVES)
    return tuple(Route(path, ("GET", "HEAD"), _to_the_end(backups.answer)) for path in paths)


def classic_routes(simple_get: SimpleGet) -> tuple[Route, ...]:
    """What pages of the old archive linked to."""
    reading = ("GET", "HEAD")
    return (
        *(Route(path, reading, _to_the_end(simple_get.answer)) for path in urls.SIMPLE_GETS),
        *(Route(path, reading, _at_once(to_the_front)) for path in urls.OLD_FRONTS),
    )


def session_routes(sessions: BrowserSessions) -> tuple[Route, ...]:
    """Where browsers log in."""
    methods = ("GET", "HEAD", "POST", "DELETE")
    return (Route(urls.SESSION, methods, _to_the_end(sessions.answer)),)


def monitoring_routes(monitoring: Monitoring) -> tuple[Route, ...]:
    """What those ask who keep the archive running."""
    reading = ("GET", "HEAD")
    return (
        Route(urls.HEALTH, reading, _at_once(monitoring.health)),
        Route(urls.METRICS, reading, _at_once(monitoring.metrics)),
    )


class ArchiveSite(Factory):
    """All connections, on however many ports."""

    noisy = False  # "Starting factory <...>" helps nobody

    def __init__(
        self,
        table: Sequence[Route],
        *,
        request_bytes: int,
        touch: Callable[[], Coroutine[Any, Any, None]],
        measurements: Measurements | None = None,
        reactor: Any = None,
        limits: Limits = DEFAULTS,
        proxies: Proxies | None = None,
        origins: Origins = NO_OTHERS,
        log_every_s: float = 0,
    ) -> None:
        """Serve these routes, and count what is done in `measurements`.

        `log_every_s` is for how long requests wait until the log tells of them together.

        Bodies of requests may have `request_bytes`, unless their route streams. `touch` is awaited
        every minute. `proxies` are believed; pages of `origins` may see answers, too.
        """
        if reactor is None:
            from twisted.internet import reactor
        self.request_bytes = request_bytes
        self.limits = limits
        self.proxies = proxies
        self.admit = origins.admit
        self.bodies = Held(limits.waiting_bytes)
        self._census = Census(limits)
        self._measurements = measurements or Measurements()
        self._measurements.watch(self._usage)
        self.connections: set[Connection] = set()
        self.is_stopping = False
        self.is_leaving = False
        self.seconds: Callable[[], float] = reactor.seconds
        self.call_later: Callable[..., Any] = reactor.callLater
        self._accesses = AccessLog(reactor.callLater, log_every_s)
        self._works = 0  # coroutines that must get to the end
        self._routes = RouteTable(table)
        self.known_heads = KnownHeads()
        self._touching = LoopingCall(_touch_safely, touch)
        self._touching.clock = reactor

    @property
    def transfers(self) -> int:
        """Requests being received or answered now."""
        return sum(connection.is_busy for connection in self.connections)

    def find_route(self, path: str) -> tuple[Route, Mapping[str, str]] | None:
        """The route for a path, and what stands in place of its placeholders."""
        return self._routes.find(path)

    def startFactory(self) -> None:
        self._touching.start(_TOUCH_EVERY_S, now=False)

    def stopFactory(self) -> None:
        self._touching.stop()

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:
        if self.is_stopping:
            return None
        host = _host(addr)
        is_proxy = self.proxies is not None and self.proxies.trusts(host)
        if not self._census.has_room(host, is_proxy=is_proxy, at=self.seconds()):
            return TurnedAway()
        return Connection(self)

    def enter(self, connection: Connection) -> None:
        """Count a connection that begins."""
        self.connections.add(connection)
        self._census.enter(_host(connection.peer))

    def leave_out(self, connection: Connection) -> None:
        """Count it no more."""
        if connection in self.connections:
            self.connections.discard(connection)
            self._census.leave(_host(connection.peer))

    async def stop(self, grace_s: float) -> None:
        """Take nothing new, let what is under way end within the grace time, then drop it.

        The ports are not ours: whoever opened them stops listening first.
        """
        self.is_stopping = True
        for connection in list(self.connections):
            connection.drain()
        deadline = self.seconds() + grace_s
        while self.transfers and self.seconds() < deadline:
            await self._pause(min(0.05, grace_s))
        for connection in list(self.connections):
            connection.drop()
        # What has arrived of an upload that was cut off is still being written.
        while self.connections or self._works:
            await self._pause(0.01)
        self._accesses.flush()

    async def leave(self) -> None:
        """Answer what comes on the connections there are, each until its next answer, to the last.

        None is closed while it may be about to be used: that could cost a client a request. The
        ports are not ours: whoever opened them stops listening first.
        """
        self.is_leaving = True
        if not self._touching.running:
            self._touching.start(_TOUCH_EVERY_S, now=False)
        while self.connections:
            await self._pause(_LEAVING_LOOK_S)
        if self._touching.running:
            self._touching.stop()

    async def to_the_end(self, work: Coroutine[Any, Any, None]) -> None:
        """Do work that a stop has to wait for, even if its client is gone."""
        self._works += 1
        try:
            await work
        finally:
            self._works -= 1

    def log(self, request: Logged) -> None:
        """Count a request, and let the log tell of it."""
        began_at = request.began_at
        seconds = 0.0 if began_at is None else self.seconds() - began_at
        traces, sent = request.traces, request.sent
        verb = request.verb if request.verb in KNOWN_METHODS else "(unknown method)"
        route = request.route.template if request.route else "(no such path)"
        status = request.status if request.has_started else "unanswered"
        call = outcome = ""
        user = gunid = "-"
        if traces:
            call, outcome = traces.get("call", ""), traces.get("outcome", "")
            user, gunid = traces.get("user", "-"), traces.get("gunid", "-")
        self._measurements.request_done(route, verb, status, sent, seconds, call, outcome)
        self._accesses.note(
            Access(
                time(),
                verb,
                route,
                call or "-",
                user,
                gunid,
                status,
                f" {outcome}" if outcome else "",
                request.address or "-",
                sent,
                round(seconds * 1000),
                ", client left" if request.is_gone else "",
            )
        )

    def _usage(self) -> dict[str, float]:
        return {
            "http_connections": len(self.connections),
            "http_connections_refused": self._census.turned_away,
            "http_transfers": self.transfers,
        }

    def _pause(self, seconds: float) -> Deferred[None]:
        pause: Deferred[None] = Deferred()
        self.call_later(seconds, pause.callback, None)
        return pause


def _to_the_end(work: Callable[..., Coroutine[Any, Any, None]]) -> Answer:
    def answer(request: ArchiveRequest, /, **names: str) -> None:
        whole = request.front.to_the_end(work(request, **names))
        respond(request, whole, to_the_end=True)

    return answer


def _at_once(work: Callable[..., Coroutine[Any, Any, None]]) -> Answer:
    def answer(request: ArchiveRequest, /, **names: str) -> None:
        respond(request, work(request, **names))

    return answer


def _host(address: object) -> str:
    return getattr(address, "host", "")


async def _touch_safely(touch: Callable[[], Coroutine[Any, Any, None]]) -> None:
    try:
        await touch()
    except Exception:  # noqa: BLE001  # a minute later it may well succeed
        log.failure("cannot note which leases are in use")
