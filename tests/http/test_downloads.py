"""Bytes out: leases, clips and revisions, as RFC 9110 has it."""

import base64
import email.message
import email.policy
import errno
import gc
import hashlib
import os
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from email.parser import BytesParser
from pathlib import Path

import pytest
from fixtures.fix_http import Answer, WebFront, Wire, front_over, tone
from fixtures.fix_services import Services
from hypothesis import given, settings
from hypothesis import strategies as st
from support import result_of

from archive_server.http.sending import BLOCK
from archive_server.model.gunid import Gunid
from archive_server.model.leases import LeaseKind
from archive_server.model.users import Role
from archive_server.services.accesses import Accesses

OTHER = tone(880, 1)
LONG = tone(220, 4)


@pytest.fixture
def gunid(front: WebFront, wav: bytes) -> Gunid:
    """A clip with one revision."""
    return front.services.store_clip(wav, file_name="Größe.WAV")


@pytest.fixture
def url(front: WebFront, gunid: Gunid) -> str:
    """The path of a lease of the clip."""
    caller = front.services.caller(Role.CLIENT)
    lease = result_of(front.services.downloads.open_audio(caller, gunid))
    return f"/access/{lease.token}.wav"


@pytest.fixture
def session(front: WebFront) -> dict[str, str]:
    return {"authorization": f"Bearer {front.services.session_id(Role.CLIENT)}"}


def _long_clip(front: WebFront) -> str:
    """The path of a lease of audio that is sent in more than one block."""
    services = front.services
    gunid = services.store_clip(LONG, file_name="long.wav")
    lease = result_of(services.downloads.open_audio(services.caller(), gunid))
    return f"/access/{lease.token}.wav"


def _until(end: int, read: Callable[[int, int, int], bytes]) -> Callable[[int, int, int], bytes]:
    """Reading from a file that ends earlier than it says."""
    return lambda fd, count, offset: read(fd, max(0, min(count, end - offset)), offset)


def _parts(answer: Answer) -> list[tuple[str, bytes]]:
    """The parts of a multipart body: their Content-Range and bytes."""
    head = f"Content-Type: {answer.headers['content-type']}\r\n\r\n".encode()
    message: email.message.EmailMessage = BytesParser(policy=email.policy.HTTP).parsebytes(
        head + answer.body
    )
    assert [part.get_content_type() for part in message.iter_parts()] == [
        "audio/x-wav" for _ in message.iter_parts()
    ]
    boundary = b"\r\n--" + message.get_boundary("").encode()
    bodies = (b"\r\n" + answer.body).split(boundary)[1:-1]
    return [
        (str(part["content-range"]), body.partition(b"\r\n\r\n")[2])
        for part, body in zip(message.iter_parts(), bodies, strict=True)
    ]


def test_a_lease_gives_the_bytes_and_says_what_they_are(
    front: WebFront, url: str, wav: bytes
) -> None:
    answer = front.ask("GET", url)
    assert (answer.status, answer.body) == (200, wav)
    digest = hashlib.sha256(wav)
    assert dict(answer.headers.items()) | {"Date": "", "Last-Modified": ""} == {
        "Accept-Ranges": "bytes",
        "Cache-Control": "private, no-cache",
        "Content-Disposition": 'inline; filename="Groe.wav"; '
        "filename*=UTF-8''Gr%C3%B6%C3%9Fe.wav",
        "Content-Length": str(len(wav)),
        "Content-Type": "audio/x-wav",
        "Date": "",
        "ETag": f'"{digest.hexdigest()}"',
        "Last-Modified": "",
        "Repr-Digest": f"sha-256=:{base64.b64encode(digest.digest()).decode()}:",
        "Server": "archive-server",
        "X-Content-Type-Options": "nosniff",
    }


@pytest.mark.parametrize("headers", [{}, {"range": "bytes=5-9"}, {"if-match": '"x"'}])
def test_a_head_is_a_get_without_its_body(
    front: WebFront, url: str, headers: dict[str, str]
) -> None:
    head = front.ask("HEAD", url, headers)
    # Ranges are for GET only (RFC 9110, 14.2).
    get = front.ask("GET", url, {name: value for name, value in headers.items() if name != "range"})
    assert (head.status, head.body) == (get.status, b"")
    assert head.headers.items() == get.headers.items()


