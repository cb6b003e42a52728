"""Requests as they arrive: in any pieces, several at once, in versions and shapes of all kinds."""

import pytest
from fixtures.fix_http import WebFront, Wire, front_over
from fixtures.fix_services import Services
from hypothesis import given, settings
from hypothesis import strategies as st

from archive_server.http.requests import ArchiveRequest, Route

HEAD = b"HTTP/1.1\r\nHost: a\r\n"
CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n4;x=y\r\ndefg\r\n0\r\nX-End: 1\r\n\r\n"
# Requests that end in an answer, whatever comes before them on the connection.
GOOD = (
    b"GET /livez " + HEAD + b"\r\n",
    b"\r\nHEAD /livez " + HEAD + b"X-Empty:\r\n\r\n",
    b"POST /RPC2 " + HEAD + b"Content-Length: 5\r\n\r\nhello",
    b"POST /RPC2 " + HEAD + CHUNKS,
    b"POST /RPC2 " + HEAD + b"Connection: Upgrade\r\nUpgrade: h2c\r\n" + CHUNKS,
    b"POST /RPC2 "
    + HEAD
    + b"Connection: Upgrade\r\nUpgrade: h2c\r\nContent-Length: 32\r\n\r\n"
    + b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n",
    b"GET /livez " + HEAD + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
    b"OPTIONS * " + HEAD + b"\r\n",
    b"PROPFIND /livez " + HEAD + b"\r\n",
    b"GET /nowhere?a=b " + HEAD + b"\r\n",
)
# After these nothing is answered.
LAST = (
    b"",
    b"BREW /livez " + HEAD + b"\r\n",
    b"nonsense\r\n\r\n",
    b"GET /livez HTTP/1.0\r\n\r\n",
    b"GET /livez " + HEAD + b"Connection: close\r\n\r\n",
    b"GET /livez " + HEAD + b"Bad Header: x\r\n\r\n",
    b"GET /livez HTTP/2.0\r\nHost: a\r\n\r\n",
    b"POST /RPC2 " + HEAD + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
    b"POST /RPC2 " + HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nzz\r\n",
    b"DELETE /livez " + HEAD + b"Content-Length: 1000000\r\n\r\n",
    b"CONNECT a:80 " + HEAD + b"\r\n",
    b"GET /" + b"x" * 17_000 + b" " + HEAD + b"\r\n",
)


def written(front: WebFront, pieces: list[bytes]) -> tuple[bytes, bool]:
    """What is answered, without its dates; and whether the connection is closed."""
    wire = front.connect()
    for piece in pieces:
        wire.send(piece)
    lines = [line for line in wire.unread.split(b"\r\n") if not line.startswith(b"Date: ")]
    return b"\r\n".join(lines), wire.is_closed


@settings(
    max_examples=80,
)
@given(
    begins=st.lists(st.integers(0, len(GOOD) - 1), max_size=4),
    end=st.integers(0, len(LAST) - 1),
    places=st.lists(st.integers(0, 20_000), max_size=12),
)
def test_however_requests_are_cut_the_answers_are_the_same(
    front: WebFront, begins: list[int], end: int, places: list[int]
) -> None:
    whole = b"".join(GOOD[place] for place in begins) + LAST[end]
    cuts = sorted(place % (len(whole) + 1) for place in places)
    pieces = [
        whole[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(whole)], strict=True)
    ]
    expected, is_closed = written(front, [whole])
    assert written(front, [piece for piece in pieces if piece]) == (expected, is_closed)
    assert expected.count(b"HTTP/1.") >= len(begins)


@pytest.mark.parametrize("request_bytes", GOOD)
def test_bytes_one_by_one_are_a_request_too(front: WebFront, request_bytes: bytes) -> None:
    single = [request_bytes[place : place + 1] for place in range(len(request_bytes))]
    assert written(front, single) == written(front, [request_bytes])


