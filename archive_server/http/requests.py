"""A request and its answer, as routes see them."""

from collections.abc import Callable, Coroutine, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

from archive_server.errors import Unavailable
from archive_server.http.answering import Carrier, Learn, Logged
from archive_server.http.bodies import Body
from archive_server.http.heads import head
from archive_server.http.limits import Held
from archive_server.http.proxies import Proxies
from archive_server.http.request_heads import RequestHead
from archive_server.http.transport import Done

KNOWN_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE"})
_BODILESS = (204, 304)


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
    another language than problem documents. `learn` is for who asks for range after range.
    """

    template: str  # as in `urls`; it is what is logged of a path
    methods: tuple[str, ...]
    answer: Answer
    streams: bool = False
    refuse: Refuse | None = None
    learn: Learn | None = None


class Front(Protocol):
    """What a request must know of the site it belongs to."""

    request_bytes: int
    bodies: Held  # what those of all requests take
    proxies: Proxies | None  # None: none is trusted

    def find_route(self, path: str) -> tuple[Route, Mapping[str, str]] | None: ...

    def admit(self, request: "ArchiveRequest") -> None: ...

    def log(self, request: Logged) -> None: ...

    def seconds(self) -> float: ...

    async def to_the_end(self, work: Coroutine[Any, Any, None]) -> None: ...


class ArchiveRequest(RequestHead):
    """One request and its answer."""

    # Defaults here and not in __init__: most requests change few of them, and are made in 0.5 µs.
    front: Front
    route: Route | None = None
    names: Mapping[str, str] = {}  # the placeholders of the route
    began_at: float | None = None  # in the site's seconds; None: its turn has not come
    refusal: Exception | None = None  # why it will not get to its route
    has_body = False
    body_has_come = False
    body: Body | None = None  # of a route that streams
    content = b""  # of any other, when it has come
    more_headers = ""  # of the answer, as they are written
    origin_headers: Mapping[str, str] = {}  # of the answer, for pages of other origins
    tells_length = False  # ... by these
    is_last = False  # nothing can follow on its connection
    status = 200
    has_started = False  # its answer has
    is_finished = False
    sent = 0  # bytes of the answer's body
    _when_gone: Callable[[], object] | None = None

    def __init__(
        self,
        connection: Carrier,
        front: Front,
        verb: str,
        target: bytes,
        is_modern: bool,
        headers: Mapping[bytes, bytes],
    ) -> None:
        """`is_modern`: it is HTTP/1.1. `headers` has lower-case names, repeated ones joined."""
        # Until the answer is complete or the client gone.
        self.connection: Carrier | None = connection
        self.front = front
        self.verb = verb
        self.target = target
        self.is_modern = is_modern
        self.headers = headers
        self.peer = connection.peer
        # What the log may tell of it beside its route, by `call`, `user`, `gunid` and `outcome`;
        # filled by whoever answers.
        self.traces: dict[str, str] = {}
        self.answer_headers: dict[str, str] = {}
        self.chunks: list[bytes] = []  # of the content, while it comes
        self.size = 0  # of them

    @property
    def is_gone(self) -> bool:
        """Whether the client has left before its answer was complete."""
        return self.connection is None and not self.is_finished

    @property
    def is_secure(self) -> bool:
        """Whether it came by TLS, to us or to a trusted proxy."""
        if self.connection is None:
            return False
        proxies = self.front.proxies
        return self.connection.is_secure or (
            proxies is not None and proxies.is_secure(self._host, self.headers)
        )

    @property
    def here(self) -> Any:
        """The address that it came to."""
        return None if self.connection is None else self.connection.here

    def welcome(self) -> None:
        """Tell a client that waits for it (`Expect: 100-continue`) to send its body."""
        expectation = self.headers.get(b"expect")
        if expectation is None or self.connection is None or not self.is_modern:
            return
        if expectation.lower() == b"100-continue" and not self.body_has_come:
            self.connection.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    # The body, of a route that does not stream.

    def hold(self, some: bytes) -> None:
        """Keep what has come of it, as long as there is memory for it."""
        if self.front.bodies.take(len(some)):
            self.chunks.append(some)
            self.size += len(some)
        else:
            self.refusal = Unavailable("too much is being sent to the archive at once")
            self._let_go()

    def _let_go(self) -> None:
        self.front.bodies.give_back(self.size)
        self.chunks.clear()
        self.size = 0

    # The answer.

    def set_header(self, name: str, value: str) -> None:
        """Say something in the answer's head, by its lower-case name."""
        self.answer_headers[name] = value

    def send(
        self,
        status: int,
        body: bytes = b"",
        content_type: str = "text/plain; charset=UTF-8",
        headers: Mapping[str, str] | None = None,
    ) -> None:
        """Send a whole answer; nothing if the client is gone."""
        if self.connection is None:
            return
        self.status = status
        if headers:
            self.answer_headers.update(headers)
        if not self.answer_headers and status not in _BODILESS:  # 1 µs instead of 4
            self.more_headers += f"Content-Type: {content_type}\r\nContent-Length: {len(body)}\r\n"
            self.tells_length = True
        elif status not in _BODILESS:
            self.answer_headers["content-type"] = content_type
            self.answer_headers["content-length"] = str(len(body))
        self.write(body)
        self.finish()

    def write(self, some: bytes) -> None:
        """Send a part of the body, after the head. To HEAD goes the head alone."""
        if self.connection is None:
            return
        if self.verb == "HEAD" or self.status in _BODILESS:
            some = b""
        self.sent += len(some)
        if not self.has_started:
            some = self._head() + some
        if some:
            self.connection.write(some)

    def send_file(self, fd: int, part: range, first: bytes, done: Done) -> None:
        """Let the kernel send a part of a file as part of the body, after `first`.

        Only where the connection `can_send_files`; nothing else may be written until it is `done`,
        which is told why not when the client leaves. The file stays open until then.
        """
        assert self.connection is not None, "nothing is sent to nobody"
        self.sent += len(first) + len(part)
        if not self.has_started:
            first = self._head() + first
        self.connection.send_file(fd, part, first, done)

    async def has_room(self) -> bool:
        """Wait until more should be written; False when it never will be."""
        while self.connection is not None and self.connection.is_full:
            await self.connection.drained()
        return self.connection is not None

    def finish(self) -> None:
        """End the answer."""
        connection = self.connection
        if connection is None:
            return
        if not self.has_started:
            self.write(b"")
        self.is_finished = True
        if self.size:
            self._let_go()
        self.connection = None
        self._when_gone = None
        self.front.log(self)
        connection.answered(self)

    def _head(self) -> bytes:
        self.has_started = True
        headers = self.answer_headers
        if self.origin_headers:
            headers = {**headers, **self.origin_headers}
        if not self.body_has_come or (
            not self.tells_length
            and "content-length" not in headers
            and self.status not in _BODILESS
        ):
            self.is_last = True
        return head(
            self.status,
            headers,
            self.more_headers,
            is_last=self.is_last,
            is_modern=self.is_modern,
        )

    # The end of the connection.

    def when_gone(self, act: Callable[[], object]) -> None:
        """Act when the client leaves before the answer is complete; at once if it has."""
        if self.is_gone:
            act()
        else:
            self._when_gone = act

    def lose(self) -> None:
        """Forget the client, who is gone."""
        if self.size:
            self._let_go()
            self.content = b""  # or many who leave would have more memory than there is for all
        self.connection = None
        if self.body is not None:
            self.body.lose()
        if self.began_at is not None:
            self.front.log(self)
        if self._when_gone is not None:
            act, self._when_gone = self._when_gone, None
            act()

    def break_off(self) -> None:
        """Close the connection: a part of an answer must not pass for the whole."""
        if self.connection is not None:
            self.connection.drop()