class TestRanges:
    """Parts of a file."""

    @pytest.mark.parametrize(
        ("asked", "start", "stop"), [("0-0", 0, 1), ("1000-", 1000, None), ("-7", -7, None)]
    )
    def test_one_range(
        self, front: WebFront, url: str, wav: bytes, asked: str, start: int, stop: int | None
    ) -> None:
        answer = front.ask("GET", url, {"range": f"bytes={asked}"})
        assert (answer.status, answer.reason) == (206, "Partial Content")
        assert answer.body == wav[start:stop]
        first = start % len(wav)
        assert answer.headers["content-range"] == (
            f"bytes {first}-{first + len(answer.body) - 1}/{len(wav)}"
        )
        assert answer.headers["content-type"] == "audio/x-wav"
        assert answer.headers["repr-digest"]

    def test_several_ranges(self, front: WebFront, url: str, wav: bytes) -> None:
        answer = front.ask("GET", url, {"range": "bytes=-2,0-9,100-149"})
        assert answer.status == 206
        assert "content-range" not in answer.headers
        size = len(wav)
        assert _parts(answer) == [
            (f"bytes {size - 2}-{size - 1}/{size}", wav[-2:]),
            (f"bytes 0-9/{size}", wav[:10]),
            (f"bytes 100-149/{size}", wav[100:150]),
        ]

    def test_a_range_behind_the_end(self, front: WebFront, url: str, wav: bytes) -> None:
        answer = front.ask("GET", url, {"range": f"bytes={len(wav)}-"})
        assert answer.status == 416
        assert answer.headers["content-range"] == f"bytes */{len(wav)}"
        assert answer.problem["status"] == 416
        assert "etag" not in answer.headers

    @pytest.mark.parametrize("asked", ["bytes=9-5", "lines=1-2", "bytes=", "bytes=" + "0-0," * 101])
    def test_no_range_at_all(self, front: WebFront, url: str, wav: bytes, asked: str) -> None:
        answer = front.ask("GET", url, {"range": asked})
        assert (answer.status, answer.body) == (200, wav)

    @settings(max_examples=60)
    @given(ends=st.lists(st.tuples(st.integers(0, 180000), st.integers(0, 180000)), min_size=1))
    def test_any_ranges_give_what_slicing_gives(
        self, front: WebFront, url: str, wav: bytes, ends: list[tuple[int, int]]
    ) -> None:
        spans = sorted((min(pair), max(pair)) for pair in ends)
        asked = ",".join(f"{first}-{last}" for first, last in spans)
        answer = front.ask("GET", url, {"range": f"bytes={asked}"})
        wanted = set().union(*(range(len(wav))[first : last + 1] for first, last in spans))
        if answer.status == 416:
            assert not wanted
            return
        if answer.status == 200:
            parts = [(f"bytes 0-{len(wav) - 1}/{len(wav)}", answer.body)]
            wanted = set(range(len(wav)))
        elif "content-range" in answer.headers:
            parts = [(answer.headers["content-range"], answer.body)]
        else:
            parts = _parts(answer)
        got: set[int] = set()
        for where, body in parts:
            first = int(where.split()[1].split("-")[0])
            assert body == wav[first : first + len(body)]
            got |= set(range(first, first + len(body)))
        assert got == wanted


