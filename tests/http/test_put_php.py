"""`put.php` and `access/`, below the bases of the old archive (LiveSupport protocol, 1.1, 1.4)."""

import pytest
from fixtures.fix_http import Answer, WebFront
from fixtures.fix_services import Services
from services.packed import ALL, work_off
from support import result_of

from archive_server.http import urls

BASES = ("/campcasterStorageServer", "/livesupportStorageServer")
EACH_PATH = pytest.mark.parametrize("path", urls.CLASSIC_UPLOADS)
EACH_BASE = pytest.mark.parametrize("base", BASES)


@pytest.fixture
def token(services: Services) -> str:
    """An upload that waits for its bytes."""
    upload = result_of(services.clips.start_upload(services.caller(), None, "", "clip.wav", ""))
    return upload.token


@pytest.fixture
def lease(services: Services, wav: bytes) -> str:
    """The token of a clip that is read."""
    gunid = services.store_clip(wav, file_name="a.wav")
    return result_of(services.downloads.open_audio(services.caller(), gunid)).token


def _is_a_line(answer: Answer) -> bool:
    kind = answer.headers["content-type"]
    lines = answer.body.decode().splitlines(keepends=True)
    return kind == "text/plain; charset=UTF-8" and len(lines) == 1 and lines[0].endswith("\r\n")


@EACH_PATH
def test_bytes_are_received_without_a_word(front: WebFront, token: str, path: str) -> None:
    answer = front.ask("PUT", f"{path}?token={token}", body=b"abc")
    assert (answer.status, answer.body) == (200, b"")
    assert answer.headers["content-type"].startswith("text/plain")


@EACH_PATH
@pytest.mark.parametrize(
    "query",
    ["", "?token=", "?token=%00", "?token=0123456789abcde", "?token=0123456789abcdeg", "?x=1"],
)
def test_what_cannot_be_a_token_is_a_bad_request(front: WebFront, path: str, query: str) -> None:
    answer = front.ask("PUT", path + query, body=b"abc")
    assert answer.status == 400
    assert _is_a_line(answer)


@EACH_PATH
@pytest.mark.parametrize("unknown", ["0123456789abcdef", "0123456789ABCDEF", "0" * 32])
def test_an_unknown_token_is_no_right(front: WebFront, path: str, unknown: str) -> None:
    answer = front.ask("PUT", f"{path}?token={unknown}", body=b"abc")
    assert answer.status == 403
    assert answer.body.startswith(b"unknown, closed or expired ")
    assert _is_a_line(answer)


@EACH_PATH
def test_a_token_for_reading_is_no_right(front: WebFront, lease: str, path: str) -> None:
    answer = front.ask("PUT", f"{path}?token={lease}", body=b"abc")
    assert answer.status == 403
    assert _is_a_line(answer)


@EACH_PATH
def test_a_second_writer_has_to_wait(front: WebFront, token: str, path: str) -> None:
    first = front.connect()
    target = f"{path}?token={token}"
    first.send(f"PUT {target} HTTP/1.1\r\nHost: a\r\nContent-Length: 6\r\n\r\nabc".encode())
    answer = front.ask("PUT", target, body=b"xyz")
    assert answer.status == 409
    assert _is_a_line(answer)
    first.send(b"def")
    assert first.answer().status == 200


@EACH_PATH
def test_who_goes_on_elsewhere_is_told_where_it_stands(
    front: WebFront, token: str, path: str
) -> None:
    headers = {"content-range": "bytes 5-7/8"}
    answer = front.ask("PUT", f"{path}?token={token}", headers, b"abc")
    assert (answer.status, answer.headers["upload-offset"]) == (409, "0")
    assert _is_a_line(answer)


@EACH_PATH
def test_another_method_is_refused_in_text_too(front: WebFront, token: str, path: str) -> None:
    answer = front.ask("GET", f"{path}?token={token}")
    assert answer.status == 405
    assert "PUT" in answer.headers["allow"]
    assert _is_a_line(answer)


def test_our_own_address_keeps_its_problem_documents(front: WebFront, lease: str) -> None:
    for unknown, status in (("0123456789abcdef", 404), ("0" * 32, 404), (lease, 403)):
        answer = front.ask("PUT", f"/upload/{unknown}", body=b"abc")
        assert (answer.status, answer.problem["status"]) == (status, status)


@EACH_BASE
def test_what_is_read_is_below_the_old_base_too(
    front: WebFront, lease: str, wav: bytes, base: str
) -> None:
    answer = front.ask("GET", f"{base}/access/{lease.upper()}.wav")
    assert (answer.status, answer.body) == (200, wav)
    assert front.ask("HEAD", f"{base}/access/{lease}.wav").headers["content-length"] == str(
        len(wav)
    )
    part = front.ask("GET", f"{base}/access/{lease}.wav", {"range": "bytes=8-11"})
    assert (part.status, part.body) == (206, b"WAVE")
    assert front.ask("GET", f"{base}/access/{'0' * 32}.wav").status == 404


@EACH_BASE
def test_a_backup_is_below_the_old_base_too(
    front: WebFront, services: Services, wav: bytes, base: str
) -> None:
    services.store_clip(wav)
    token = result_of(services.backups.start(services.caller(), ALL))
    work_off(services)
    answer = front.ask("GET", f"{base}/access/{token}.tar")
    assert (answer.status, answer.headers["content-type"]) == (200, "application/x-tar")
    assert answer.body == front.ask("GET", f"/access/{token}.tar").body
