"""Paths, limits, errors, the log, and an orderly end."""

import pytest
from fixtures.fix_http import REQUEST_BYTES, WebFront, front_over
from fixtures.fix_services import Services
from support import result_of
from twisted.internet.defer import Deferred
from twisted.logger import LogEvent, globalLogPublisher

from archive_server import errors
from archive_server.http.requests import ArchiveRequest, Route
from archive_server.http.responses import respond
from archive_server.model.users import Role


@pytest.fixture
def events(request: pytest.FixtureRequest) -> list[LogEvent]:
    """Everything that is logged."""
    seen: list[LogEvent] = []
    globalLogPublisher.addObserver(seen.append)
    request.addfinalizer(lambda: globalLogPublisher.removeObserver(seen.append))
    return seen


def _failing(services: Services, error: Exception) -> WebFront:
    """A site with a path that always fails."""

    async def fail() -> None:
        raise error

    def answer(request: ArchiveRequest, /) -> object:
        return respond(request, fail())

    return front_over(services, Route("/fail", ("GET", "HEAD"), answer))


def test_the_process_is_alive(front: WebFront) -> None:
    answer = front.ask("GET", "/livez")
    assert (answer.status, answer.reason, answer.body) == (200, "OK", b"ok\n")


def test_readiness_has_a_reason_when_it_is_missing(front: WebFront) -> None:
    assert front.ask("GET", "/readyz").status == 200
    front.readiness.reason = "the database is away"
    answer = front.ask("GET", "/readyz")
    assert (answer.status, answer.reason) == (503, "Service Unavailable")
    assert answer.problem["detail"] == "the database is away"
    assert answer.headers["retry-after"] == "5"


class TestCalls:
    """The paths of XML-RPC."""

    @pytest.mark.parametrize(
        "path",
        [
            "/xmlrpc",
            "/RPC2",
            "/campcasterStorageServer/xmlrpc/xrLocStor.php",
            "/livesupportStorageServer/xmlrpc/xrLocStor.php",
            "http://archive.test:8000/RPC2",
        ],
    )
    def test_a_call_gets_there(self, front: WebFront, path: str) -> None:
        answer = front.ask("POST", path, body=b"<call/>")
        assert (answer.status, answer.body) == (200, b"<call/>")
        assert answer.headers["content-length"] == "7"
        assert "transfer-encoding" not in answer.headers

    def test_a_form_is_a_body_like_any_other(self, front: WebFront) -> None:
        headers = {"content-type": "application/x-www-form-urlencoded"}
        assert front.ask("POST", "/RPC2", headers, b"a=b").body == b"a=b"

    def test_the_connection_of_an_old_client_is_closed(self, front: WebFront) -> None:
        wire = front.connect()
        wire.send(b"POST /RPC2 HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc")
        assert wire.answer().body == b"abc"
        assert wire.is_closed

    def test_expect_is_answered_at_once(self, front: WebFront) -> None:
        wire = front.connect()
        wire.send(
            b"POST /RPC2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n"
        )
        assert wire.unread == b"HTTP/1.1 100 Continue\r\n\r\n"

    def test_only_posts_are_calls(self, front: WebFront) -> None:
        answer = front.ask("GET", "/RPC2")
        assert (answer.status, answer.headers["allow"]) == (405, "POST")

    def test_refusals_are_shown_as_the_caller_likes(self, services: Services) -> None:
        shown: list[Exception] = []

        def refuse(request: ArchiveRequest, error: Exception, /) -> None:
            shown.append(error)

        def answer(request: ArchiveRequest, /) -> object:
            raise AssertionError("too large")

        front = front_over(services, Route("/other", ("POST",), answer, refuse=refuse))
        front.connect().send(
            b"POST /other HTTP/1.1\r\nHost: a\r\nContent-Length: 100000000\r\n\r\n"
        )
        assert [type(error) for error in shown] == [errors.TooLarge]