@pytest.mark.parametrize(
    "head",
    [
        b"GET /livez HTTP/1.1\nHost: a\n\n",
        b"GET /livez " + HEAD + b" folded: x\r\n\r\n",
        b"GET /livez " + HEAD + b"X : y\r\n\r\n",
        b"GET /livez " + HEAD + b"X: a\0b\r\n\r\n",
        b"GET /livez " + HEAD + b"X: a\rb\r\n\r\n",
        b"GET /livez\0 " + HEAD + b"\r\n",
        b"POST /RPC2 " + HEAD + b"Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        b"POST /RPC2 " + HEAD + b"Transfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n0\r\n\r\n",
        b"POST /RPC2 " + HEAD + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        b"POST /RPC2 " + HEAD + b"Transfer-Encoding: identity\r\n\r\n",
        b"POST /RPC2 " + HEAD + b"Transfer-Encoding: xchunked\r\n\r\n0\r\n\r\n",
        b"POST /RPC2 " + HEAD + b"Content-Length: 5, 5\r\n\r\nhello",
        b"POST /RPC2 " + HEAD + b"Content-Length: +5\r\n\r\nhello",
        b"POST /RPC2 " + HEAD + b"Content-Length: 0x5\r\n\r\nhello",
        b"POST /RPC2 " + HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\nabc\r\n0\r\n\r\n",
        b"POST /RPC2 " + HEAD + b"Transfer-Encoding: chunked\r\n\r\n3\r\nabcd\r\n0\r\n\r\n",
        b"POST /RPC2 " + HEAD + b"Transfer-Encoding: chunked\r\n\r\n-1\r\nabc\r\n0\r\n\r\n",
    ],
)
def test_what_could_be_read_in_two_ways_is_refused(front: WebFront, head: bytes) -> None:
    """So that a proxy before us and we never disagree where a request ends."""
    wire = front.connect()
    wire.send(head + b"GET /livez " + HEAD + b"\r\n")
    assert wire.answer().status == 400
    assert wire.unread == b""
    assert wire.is_closed


def test_a_body_behind_an_upgrade_is_no_request(front: WebFront) -> None:
    wire = front.connect()
    wire.send(GOOD[5])
    assert wire.answer().body == b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n"
    assert wire.unread == b""
    assert wire.ask("GET", "/livez").status == 200


def test_whoever_offers_another_protocol_again_and_again_is_answered_each_time(
    front: WebFront,
) -> None:
    """However many of such requests come at once."""
    wire = front.connect()
    offer = b"GET /livez " + HEAD + b"Connection: upgrade\r\nUpgrade: h2c\r\n\r\n"
    wire.send(offer * 2000 + b"GET /livez " + HEAD + b"\r\n")
    assert wire.unread.count(b"HTTP/1.1 200 OK") == 2001
    assert not wire.is_closed


