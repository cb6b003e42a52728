"""What arrives at the HTTP port: requests, pieces of them, and what is none.

An input is a byte that says how it is cut into pieces, and then what is sent, in which `{upload}`,
`{lease}`, `{clip}` and `{session}` stand for what the archive has given out.
"""

import atexit
import re
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from random import Random
from typing import Any

from fixtures.fix_http import Wire, front_over, tone
from fixtures.fix_services import Services, services_over
from support import DirectDatabase, result_of
from twisted.internet.task import Clock
from twisted.logger import globalLogPublisher

from archive_server.database.connections import connect
from archive_server.http.measurements import Measurements
from archive_server.http.site import ArchiveSite
from archive_server.model.users import Role
from audio_store import AudioStore
from audio_store.probe import Prober
from fuzz.costs import in_time
from fuzz.surroundings import surroundings

TOKENS = (
    b"GET ", b"HEAD ", b"PUT ", b"PATCH ", b"POST ", b"OPTIONS ", b"DELETE ", b"CONNECT ", b"BREW ",
    b" HTTP/1.1\r\n", b" HTTP/1.0\r\n", b" HTTP/2.0\r\n", b"Host: a\r\n", b"\r\n\r\n", b"\r\n",
    b"/access/{lease}.wav", b"/upload/{upload}", b"/clips/{clip}/audio.wav", b"?sessid={session}",
    b"/clips/{clip}/revisions/1/audio.wav", b"/RPC2", b"/livez", b"/readyz", b"*", b"%00", b"%2e",
    b"Range: bytes=", b"If-Range: ", b"If-None-Match: *\r\n", b"If-Match: ", b'"a", W/"b"',
    b"If-Modified-Since: ", b"Sun, 22 Nov 2026 06:00:00 GMT", b"Content-Length: ",
    b"Content-Range: ",
    b"bytes 0-4/10", b"bytes */10", b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n",
    b"0\r\n\r\n", b"Expect: 100-continue\r\n", b"Connection: close\r\n",
    b"Connection: keep-alive",
    b"Connection: Upgrade\r\nUpgrade: h2c\r\n", b"Tus-Resumable: 1.0.0\r\n",
    b"Upload-Offset: 0\r\n",
    b"Upload-Length: 10\r\n", b"Content-Type: application/offset+octet-stream\r\n",
    b"X-HTTP-Method-Override: PATCH\r\n", b"Cookie: sessid=",
    b"Authorization: Bearer {session}\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"http://a/livez", b"\x16\x03\x01", b": ", b"\t", b"\0",
    b"/campcasterStorageServer/xmlrpc/put.php?token={upload}", b"99999999999999999999",
)  # fmt: skip

_STATUS_LINE = re.compile(rb"HTTP/1\.[01] ([1-5][0-9]{2}) [ -~]+")
_HEADER = re.compile(rb"([A-Za-z0-9-]+): ([^\r\n\0]*)")
_BODILESS = (204, 304)
_REFUSALS = (400, 408, 414, 429, 431, 503)
_GO_ON = b"HTTP/1.1 100 Continue\r\n\r\n"
_BOUNDARIES = re.compile(rb"multipart/byteranges; boundary=([^\r]+)\r\n")
_DATES = re.compile(rb"Date: [^\r]*\r\n")


def fuzz_one(data: bytes) -> None:
    """Send it whole, and in pieces; look at each answer, and compare."""
    archive = _archive()
    sent = archive.named(data[1:])
    with in_time(len(data)):
        whole = _answered(archive, [sent])
    in_pieces = _answered(archive, _pieces(sent, data[0] if data else 0))
    assert in_pieces == whole, "how the network cuts a request changes nothing"


def _pieces(sent: bytes, how: int) -> list[bytes]:
    if how == 0:
        return [sent[place : place + 1] for place in range(len(sent))]
    random = Random(how)
    cuts = sorted(random.randint(0, len(sent)) for _ in range(how % 16))
    pieces = [sent[start:stop] for start, stop in zip([0, *cuts], [*cuts, len(sent)], strict=True)]
    return [piece for piece in pieces if piece]