class TestTooLarge:
    """Requests with more than they may have."""

    def test_an_announced_body_is_refused_before_it_comes(self, front: WebFront) -> None:
        wire = front.connect()
        wire.send(
            f"POST /RPC2 HTTP/1.1\r\nHost: a\r\nContent-Length: {REQUEST_BYTES + 1}\r\n"
            "Expect: 100-continue\r\n\r\n".encode()
        )
        answer = wire.answer()
        assert (answer.status, answer.headers["connection"]) == (413, "close")
        assert answer.problem["fault_code"] == 805
        assert wire.is_closed

    def test_a_chunked_body_is_refused_when_it_grows_too_large(self, front: WebFront) -> None:
        wire = front.connect()
        wire.send(b"POST /RPC2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n")
        chunk = b"4000\r\n" + bytes(0x4000) + b"\r\n"
        for _ in range(6):
            wire.send(chunk)
            assert wire.unread == b""
        wire.send(chunk * 3)
        assert wire.answer().status == 413
        assert wire.unread == b""

    def test_the_largest_body_is_taken(self, front: WebFront) -> None:
        assert front.ask("POST", "/RPC2", body=bytes(REQUEST_BYTES)).status == 200

    def test_a_path_has_a_limit(self, front: WebFront) -> None:
        wire = front.connect()
        wire.send(b"GET /" + b"x" * 20000 + b" HTTP/1.1\r\nHost: a\r\n\r\n")
        assert wire.answer().status == 414
        assert wire.unread == b""
        assert wire.is_closed

    @pytest.mark.parametrize(
        "head",
        [
            b"GET / HTTP/1.1\r\nHost: a\r\n" + b"X-Y: zzzzzzzzzz\r\n" * 101 + b"\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\nX-Y: " + b"z" * 20000 + b"\r\n\r\n",
            b"GET / HTTP/1.1\r\nHost: a\r\n"
            + b"X-Y: " * 3000
            + b"\r\n"
            + b"X: " * 3000
            + b"\r\n\r\n",
        ],
    )
    def test_headers_have_limits(self, front: WebFront, head: bytes) -> None:
        wire = front.connect()
        wire.send(head)
        assert wire.answer().status == 400
        assert wire.unread == b""
        assert wire.is_closed


