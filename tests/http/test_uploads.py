"""Bytes in: streamed, resumed, refused; what has arrived is kept."""

import hashlib
from datetime import timedelta

import pytest
from fixtures.fix_http import WebFront, Wire
from fixtures.fix_services import Services
from support import result_of

from archive_server.http.bodies import BLOCK, MOST_WAITING, Body


@pytest.fixture
def token(services: Services) -> str:
    """An upload that waits for its bytes."""
    upload = result_of(services.clips.start_upload(services.caller(), None, "", "clip.wav", ""))
    return upload.token


def _offset(front: WebFront, token: str) -> int:
    answer = front.ask("HEAD", f"/upload/{token}")
    assert answer.status == 200
    assert answer.headers["cache-control"] == "no-store"
    return int(answer.headers["upload-offset"])


def test_a_put_is_kept_whole(front: WebFront, token: str, wav: bytes) -> None:
    answer = front.ask("PUT", f"/upload/{token}", body=wav)
    assert (answer.status, answer.reason, answer.body) == (200, "OK", b"")
    assert answer.headers["content-type"].startswith("text/plain")
    assert answer.headers["upload-offset"] == str(len(wav))
    caller = front.services.caller()
    gunid = result_of(front.services.clips.finish_upload(caller, token))
    file = result_of(front.services.downloads.current(caller, gunid))
    with file.content as content:
        assert content.read() == wav
    assert file.sha256 == hashlib.sha256(wav).digest()


def test_the_classic_address_takes_a_put_too(front: WebFront, token: str) -> None:
    for base in ("campcaster", "livesupport"):
        path = f"/{base}StorageServer/xmlrpc/put.php?token={token.upper()}"
        assert front.ask("PUT", path, body=b"abc").status == 200
        assert front.ask("HEAD", path).headers["upload-offset"] == "3"


def test_a_put_starts_afresh(front: WebFront, token: str) -> None:
    front.ask("PUT", f"/upload/{token}", body=b"x" * 50)
    front.ask("PUT", f"/upload/{token}", body=b"y" * 5)
    assert _offset(front, token) == 5


def test_an_empty_put_is_an_upload_too(front: WebFront, token: str) -> None:
    assert front.ask("PUT", f"/upload/{token}", body=b"").status == 200
    assert front.ask("PUT", f"/upload/{token}").status == 200
    assert _offset(front, token) == 0


def test_a_chunked_put_is_kept(front: WebFront, token: str) -> None:
    body = b"5\r\nhello\r\n6;x=y\r\n world\r\n0\r\n\r\n"
    answer = front.ask("PUT", f"/upload/{token}", {"transfer-encoding": "chunked"}, body)
    assert answer.headers["upload-offset"] == "11"
    assert "upload-length" not in front.ask("HEAD", f"/upload/{token}").headers


def test_a_broken_connection_keeps_what_arrived(front: WebFront, token: str) -> None:
    wire = front.connect()
    wire.send(f"PUT /upload/{token} HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n".encode())
    wire.send(b"x" * 30)
    wire.leave()
    answer = front.ask("HEAD", f"/upload/{token}")
    assert answer.headers["upload-offset"] == "30"
    assert answer.headers["upload-length"] == "100"


def test_content_range_goes_on_where_it_stopped(front: WebFront, token: str, wav: bytes) -> None:
    first = front.connect()
    first.send(
        f"PUT /upload/{token} HTTP/1.1\r\nHost: a\r\nContent-Length: {len(wav)}\r\n\r\n".encode()
    )
    first.send(wav[:1000])
    first.leave()
    rest = {"content-range": f"bytes 1000-{len(wav) - 1}/{len(wav)}"}
    answer = front.ask("PUT", f"/upload/{token}", rest, wav[1000:])
    assert (answer.status, answer.headers["upload-offset"]) == (200, str(len(wav)))
    result_of(front.services.clips.finish_upload(front.services.caller(), token))


def test_a_wrong_offset_is_refused_with_the_right_one(front: WebFront, token: str) -> None:
    front.ask("PUT", f"/upload/{token}", body=b"x" * 30)
    for first in (0, 29, 31):
        headers = {"content-range": f"bytes {first}-{first + 4}/*"}
        answer = front.ask("PUT", f"/upload/{token}", headers, b"y" * 5)
        assert answer.status == 409
        assert answer.headers["upload-offset"] == "30"
        assert answer.problem["offset"] == 30
        assert answer.problem["fault_code"] == 805
    assert _offset(front, token) == 30


@pytest.mark.parametrize(
    "header",
    [
        "bytes 0-4/5",
        "bytes 0-9/*",
        "bytes 0-8/9",
        "bytes */5",
        "bytes 9-0/10",
        "0-9",
        "items 0-9/10",
    ],
)
def test_lengths_that_disagree_are_refused(front: WebFront, token: str, header: str) -> None:
    answer = front.ask("PUT", f"/upload/{token}", {"content-range": header}, b"y" * 7)
    assert answer.status == 400
    assert "content-range" in answer.problem["detail"]
    assert _offset(front, token) == 0