@dataclass
class _Counted(Measurements):
    """Remembers which requests were answered, and how."""

    answers: list[tuple[str, int | str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        super().__init__()

    def request_done(self, route: str, verb: str, status: int | str, *more: Any) -> None:
        super().request_done(route, verb, status, *more)
        self.answers.append((verb, status))


@dataclass(frozen=True)
class _Archive:
    """An archive with a clip, a lease, a session and an upload, which it has again each time."""

    services: Services
    site: ArchiveSite
    clock: Clock
    counted: _Counted
    names: Mapping[bytes, bytes]
    failures: list[Any]

    def named(self, sent: bytes) -> bytes:
        for name, value in self.names.items():
            sent = sent.replace(b"{" + name + b"}", value)
        return sent

    @contextmanager
    def as_it_was(self) -> Iterator[None]:
        """Undo what is done: in the database, on the disk, on the clock."""
        with self.services.database.connection.cursor() as cursor:
            cursor.execute("SAVEPOINT example")
            try:
                yield
            finally:
                cursor.execute("ROLLBACK TO SAVEPOINT example; RELEASE SAVEPOINT example")
        staging = self.services.store.root / "staging"
        for left in staging.iterdir():
            left.unlink()
        self.counted.answers.clear()
        self.failures.clear()


def _answered(archive: _Archive, pieces: Sequence[bytes]) -> tuple[bytes, bool]:
    """What is written to somebody who sends this and leaves; and whether we closed first."""
    with archive.as_it_was():
        wire = Wire(archive.site)
        for piece in pieces:
            wire.send(piece)
        # Who has sent a body unasked need not be told to send it.
        written = wire.unread.replace(_GO_ON, b"")
        is_closed, is_aborted = wire.is_closed, wire.transport.is_aborted
        answers = list(archive.counted.answers)
        wire.leave()
        assert not archive.site.connections, "who has left is forgotten"
        assert not archive.clock.getDelayedCalls(), "nothing waits for who has left"
        assert not archive.failures, archive.failures
        assert not is_aborted, "nothing has failed in the middle of an answer"
        rest = _without_answers(written, [each for each in answers if each[1] != "unanswered"])
        assert len(rest) > 0 or all(status != "unanswered" for _, status in answers)
        assert rest == b"" or (is_closed and _is_refusal(rest)), rest[:200]
    return _as_it_always_is(written), is_closed


def _as_it_always_is(written: bytes) -> bytes:
    """Answers without what is another each time: dates, and what separates parts."""
    for boundary in _BOUNDARIES.findall(written):
        written = written.replace(boundary, b"boundary")
    return _DATES.sub(b"", written)


def _without_answers(written: bytes, answers: Sequence[tuple[str, int | str]]) -> bytes:
    """What is left of what was written when these answers were taken from it."""
    for verb, status in answers:
        found, headers, written = _without_head(written)
        assert found == status
        if status in _BODILESS:
            assert b"content-length" not in headers
            continue
        size = int(headers[b"content-length"])
        if verb != "HEAD":
            assert len(written) >= size, "an answer is whole"
            written = written[size:]
    return written


def _is_refusal(written: bytes) -> bool:
    """Whether it is all of an answer to what is no request."""
    status, headers, body = _without_head(written)
    told = int(headers[b"content-length"]) == len(body)
    return status in _REFUSALS and headers[b"connection"] == b"close" and told


def _without_head(written: bytes) -> tuple[int, dict[bytes, bytes], bytes]:
    head, end, rest = written.partition(b"\r\n\r\n")
    assert end, "a head has an end"
    status_line, *lines = head.split(b"\r\n")
    told = _STATUS_LINE.fullmatch(status_line)
    assert told, status_line
    matches = [_HEADER.fullmatch(line) for line in lines]
    assert all(matches), lines
    headers = [(match[1].lower(), match[2]) for match in matches if match]
    assert len(dict(headers)) == len(headers), "no header is there twice"
    return int(told[1]), dict(headers), rest


@cache
def _archive() -> _Archive:
    directory = surroundings().directory
    shutil.rmtree(directory / "store", ignore_errors=True)
    database = DirectDatabase(connect(surroundings().dsns["http_requests"]))
    prober = Prober(1)
    atexit.register(prober.close)
    services = services_over(database, AudioStore.create(directory / "store"), prober)
    counted = _Counted()
    front = front_over(services, measurements=counted)
    gunid = services.store_clip(tone(440, 0.2), file_name="tone.wav")
    caller = services.caller()
    upload = result_of(services.clips.start_upload(caller, None, "", "new.wav", ""))
    lease = result_of(services.downloads.open_audio(caller, gunid))
    names = {
        b"clip": str(gunid),
        b"upload": upload.token,
        b"lease": lease.token,
        b"session": services.session_id(Role.CLIENT),
    }
    failures: list[Any] = []

    def notice(event: Mapping[str, Any]) -> None:
        if "log_failure" in event:
            failures.append(event["log_failure"])

    globalLogPublisher.addObserver(notice)
    encoded = {name: value.encode() for name, value in names.items()}
    return _Archive(services, front.site, front.clock, counted, encoded, failures)
