"""Heads that came before: what they are taken for when they come again."""

import pytest
from fixtures.fix_http import WebFront
from hypothesis import given, settings
from hypothesis import strategies as st

from archive_server.http.known_heads import KnownHeads
from archive_server.http.requests import ArchiveRequest

LINES = (
    "Host: a",
    "Host: b",
    "Range: bytes=0-9",
    "Range: bytes=5-9",
    "range: bytes=5-9",
    "Range: ",
    "Range: bytes=0-1,3-4",
    "Connection: keep-alive",
    "Connection: close",
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Cookie: sessid=1",
    "Expect: 100-continue",
    "Content-Length: 4",
    "Content-Length: 04",
    "Content-Length: 0",
    "X-Line: 1",
    "bad line",
)
requests = st.builds(
    lambda first, lines, body: "\r\n".join([first, *lines, "", body]).encode(),
    st.sampled_from(
        [
            "GET /livez HTTP/1.1",
            "HEAD /livez HTTP/1.1",
            "GET /livez HTTP/1.0",
            "POST /RPC2 HTTP/1.1",
            "GET /nowhere HTTP/1.1",
            "DELETE /livez HTTP/1.1",
            "PUT /upload/0123456789abcdef HTTP/1.1",
            "\r\nGET /livez HTTP/1.1",
        ]
    ),
    st.lists(st.sampled_from(LINES), max_size=4).map(lambda lines: ["Host: a", *lines]),
    st.sampled_from(["", "abcd", "abcdGET /livez HTTP/1.1\r\nHost: a\r\n\r\n", "\r\n\r\n"]),
)


def answered(front: WebFront, pieces: list[bytes]) -> tuple[list[bytes], bool]:
    """What is answered to each piece, without dates; and whether the connection is closed."""
    wire = front.connect()
    answers = []
    for piece in pieces:
        before = len(wire.unread)
        wire.send(piece)
        lines = wire.unread[before:].split(b"\r\n")
        answers.append(b"\r\n".join(line for line in lines if not line.startswith(b"Date: ")))
    return answers, wire.is_closed


@settings(max_examples=300)
@given(sent=st.lists(requests, min_size=1, max_size=3))
def test_what_comes_again_is_answered_as_when_it_was_new(
    front: WebFront, sent: list[bytes]
) -> None:
    front.site.known_heads = KnownHeads()
    halves = [part for each in sent for part in (each[:7], each[7:])]  # so none is looked up
    answers, is_closed = answered(front, halves)
    expected = [b"".join(answers[place : place + 2]) for place in range(0, len(answers), 2)]
    for _ in range(3):
        assert answered(front, sent) == (expected, is_closed)


def known(front: WebFront, request: bytes) -> ArchiveRequest | None:
    """What a request is taken for without looking into it."""
    found = front.site.known_heads.find(request)
    if found is None:
        return None
    head, end, asked = found
    value = asked[0] if asked else None
    return head.request(front.connect().channel, front.site, value, request[end:])


def asking(*lines: str, body: str = "") -> bytes:
    head = "".join(f"{line}\r\n" for line in ("POST /RPC2 HTTP/1.1", "Host: a", *lines))
    return f"{head}\r\n{body}".encode()


def test_a_head_is_known_when_it_has_come(front: WebFront) -> None:
    request = asking("Content-Length: 2", body="ab")
    assert known(front, request) is None
    front.connect().send(request)
    again = known(front, asking("Content-Length: 2", body="cd"))
    assert again is not None
    assert (again.verb, again.target, again.chunks) == ("POST", b"/RPC2", [b"cd"])
    assert again.headers == {b"host": b"a", b"content-length": b"2"}


def test_of_a_range_any_other_is_known(front: WebFront) -> None:
    front.connect().send(asking("Range: bytes=0-9", "X-Line: 1"))
    again = known(front, asking("Range: bytes=70-123", "X-Line: 1"))
    assert again is not None
    assert again.headers == {b"host": b"a", b"range": b"bytes=70-123", b"x-line": b"1"}
    assert known(front, asking("Range: ", "X-Line: 1")) is None
    assert known(front, asking("Range: bytes=70-", "X-Line: 1")) is None
    assert known(front, asking("Range: bytes=70-123", "X-Line: 2")) is None


@pytest.mark.parametrize(
    "request_bytes",
    [
        asking("Content-Length: 2", body="abc"),
        asking("Content-Length: 2", body="a"),
        asking("Content-Length: 2", body="ab") * 2,
    ],
)
def test_only_what_is_one_request_is_looked_up(front: WebFront, request_bytes: bytes) -> None:
    front.connect().send(asking("Content-Length: 2", body="ab"))
    assert known(front, request_bytes) is None


@pytest.mark.parametrize("before", [asking(), b"\r\n\r\n"])
def test_a_request_is_not_kept_for_what_came_before_it(front: WebFront, before: bytes) -> None:
    # Its body has not all come, and would be as long as what stands behind the first empty line.
    head = asking("Content-Length: 100")
    front.connect().send(before + head + b"a" * (100 - len(head)))
    assert known(front, before + b"b" * 100) is None


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Bearer 1",
        "Cookie: a=b",
        "Connection: close",
        "Expect: 100-continue",
        "Transfer-Encoding: chunked",
        f"X-Line: {'x' * 3000}",
    ],
)
def test_what_is_secret_special_or_long_is_not_kept(front: WebFront, line: str) -> None:
    request = asking(line, body="0\r\n\r\n" if "chunked" in line else "")
    front.connect().send(request)
    assert known(front, request) is None


def test_two_ranges_are_not_one(front: WebFront) -> None:
    request = asking("Range: bytes=0-9", "Range: bytes=20-29")
    front.connect().send(request)
    assert known(front, request) is None


def test_no_more_than_some_are_kept(front: WebFront) -> None:
    wire, kept = front.connect(), front.site.known_heads
    asked = [asking(f"X-Line: {number}") for number in range(3000)]
    for request in asked:
        wire.send(request)
    assert 0 < sum(kept.find(request) is not None for request in asked) <= 1024
