"""A request: finds its route by its headers, then is handed its body or refused without it."""

from collections.abc import Coroutine, Mapping
from dataclasses import dataclass
from io import BytesIO
from typing import Any, Protocol
from urllib.parse import unquote, urlsplit

from twisted.python.failure import Failure
from twisted.web import server
from twisted.web.http import datetimeToString, parse_qs

from archive_server.errors import BadRequest, NotFound, TooLarge
from archive_server.http.bodies import Body
from archive_server.http.responses import HttpProblem, is_gone, send, send_error

KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})


class Answer(Protocol):
    """Begins to answer a request; `names` are the placeholders of its route."""

    def __call__(self, request: "ArchiveRequest", /, **names: str) -> object: ...


class Refuse(Protocol):
    """Answers with an error."""

    def __call__(self, request: "ArchiveRequest", error: Exception, /) -> None: ...


@dataclass(frozen=True, slots=True)
class Route:
    """What is found at paths of one shape.

    A route that `streams` is begun before the body has come, and takes it from `request.body`;
    the others begin with all of it in `request.content`. `refuse` shows errors to those who speak
    another language than problem documents.
    """

    template: str  # as in `urls`; it is what is logged of a path
    methods: tuple[str, ...]
    answer: Answer
    streams: bool = False
    refuse: Refuse = send_error


class Front(Protocol):
    """What a request must know of the site it belongs to."""

    request_bytes: int

    def find_route(self, path: str) -> tuple[Route, Mapping[str, str]] | None: ...

    def log(self, request: server.Request) -> None: ...

    def seconds(self) -> float: ...

    async def to_the_end(self, work: Coroutine[Any, Any, None]) -> None: ...