@pytest.mark.parametrize(
    ("raw", "status"),
    [
        (b"GET /livez HTTP/1.1\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", 400),
        (b"GET /livez HTTP/1.0\r\n\r\n", 200),
        (b"nonsense\r\n\r\n", 400),
        (b"GET /livez HTTP/1.1\r\nHost: a\r\nnonsense\r\n\r\n", 400),
        (b"POST /RPC2 HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST /RPC2 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx", 400),
        (
            b"POST /RPC2 HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\n"
            b"Transfer-Encoding: chunked\r\n\r\nx",
            400,
        ),
        (b"POST /RPC2 HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\n", 400),
        (b"PUT /x HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n", 400),
        (b"BREW /RPC2 HTTP/1.1\r\nHost: a\r\n\r\n", 501),
        (b"OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n", 204),
        (b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        (b"GET http://[/ HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        (b"GET /%ff%00 HTTP/1.1\r\nHost: a\r\n\r\n", 404),
        (b"\r\nGET /livez HTTP/1.1\r\nHost: a\r\n\r\n", 200),
    ],
)
def test_what_is_not_quite_http_gets_one_answer(front: WebFront, raw: bytes, status: int) -> None:
    wire = front.connect()
    wire.send(raw)
    assert wire.answer().status == status
    assert wire.unread == b""


def test_headers_need_not_be_utf_8(front: WebFront) -> None:
    wire = front.connect()
    wire.send(
        b"GET /clips/0000000000000001/audio.wav HTTP/1.1\r\nHost: \xff\r\n"
        b"Authorization: Bearer \xff\r\n\r\n"
    )
    assert wire.answer().status == 401


class TestErrors:
    """What clients are told, and what they are not."""

    @pytest.mark.parametrize(
        ("error", "status"),
        [
            (errors.Forbidden("not yours"), 403),
            (errors.RefusedAudio("cut short", "truncated"), 422),
            (errors.TooManyAttempts("wait", 7), 429),
            (errors.Unavailable("away", 9), 503),
        ],
    )
    def test_an_error_is_a_problem_document(
        self, services: Services, error: errors.ArchiveError, status: int
    ) -> None:
        answer = _failing(services, error).ask("GET", "/fail")
        assert answer.status == status
        assert answer.problem["detail"] == str(error)
        assert answer.problem["type"].startswith("tag:")
        assert answer.headers["cache-control"] == "no-store"
        assert answer.headers["retry-after"] == (
            str(error.retry_after)
            if isinstance(error, errors.TooManyAttempts | errors.Unavailable)
            else None
        )

    def test_nothing_internal_leaks(self, services: Services, events: list[LogEvent]) -> None:
        front = _failing(services, RuntimeError("SELECT secret FROM /var/lib"))
        answer = front.ask("GET", "/fail")
        assert answer.status == 500
        assert answer.problem["title"] == "Internal error"
        assert b"SELECT" not in answer.body
        assert b"Traceback" not in answer.body
        (failure,) = [event["log_failure"] for event in events if "log_failure" in event]
        assert "SELECT secret" in failure.getErrorMessage()

    def test_a_head_is_told_without_a_body(self, services: Services) -> None:
        front = _failing(services, errors.NotFound("no"))
        head, get = front.ask("HEAD", "/fail"), front.ask("GET", "/fail")
        assert (head.status, head.body) == (404, b"")
        assert head.headers["content-length"] == get.headers["content-length"]

    def test_work_for_a_client_that_left_is_cancelled(self, services: Services) -> None:
        cancelled: list[object] = []
        never: Deferred[None] = Deferred(cancelled.append)

        async def wait() -> None:
            await never

        def answer(request: ArchiveRequest, /) -> object:
            return respond(request, wait())

        wire = front_over(services, Route("/wait", ("GET",), answer)).connect()
        wire.send(b"GET /wait HTTP/1.1\r\nHost: a\r\n\r\n")
        assert wire.unread == b""
        wire.leave()
        assert cancelled == [never]


class TestLog:
    """One line a request."""

    def _lines(self, events: list[LogEvent]) -> list[LogEvent]:
        return [event for event in events if "elapsed_ms" in event]

    def test_it_tells_the_route_and_not_the_token(
        self, front: WebFront, events: list[LogEvent]
    ) -> None:
        token = "0123456789abcdef" * 2
        front.ask("GET", f"/access/{token}.wav")
        front.ask("GET", f"/clips/0000000000000001/audio.wav?sessid={token}")
        front.ask("GET", f"/{token}")
        lines = self._lines(events)
        assert [(line["route"], line["gunid"], line["status"]) for line in lines] == [
            ("/access/<token>.<extension>", "-", 404),
            ("/clips/<gunid>/audio.<extension>", "0000000000000001", 401),
            ("(no such path)", "-", 404),
        ]
        assert token not in repr([{**event, "log_logger": None} for event in lines])

    def test_it_tells_who_reads(self, front: WebFront, events: list[LogEvent]) -> None:
        session_id = front.services.session_id(Role.CLIENT)
        front.ask("GET", f"/clips/00000000000000AA/audio.wav?sessid={session_id}")
        front.ask("GET", f"/clips/{session_id}/audio.wav?sessid={session_id}")
        first, second = self._lines(events)
        assert (first["user"], first["gunid"], first["address"]) == (
            front.services.caller(Role.CLIENT).login,
            "00000000000000aa",
            "127.0.0.1",
        )
        assert second["gunid"] == "-"

    def test_it_holds_nothing_that_a_client_has_made_up(
        self, front: WebFront, events: list[LogEvent]
    ) -> None:
        front.ask("BREW", "/livez")
        front.ask("GET", "/clips/%1b%5b2J/audio.wav")
        lines = self._lines(events)
        assert [line["method"] for line in lines] == ["(unknown method)", "GET"]
        assert [line["gunid"] for line in lines] == ["-", "-"]

    def test_it_tells_when_a_client_left(self, front: WebFront, events: list[LogEvent]) -> None:
        wire = front.connect()
        wire.send(b"POST /RPC2 HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        wire.leave()
        (line,) = self._lines(events)
        assert (line["status"], line["remark"]) == ("unanswered", ", client left")


class TestTime:
    """Connections that do nothing, leases that are read slowly, and the end."""

    def test_an_idle_connection_is_closed(self, front: WebFront) -> None:
        wire = front.connect()
        front.clock.advance(59)
        assert not wire.is_closed
        front.clock.advance(2)
        assert wire.is_closed

    def test_a_head_that_dribbles_is_cut_off(self, front: WebFront) -> None:
        wire = front.connect()
        front.clock.advance(59)
        for piece in (b"GE", b"T /livez HTTP/1.1\r\n", b"Host: a\r\n", b"X-A: b\r\n"):
            assert not wire.is_closed
            wire.send(piece)
            front.clock.advance(19)
        assert wire.is_closed

    def test_every_head_and_every_piece_of_a_body_has_its_time(self, front: WebFront) -> None:
        wire = front.connect()
        for _ in range(2):
            front.clock.advance(59)
            wire.send(b"POST /RPC2 HTTP/1.1\r\nHost: a\r\n")
            front.clock.advance(59)
            wire.send(b"Content-Length: 3\r\n\r\n")
            for _ in range(3):
                front.clock.advance(59)
                wire.send(b"x")
            assert wire.answer().body == b"xxx"
        assert not wire.is_closed

    def test_an_idle_connection_closes_at_once_in_the_end(self, front: WebFront) -> None:
        wire = front.connect()
        wire.ask("GET", "/livez")
        stopping = Deferred.fromCoroutine(front.site.stop(5))
        assert wire.is_closed
        wire.leave()
        front.clock.advance(1)
        assert stopping.called
        assert front.site.buildProtocol(None) is None

    def test_who_leaves_answers_every_connection_once_more(self, front: WebFront) -> None:
        idle, busy = front.connect(), front.connect()
        idle.ask("GET", "/livez")
        busy.send(b"POST /xmlrpc HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n\r\nab")
        leaving = Deferred.fromCoroutine(front.site.leave())
        front.clock.advance(1)
        assert not idle.is_closed
        answer = idle.ask("GET", "/livez")
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert idle.is_closed
        idle.leave()
        front.clock.advance(1)
        busy.send(b"cde")
        assert busy.answer().body == b"abcde"
        assert not leaving.called
        busy.leave()
        front.clock.advance(1)
        assert leaving.called

    def test_what_is_under_way_gets_its_time(self, front: WebFront) -> None:
        services = front.services
        upload = result_of(services.clips.start_upload(services.caller(), None, "", "a.wav", ""))
        wire = front.connect()
        wire.send(
            f"PUT /upload/{upload.token} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n".encode()
        )
        stopping = Deferred.fromCoroutine(front.site.stop(5))
        front.clock.advance(1)
        assert not stopping.called
        wire.send(b"abc")
        answer = wire.answer()
        assert (answer.status, answer.headers["connection"]) == (200, "close")
        assert wire.is_closed
        wire.leave()
        front.clock.pump([0.1, 0.1])
        assert stopping.called

    def test_what_takes_longer_is_dropped(self, front: WebFront) -> None:
        wire = front.connect()
        wire.send(b"POST /RPC2 HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n")
        stopping = Deferred.fromCoroutine(front.site.stop(5))
        front.clock.pump([0.1] * 60)
        assert wire.transport.is_aborted
        wire.leave()
        front.clock.advance(1)
        assert stopping.called

    def test_leases_being_read_are_touched_every_minute(self, services: Services) -> None:
        touched: list[int] = []

        async def touch() -> None:
            touched.append(1)
            raise errors.Unavailable("the database is away")

        front = front_over(services)
        front.site.__init__((), request_bytes=1, touch=touch, reactor=front.clock)  # type: ignore[misc]
        front.site.doStart()
        front.clock.pump([30] * 5)
        assert len(touched) == 2
        front.site.doStop()