class TestConditions:
    """Only if."""

    def test_what_the_client_has_is_not_sent(self, front: WebFront, url: str) -> None:
        first = front.ask("GET", url)
        for headers in (
            {"if-none-match": first.headers["etag"]},
            {"if-modified-since": first.headers["last-modified"]},
        ):
            for method in ("GET", "HEAD"):
                answer = front.ask(method, url, headers)
                assert (answer.status, answer.body) == (304, b"")
                assert answer.headers["etag"] == first.headers["etag"]
                assert "content-length" not in answer.headers
                assert "content-type" not in answer.headers

    def test_other_bytes_than_expected_are_not_sent(self, front: WebFront, url: str) -> None:
        answer = front.ask("GET", url, {"if-match": '"other"'})
        assert (answer.status, answer.problem["title"]) == (412, "Precondition Failed")

    def test_a_range_of_other_bytes_is_the_whole(
        self, front: WebFront, url: str, wav: bytes
    ) -> None:
        etag = front.ask("HEAD", url).headers["etag"]
        same = front.ask("GET", url, {"range": "bytes=0-4", "if-range": etag})
        assert (same.status, same.body) == (206, wav[:5])
        other = front.ask("GET", url, {"range": "bytes=0-4", "if-range": '"other"'})
        assert (other.status, other.body) == (200, wav)
        behind = front.ask("GET", url, {"range": "bytes=999999-", "if-range": '"other"'})
        assert behind.status == 200


class TestByGunid:
    """Audio by the clip's name, for whoever has a session."""

    def test_the_current_revision(
        self, front: WebFront, gunid: Gunid, session: dict[str, str], wav: bytes
    ) -> None:
        assert front.ask("GET", f"/clips/{gunid}/audio.wav", session).body == wav
        front.services.store_clip(OTHER, gunid=gunid)
        assert front.ask("GET", f"/clips/{gunid}/audio.wav", session).body == OTHER

    def test_any_revision(
        self, front: WebFront, gunid: Gunid, session: dict[str, str], wav: bytes
    ) -> None:
        front.services.store_clip(OTHER, gunid=gunid)
        assert front.ask("GET", f"/clips/{gunid}/revisions/1/audio.wav", session).body == wav
        assert front.ask("GET", f"/clips/{gunid}/revisions/2/audio.wav", session).body == OTHER
        assert front.ask("GET", f"/clips/{gunid}/revisions/3/audio.wav", session).status == 404

    def test_a_session_is_shown_in_three_ways(self, front: WebFront, gunid: Gunid) -> None:
        session_id = front.services.session_id(Role.CLIENT)
        path = f"/clips/{gunid}/audio.wav"
        assert front.ask("HEAD", path, {"authorization": f"bearer {session_id}"}).status == 200
        assert front.ask("HEAD", path, {"cookie": f"a=b; sessid={session_id}"}).status == 200
        assert front.ask("HEAD", f"{path}?sessid={session_id}").status == 200

    @pytest.mark.parametrize(
        "headers",
        [
            {},
            {"authorization": "Bearer " + "0" * 32},
            {"authorization": "Bearer"},
            {"authorization": "Basic cm9vdDpyb290"},
            {"cookie": "sessid="},
            {"cookie": "sessid=\xe4"},
        ],
    )
    def test_nobody_reads_without_a_session(
        self, front: WebFront, gunid: Gunid, headers: dict[str, str]
    ) -> None:
        answer = front.ask("GET", f"/clips/{gunid}/audio.wav", headers)
        assert (answer.status, answer.problem["fault_code"]) == (401, 805)
        assert answer.headers["www-authenticate"].startswith("Bearer")

    @pytest.mark.parametrize(
        ("path", "status"),
        [
            ("/clips/{gunid}/audio.mp3", 404),
            ("/clips/{gunid}/revisions/1/audio.ogg", 404),
            ("/clips/{gunid}/revisions/0/audio.wav", 404),
            ("/clips/{gunid}/revisions/999999999/audio.wav", 404),
            ("/clips/{gunid}/revisions/-1/audio.wav", 404),
            ("/clips/{gunid}/revisions/99999999999999999999/audio.wav", 404),
            ("/clips/0000000000000001/audio.wav", 404),
            ("/clips/nonsense/audio.wav", 400),
            ("/clips/%00/audio.wav", 400),
            ("/clips/../audio.wav", 400),
            ("/clips/{gunid}/", 404),
        ],
    )
    def test_what_is_not_there(
        self, front: WebFront, gunid: Gunid, session: dict[str, str], path: str, status: int
    ) -> None:
        assert front.ask("GET", path.format(gunid=gunid), session).status == status