class ArchiveRequest(server.Request):
    """One request and its answer."""

    defaultContentType = None

    channel: Any  # an ArchiveChannel, until the answer is complete or the client gone
    content: Any
    front: Front
    route: Route | None = None
    names: Mapping[str, str] = {}  # the placeholders of the route
    began_at: float | None = None  # in the site's seconds; None: no headers yet
    body: Body | None = None  # of a route that streams
    body_has_come = False
    refusal: Exception | None = None

    def __init__(self, channel: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(channel, *args, **kwargs)
        self.front = channel.site
        # What the log may tell of it beside its route, by `call`, `user`, `gunid` and `outcome`;
        # filled by whoever answers.
        self.traces: dict[str, str] = {}

    @property
    def verb(self) -> str:
        """The method, as text."""
        return str(self.method, "ascii", "replace")

    def joined_headers(self) -> dict[str, str]:
        """All headers, by lower-case names; the lines of a repeated one are joined by commas."""
        return {
            str(name, "latin-1").lower(): ", ".join(str(line, "latin-1") for line in lines)
            for name, lines in self.requestHeaders.getAllRawHeaders()
        }

    def getHeader(self, key: Any) -> Any:
        """Read a header. What is not UTF-8 is Latin-1: the inherited method would raise."""
        try:
            return super().getHeader(key)
        except UnicodeDecodeError:
            return bytes(super().getHeader(key.encode()) or b"").decode("latin-1")

    def argument(self, name: str) -> str | None:
        """A parameter of the query, or None."""
        values = self.args.get(name.encode())
        return str(values[-1], "utf-8", "replace") if values else None

    # What the channel calls, in this order.

    def gotLength(self, length: int | None) -> None:
        self.content = BytesIO()  # bounded by `request_bytes`; never a file, that would block

    def headersReceived(
        self, method: bytes, uri: bytes, version: bytes, length: int | None
    ) -> None:
        """Begin. `length` is that of the body, None where its end will show (chunked)."""
        self.began_at = self.front.seconds()
        self.method, self.uri, self.clientproto = method, uri, version
        self.path, _, query = uri.partition(b"?")
        self.args = parse_qs(query, keep_blank_values=True)
        self.setHeader(b"server", b"archive-server")
        self.setHeader(b"date", datetimeToString())
        self._choose_route()
        if length == 0:
            return
        if self.refusal is None and not self._streams:
            self._check_size(length or 0)
        if self.refusal is not None:
            self._refuse(self.refusal)
        elif self._streams:
            self.body = Body(self.channel.pause_reading, self.channel.resume_reading)
            self._answer()
        else:
            self.welcome()

    def handleContentChunk(self, data: bytes) -> None:
        if self.finished or is_gone(self):
            return
        if self.body is not None:
            self.body.feed(data)
            return
        self._check_size(self.content.tell() + len(data))
        if self.refusal is not None:
            self._refuse(self.refusal)
        else:
            self.content.write(data)

    def requestReceived(self, command: bytes, path: bytes, version: bytes) -> None:
        self.body_has_come = True
        if self.body is not None:
            self.body.end()
        elif self.refusal is not None:
            self._refuse(self.refusal)
        else:
            if self._streams:
                self.body = Body(self.channel.pause_reading, self.channel.resume_reading)
                self.body.end()
            self.content.seek(0)
            self._answer()

    def connectionLost(self, reason: Failure) -> None:
        super().connectionLost(reason)
        if self.body is not None:
            self.body.lose()
        if self.began_at is not None:
            self.front.log(self)

    def abandon(self) -> None:
        """Forget the client: the rest of its request makes no sense, and it has been told so."""
        self.channel = None
        if self.body is not None:
            self.body.lose()

    # What routes call.

    def welcome(self) -> None:
        """Tell a client that waits for it (`Expect: 100-continue`) to send its body."""
        expectation = self.getHeader(b"expect") or b""
        if expectation.lower() == b"100-continue" and self.clientproto == b"HTTP/1.1":
            self.channel.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def write(self, data: bytes) -> None:
        if not self.startedWriting and self.channel is not None:
            if not self.body_has_come:
                self.channel.persistent = False
            if not self.channel.persistent:
                self.setHeader(b"connection", b"close")
        super().write(data)

    def processingFailed(self, reason: Failure) -> Failure:
        """Answer for a resource that raises; `server.Request` would show a page of HTML."""
        if isinstance(reason.value, Exception):
            self._refuse(reason.value)
        return reason

    # Ways of the above.

    @property
    def _streams(self) -> bool:
        return self.route is not None and self.route.streams

    def _choose_route(self) -> None:
        """Find the route, or the reason why there is none."""
        hosts = self.requestHeaders.getRawHeaders(b"host", [])
        if self.clientproto == b"HTTP/1.1" and len(hosts) != 1:
            self.refusal = BadRequest("exactly one Host header expected")  # RFC 9112, 3.2
            return
        found = self.front.find_route(_path(self.path))
        if found is None:
            self.refusal = NotFound("there is nothing at this path")
            return
        self.route, self.names = found
        if self.verb not in self.route.methods:
            status = 405 if self.verb in KNOWN_METHODS else 501
            allowed = ", ".join(self.route.methods)
            self.refusal = HttpProblem(
                status, f"this can be asked for with {allowed}", {"allow": allowed}
            )

    def _check_size(self, size: int) -> None:
        if size > self.front.request_bytes:
            self.refusal = TooLarge(f"requests may have {self.front.request_bytes} bytes at most")

    def _answer(self) -> None:
        assert self.route is not None, "a request without a route is refused"
        try:
            self.route.answer(self, **self.names)
        except Exception as error:  # noqa: BLE001  # whatever it is, it costs this request only
            self._refuse(error)

    def _refuse(self, error: Exception) -> None:
        if self.startedWriting or self.finished:
            return
        if self.path == b"*" and self.verb == "OPTIONS":  # a question about the server as a whole
            send(self, 204)
        else:
            (self.route.refuse if self.route else send_error)(self, error)


def _path(target: bytes) -> str:
    """The path of a request target, which may be a whole URL (RFC 9112, 3.2.2)."""
    text = str(target, "latin-1")
    if not text.startswith("/"):
        try:
            text = urlsplit(text).path
        except ValueError:
            return ""
    return unquote(text)