def test_a_chunked_body_is_measured_against_its_content_range(front: WebFront, token: str) -> None:
    headers = {"transfer-encoding": "chunked", "content-range": "bytes 0-9/10"}
    answer = front.ask("PUT", f"/upload/{token}", headers, b"b\r\nhello world\r\n0\r\n\r\n")
    assert (answer.status, _offset(front, token)) == (400, 0)
    answer = front.ask("PUT", f"/upload/{token}", headers, b"5\r\nhello\r\n0\r\n\r\n")
    assert (answer.status, _offset(front, token)) == (400, 5)


def test_two_puts_at_once_are_one_too_many(front: WebFront, token: str) -> None:
    first = front.connect()
    first.send(f"PUT /upload/{token} HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc".encode())
    assert front.ask("PUT", f"/upload/{token}", body=b"xyz").status == 409
    first.send(b"def")
    assert first.answer().status == 200
    assert _offset(front, token) == 6


class TestRefusedEarly:
    """The answer comes without the body, and the connection ends so that it can be read."""

    def _begin(self, front: WebFront, path: str, *headers: str) -> Wire:
        wire = front.connect()
        lines = "".join(f"{header}\r\n" for header in headers)
        wire.send(
            f"PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 1000000\r\n{lines}\r\n".encode()
        )
        return wire

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/upload/" + "0" * 32, 404),
            ("/upload/zz", 404),
            ("/upload/..%2f..%2fetc", 404),
            ("/campcasterStorageServer/xmlrpc/put.php", 400),
            ("/campcasterStorageServer/xmlrpc/put.php?token=", 400),
            ("/campcasterStorageServer/xmlrpc/put.php?token=%00", 400),
            ("/campcasterStorageServer/xmlrpc/put.php?token=0123456789abcdef", 403),
        ],
    )
    def test_without_a_good_token(self, front: WebFront, path: str, status: int) -> None:
        wire = self._begin(front, path, "Expect: 100-continue")
        assert b"100 Continue" not in wire.unread
        answer = wire.answer()
        assert answer.status == status
        assert answer.headers["connection"] == "close"
        assert wire.transport.is_half_closed
        assert not wire.transport.is_aborted

    def test_with_a_token_for_reading(self, front: WebFront, wav: bytes) -> None:
        gunid = front.services.store_clip(wav, file_name="a.wav")
        lease = result_of(front.services.downloads.open_audio(front.services.caller(), gunid))
        answer = self._begin(front, f"/upload/{lease.token}").answer()
        assert (answer.status, answer.problem["title"]) == (403, "Token for another purpose")

    def test_what_still_comes_is_thrown_away(self, front: WebFront) -> None:
        wire = self._begin(front, "/upload/zz")
        assert wire.answer().status == 404
        for _ in range(10):
            wire.send(b"GET / HTTP/1.1\r\nHost: a\r\n\r\n" * 100)
        assert wire.unread == b""
        front.clock.advance(11)
        assert wire.transport.is_aborted

    def test_a_client_that_never_stops_is_cut_off(self, front: WebFront) -> None:
        wire = self._begin(front, "/upload/zz")
        for _ in range(65):
            wire.send(bytes(1024 * 1024))
        assert wire.transport.is_aborted

    def test_by_an_expired_upload(self, front: WebFront, token: str) -> None:
        front.services.clock.advance(timedelta(days=2))
        assert self._begin(front, f"/upload/{token}").answer().status == 404


def test_expect_is_answered_at_once(front: WebFront, token: str) -> None:
    wire = front.connect()
    wire.send(
        f"PUT /upload/{token} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n"
        "Expect: 100-continue\r\n\r\n".encode()
    )
    assert wire.unread == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.send(b"abc")
    assert wire.answer().status == 200