class TestLeases:
    """The token is the right to read, and pins what is read."""

    def test_a_replace_does_not_change_what_is_read(
        self, front: WebFront, url: str, gunid: Gunid, wav: bytes
    ) -> None:
        front.services.store_clip(OTHER, gunid=gunid)
        first = front.ask("GET", url, {"range": "bytes=0-99"})
        rest = front.ask("GET", url, {"range": "bytes=100-", "if-range": first.headers["etag"]})
        assert first.body + rest.body == wav

    def test_the_extension_must_be_the_true_one(self, front: WebFront, url: str) -> None:
        assert front.ask("GET", url.replace(".wav", ".ogg")).status == 404

    def test_a_closed_lease_is_unknown(self, front: WebFront, url: str) -> None:
        result_of(front.services.downloads.close(url[8:40], LeaseKind.AUDIO))
        answer = front.ask("GET", url)
        assert (answer.status, answer.problem["title"]) == (404, "Unknown token")

    def test_an_expired_lease_is_unknown(self, front: WebFront, url: str) -> None:
        front.services.clock.advance(timedelta(days=2))
        assert front.ask("GET", url).status == 404

    def test_reading_keeps_a_lease_alive(self, front: WebFront, url: str) -> None:
        for _ in range(4):
            front.services.clock.advance(timedelta(hours=13))
            assert front.ask("HEAD", url).status == 200

    def test_a_document_is_read_like_audio(self, front: WebFront, gunid: Gunid) -> None:
        services = front.services
        lease = result_of(services.downloads.open_document(services.caller(), gunid))
        path = f"/access/{lease.token}.xml"
        answer = front.ask("GET", path)
        assert answer.status == 200
        assert hashlib.md5(answer.body).hexdigest() == lease.md5
        assert int(answer.headers["content-length"]) == lease.size
        digest = hashlib.sha256(answer.body)
        assert answer.headers["content-type"] == "application/xml"
        assert answer.headers["etag"] == f'"{digest.hexdigest()}"'
        expected = base64.b64encode(digest.digest()).decode()
        assert answer.headers["repr-digest"] == f"sha-256=:{expected}:"
        assert answer.headers["content-disposition"].startswith("attachment;")
        part = front.ask("GET", path, {"range": "bytes=-9"})
        assert (part.status, part.body) == (206, answer.body[-9:])
        assert front.ask("HEAD", path).headers["content-length"] == str(lease.size)

    def test_a_lease_of_a_local_file_is_not_for_this(self, front: WebFront, gunid: Gunid) -> None:
        local = result_of(front.services.downloads.open_file(front.services.caller(), gunid))
        assert front.ask("GET", f"/access/{local.token}.wav").status == 403

    @pytest.mark.parametrize(
        "path",
        [
            "/access/" + "0" * 32 + ".wav",
            "/access/x.wav",
            "/access/../../etc/passwd",
            "/access/%2e%2e%2f.wav",
            "/access/",
        ],
    )
    def test_a_token_that_was_never_given_out(self, front: WebFront, path: str) -> None:
        assert front.ask("GET", path).status == 404