@pytest.mark.parametrize("end", [b"X-End: " + b"x" * 200_000, b"X-End: x\r\n" * 20_000])
def test_a_trailer_does_not_grow_for_ever(front: WebFront, end: bytes) -> None:
    wire = front.connect()
    wire.send(b"POST /RPC2 " + HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n")
    for start in range(0, len(end), 1000):
        wire.send(end[start : start + 1000])
    assert wire.answer().status == 400
    assert wire.is_closed


def test_a_value_cannot_begin_another_header(services: Services) -> None:
    def answer(request: ArchiveRequest, /) -> None:
        request.send(200, headers={"x-told": "a\r\nSet-Cookie: b=c\0\n\nd"})

    answered = front_over(services, Route("/told", ("GET",), answer)).ask("GET", "/told")
    assert answered.headers["x-told"] == "a Set-Cookie: b=c d"
    assert answered.headers["set-cookie"] is None


class TestInARow:
    """Requests that do not wait for the answers before them."""

    @pytest.fixture
    def waiting(self) -> list[ArchiveRequest]:
        """Requests whose answer the test gives."""
        return []

    @pytest.fixture
    def wire(self, services: Services, waiting: list[ArchiveRequest]) -> Wire:
        def answer(request: ArchiveRequest, /) -> None:
            waiting.append(request)

        return front_over(services, Route("/wait", ("GET", "POST"), answer)).connect()

    def test_one_is_begun_when_the_other_is_answered(
        self, wire: Wire, waiting: list[ArchiveRequest]
    ) -> None:
        wire.send((b"GET /wait " + HEAD + b"\r\n") * 3)
        for count in range(3):
            assert len(waiting) == count + 1
            waiting[count].send(200, b"%d" % count)
            assert wire.answer().body == b"%d" % count

    def test_who_is_ahead_is_not_read(self, wire: Wire, waiting: list[ArchiveRequest]) -> None:
        wire.send(b"GET /wait " + HEAD + b"\r\n")
        assert wire.transport.producerState == "producing"
        wire.send(b"POST /wait " + HEAD + b"Content-Length: 3\r\n\r\na")
        assert wire.transport.producerState == "paused"
        waiting[0].send(200)
        assert wire.transport.producerState == "producing"
        wire.send(b"bc")
        assert waiting[1].content == b"abc"

    def test_who_does_not_read_the_answers_gets_no_more(
        self, wire: Wire, waiting: list[ArchiveRequest]
    ) -> None:
        wire.send((b"GET /wait " + HEAD + b"\r\n") * 2)
        wire.channel.pauseProducing()
        waiting[0].send(200)
        assert len(waiting) == 1
        wire.channel.resumeProducing()
        assert len(waiting) == 2

    def test_nonsense_is_refused_in_its_turn(
        self, wire: Wire, waiting: list[ArchiveRequest]
    ) -> None:
        wire.send((b"GET /wait " + HEAD + b"\r\n") * 2 + b"nonsense\r\n\r\n")
        assert wire.unread == b""
        for request in list(waiting):
            request.send(200, b"sense")
        waiting[1].send(200, b"sense")
        assert [wire.answer().status for _ in range(3)] == [200, 200, 400]
        assert wire.is_closed

    def test_behind_the_last_nothing_is_begun(
        self, wire: Wire, waiting: list[ArchiveRequest]
    ) -> None:
        last = b"GET /wait " + HEAD + b"Connection: close\r\n\r\n"
        wire.send(last + last)
        waiting[0].send(200)
        assert wire.answer().headers["connection"] == "close"
        assert len(waiting) == 1
        assert wire.is_closed

    def test_who_leaves_is_forgotten(self, wire: Wire, waiting: list[ArchiveRequest]) -> None:
        wire.send((b"GET /wait " + HEAD + b"\r\n") * 2)
        wire.leave()
        waiting[0].send(200, b"to nobody")
        assert waiting[0].is_gone
        assert len(waiting) == 1
        assert wire.unread == b""

    def test_who_has_said_all_still_gets_the_answers(
        self, wire: Wire, waiting: list[ArchiveRequest]
    ) -> None:
        wire.send((b"GET /wait " + HEAD + b"\r\n") * 2)
        wire.channel.readConnectionLost()
        waiting[0].send(200, b"one")
        waiting[1].send(200, b"two")
        assert wire.answer().body == b"one"
        answer = wire.answer()
        assert (answer.body, answer.headers["connection"]) == (b"two", "close")
        assert wire.is_closed


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"GET /live",
        b"GET /livez " + HEAD,
        b"POST /RPC2 " + HEAD + b"Content-Length: 5\r\n\r\nab",
    ],
)
def test_who_has_said_too_little_is_let_go(front: WebFront, sent: bytes) -> None:
    wire = front.connect()
    if sent:
        wire.send(sent)
    wire.channel.readConnectionLost()
    assert wire.is_closed
    assert wire.unread == b""