def test_requests_in_a_row_share_a_connection(front: WebFront, token: str) -> None:
    wire = front.connect()
    put = f"PUT /upload/{token} HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc".encode()
    wire.send(put + put + b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
    assert [wire.answer().status for _ in range(3)] == [200, 200, 200]
    assert not wire.is_closed


def test_a_malformed_chunk_ends_the_connection_and_keeps_what_arrived(
    front: WebFront, token: str
) -> None:
    wire = front.connect()
    wire.send(
        f"PUT /upload/{token} HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
    )
    wire.send(b"3\r\nabc\r\nzz\r\n")
    assert wire.answer().status == 400
    assert wire.is_closed
    wire.leave()
    assert _offset(front, token) == 3


class TestTus:
    """tus 1.0, its core."""

    HEADERS = {
        "tus-resumable": "1.0.0",
        "content-type": "application/offset+octet-stream",
        "upload-offset": "0",
    }

    def test_bytes_are_appended(self, front: WebFront, token: str) -> None:
        answer = front.ask("PATCH", f"/upload/{token}", self.HEADERS, b"abc")
        assert (answer.status, answer.headers["upload-offset"]) == (204, "3")
        assert answer.headers["tus-resumable"] == "1.0.0"
        answer = front.ask(
            "PATCH", f"/upload/{token}", self.HEADERS | {"upload-offset": "3"}, b"de"
        )
        assert (answer.status, answer.headers["upload-offset"]) == (204, "5")
        head = front.ask("HEAD", f"/upload/{token}", {"tus-resumable": "1.0.0"})
        assert (head.headers["upload-offset"], head.headers["tus-resumable"]) == ("5", "1.0.0")

    @pytest.mark.parametrize(
        ("changed", "status"),
        [
            ({"upload-offset": "7"}, 409),
            ({"tus-resumable": "0.2.2"}, 412),
            ({"content-type": "application/octet-stream"}, 415),
            ({"upload-offset": "-1"}, 400),
            ({"upload-offset": "²"}, 400),
            ({"upload-offset": "9" * 5000}, 400),
            ({"upload-offset": ""}, 400),
            ({"upload-length": "many"}, 400),
        ],
    )
    def test_anything_else_is_refused(
        self, front: WebFront, token: str, changed: dict[str, str], status: int
    ) -> None:
        answer = front.ask("PATCH", f"/upload/{token}", self.HEADERS | changed, b"abc")
        assert answer.status == status
        assert answer.problem["status"] == status
        assert _offset(front, token) == 0

    @pytest.mark.parametrize("method", ["HEAD", "PUT"])
    def test_another_version_is_refused_whatever_the_method(
        self, front: WebFront, token: str, method: str
    ) -> None:
        answer = front.ask(method, f"/upload/{token}", {"tus-resumable": "0.2.2"}, b"abc")
        assert (answer.status, answer.headers["tus-version"]) == (412, "1.0.0")
        assert _offset(front, token) == 0

    def test_whoever_forgets_the_version_is_told_it(self, front: WebFront, token: str) -> None:
        answer = front.ask("PATCH", f"/upload/{token}", {"upload-offset": "0"}, b"abc")
        assert (answer.status, answer.headers["tus-resumable"]) == (412, "1.0.0")

    def test_the_length_is_deferred_until_it_is_told(self, front: WebFront, token: str) -> None:
        head = front.ask("HEAD", f"/upload/{token}", {"tus-resumable": "1.0.0"})
        assert (head.headers["upload-length"], head.headers["upload-defer-length"]) == (None, "1")
        headers = self.HEADERS | {"upload-length": "5"}
        assert front.ask("PATCH", f"/upload/{token}", headers, b"abc").status == 204
        head = front.ask("HEAD", f"/upload/{token}", {"tus-resumable": "1.0.0"})
        assert (head.headers["upload-length"], head.headers["upload-defer-length"]) == ("5", None)
        more = self.HEADERS | {"upload-offset": "3"}
        assert front.ask("PATCH", f"/upload/{token}", more, b"def").status == 409
        other = more | {"upload-length": "6"}
        assert front.ask("PATCH", f"/upload/{token}", other, b"def").status == 409
        assert _offset(front, token) == 3

    def test_options_tell_the_version(self, front: WebFront, token: str) -> None:
        answer = front.ask("OPTIONS", f"/upload/{token}")
        assert (answer.status, answer.headers["tus-version"]) == (204, "1.0.0")

    def test_a_post_can_stand_for_a_patch(self, front: WebFront, token: str) -> None:
        headers = self.HEADERS | {"x-http-method-override": "PATCH"}
        assert front.ask("POST", f"/upload/{token}", headers, b"abc").status == 204
        assert front.ask("POST", f"/upload/{token}", self.HEADERS, b"abc").status == 405


class TestBody:
    """A body on its way from the connection to the disk."""

    def _body(self) -> tuple[Body, list[str]]:
        calls: list[str] = []
        return Body(lambda: calls.append("pause"), lambda: calls.append("resume")), calls

    def test_it_is_handed_out_in_blocks(self) -> None:
        body, calls = self._body()
        body.feed(bytes(BLOCK - 1))
        body.feed(b"ab")
        assert result_of(body.read()) == bytes(BLOCK - 1) + b"ab"
        body.feed(b"rest")
        body.end()
        assert result_of(body.read()) == b"rest"
        assert result_of(body.read()) == b""
        assert body.is_whole
        assert calls == []

    def test_the_client_waits_while_too_much_does(self) -> None:
        body, calls = self._body()
        for _ in range(MOST_WAITING // 65536):
            body.feed(bytes(65536))
        assert calls == ["pause"]
        assert len(result_of(body.read())) == MOST_WAITING
        assert calls == ["pause", "resume"]

    def test_what_came_before_the_end_of_the_connection_can_be_read(self) -> None:
        body, _ = self._body()
        body.feed(b"abc")
        body.lose()
        assert result_of(body.read()) == b"abc"
        assert result_of(body.read()) == b""
        assert body.is_broken
        assert not body.is_whole