class TestWhenTheDiskFails:
    """What clients see of it."""

    @pytest.fixture(autouse=True)
    def nothing_is_cached(self, monkeypatch: pytest.MonkeyPatch) -> None:
        def would_block(*_: object) -> int:
            raise BlockingIOError

        monkeypatch.setattr(os, "preadv", would_block)

    def test_a_store_that_is_away_is_unavailable(self, front: WebFront, url: str) -> None:
        front.services.store.root.rename(front.services.store.root.with_name("elsewhere"))
        answer = front.ask("GET", url)
        assert (answer.status, answer.problem["fault_code"]) == (503, 804)
        assert int(answer.headers["retry-after"]) > 0
        assert str(front.services.store.root) not in answer.body.decode()

    def test_a_file_that_is_too_short_breaks_the_connection(
        self, front: WebFront, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """So that nobody takes a part for the whole."""
        path = _long_clip(front)
        monkeypatch.setattr(os, "pread", _until(BLOCK + 1000, os.pread))
        wire = front.connect()
        wire.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        assert wire.transport.is_aborted
        assert len(wire.unread) < BLOCK + 1000

    def test_a_file_that_cannot_be_read_is_unavailable(
        self, front: WebFront, url: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def broken(*_: object) -> bytes:
            raise OSError(errno.EIO, "Input/output error", "/var/lib/secret")

        monkeypatch.setattr(os, "pread", broken)
        answer = front.ask("GET", url)
        assert (answer.status, answer.problem["fault_code"]) == (503, 804)
        assert b"secret" not in answer.body
        assert "etag" not in answer.headers
        assert "content-disposition" not in answer.headers


class TestSlowClients:
    """Who takes no more gets no more."""

    @pytest.fixture
    def path(self, front: WebFront) -> str:
        return _long_clip(front)

    @pytest.fixture
    def wire(self, front: WebFront, path: str, monkeypatch: pytest.MonkeyPatch) -> Wire:
        """A connection that is full after each block."""
        wire = front.connect()
        write = wire.transport.write

        def write_and_be_full(some: bytes) -> None:
            write(some)
            wire.channel.pauseProducing()

        monkeypatch.setattr(wire.transport, "write", write_and_be_full)
        wire.send(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        return wire

    def test_one_block_is_sent_after_the_other(self, front: WebFront, wire: Wire) -> None:
        assert BLOCK <= len(wire.unread) < BLOCK + 2000
        assert front.site.transfers == 1
        wire.channel.resumeProducing()
        assert wire.answer().body == LONG
        assert front.site.transfers == 0

    def test_a_lease_is_in_use_while_they_wait(
        self, front: WebFront, path: str, wire: Wire
    ) -> None:
        front.services.clock.advance(timedelta(hours=23))
        result_of(front.downloads.touch())
        front.services.clock.advance(timedelta(hours=23))
        assert front.ask("HEAD", path).status == 200
        front.services.clock.advance(timedelta(hours=23))
        wire.channel.resumeProducing()
        assert wire.answer().body == LONG
        front.services.clock.advance(timedelta(hours=23))
        assert front.ask("HEAD", path).status == 200, "the end of a download is a use"

    def test_those_who_leave_free_the_file(self, front: WebFront, wire: Wire) -> None:
        wire.leave()
        assert front.site.transfers == 0
        gc.collect()
        content = str(front.services.store.root / "content")
        open_files = [
            str(link.readlink()) for link in Path("/proc/self/fd").iterdir() if link.exists()
        ]
        assert not [path for path in open_files if path.startswith(content)]


def test_other_methods_are_told_which_ones_there_are(front: WebFront, url: str) -> None:
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        answer = front.ask(method, url, body=b"x")
        assert (answer.status, answer.headers["allow"]) == (405, "GET, HEAD")
        assert answer.problem["status"] == 405


def test_a_refused_request_leaves_the_connection_open(front: WebFront, url: str) -> None:
    wire = front.connect()
    assert wire.ask("DELETE", url).status == 405
    assert wire.ask("GET", "/nowhere").status == 404
    assert wire.ask("GET", url, {"range": "bytes=0-3"}).body == b"RIFF"
    assert not wire.is_closed


def test_where_a_reader_is_gets_into_the_journal(services: Services, wav: bytes) -> None:
    noted = replace(services.downloads, accesses=Accesses(are_noted=True))
    front = front_over(replace(services, downloads=noted))
    gunid = services.store_clip(wav)
    session = services.session_id(Role.CLIENT)
    headers = {"authorization": f"Bearer {session}"}
    answer = front.connect("192.0.2.7").ask("GET", f"/clips/{gunid}/audio.wav", headers)
    assert answer.status == 200
    *_, event = result_of(services.journal.read(0)).events
    assert (event.kind, event.login, event.address) == ("accessed", "client", "192.0.2.7")
