"""Ranges of remembered leases, over sockets: answered at once, and as everything else is."""

import re
import socket
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from fixtures.fix_http import WebFront, Wire, front_over, tone
from fixtures.fix_services import Services
from hypothesis import example, given, settings
from hypothesis import strategies as st
from support import in_flight, result_of
from twisted.internet.error import ConnectionDone
from twisted.internet.task import Clock
from twisted.python.failure import Failure

from archive_server.http.port import FilePort
from archive_server.http.transport import FileTransport
from archive_server.model.leases import LeaseKind
from archive_server.services.memories import Memories
from archive_server.services.remembering import Hearing

LONG = tone(220, 60)  # more than the buffers of two sockets take


class Reactor(Clock):
    """Notes who waits to write; the test lets them."""

    def __init__(self) -> None:
        super().__init__()
        self.writers: list[FileTransport] = []

    def addReader(self, reader: object) -> None:  # noqa: N802
        """The test hands over what is read."""

    removeReader = addReader  # noqa: N815

    def addWriter(self, writer: FileTransport) -> None:  # noqa: N802
        self.writers.append(writer)

    def removeWriter(self, writer: FileTransport) -> None:  # noqa: N802
        self.writers.remove(writer)


class Client:
    """A client over a real socket, to which the kernel sends files."""

    def __init__(self, front: WebFront) -> None:
        self.reactor = Reactor()
        with socket.create_server(("127.0.0.1", 0)) as listening:
            self.socket = socket.create_connection(listening.getsockname())
            accepted, address = listening.accept()
        self.socket.setblocking(False)
        self.accepted = accepted
        channel = front.site.buildProtocol(None)
        assert channel is not None, "the site takes connections"
        port = FilePort(0, front.site, reactor=self.reactor)
        self.transport = FileTransport(accepted, channel, address, port, 1, self.reactor)
        channel.makeConnection(self.transport)

    def ask(self, request: bytes) -> bytes:
        """All that is answered."""
        self.transport.protocol.dataReceived(request)
        return self.read()

    def read(self) -> bytes:
        """All that comes, when the server may go on writing."""
        received = b""
        while True:
            for writer in list(self.reactor.writers):
                writer.doWrite()
            try:
                some = self.socket.recv(1 << 20)
            except BlockingIOError:
                if not self.reactor.writers and not in_flight(self.accepted):
                    return received
                continue
            if not some:
                return received
            received += some

    def close(self) -> None:
        self.socket.close()
        if self.transport.connected:
            self.transport.connectionLost(Failure(ConnectionDone()))


@pytest.fixture
def remembering(services: Services) -> Iterator[WebFront]:
    """A site that remembers leases."""
    memories = Memories(Hearing(lambda: 0.0), most_leases=10)
    memories.heard(0.0)
    downloads = replace(services.downloads, memory=memories.leases)
    yield front_over(replace(services, downloads=downloads))
    memories.lost()


@pytest.fixture
def connect(remembering: WebFront) -> Iterator[Callable[[], Client]]:
    """Makes clients."""
    made: list[Client] = []

    def connect() -> Client:
        made.append(Client(remembering))
        return made[-1]

    yield connect
    for client in made:
        client.close()


def leased(front: WebFront, audio: bytes) -> str:
    """The path of a lease that is remembered."""
    services = front.services
    gunid = services.store_clip(audio, file_name="Größe.wav")
    lease = result_of(services.downloads.open_audio(services.caller(), gunid))
    path = f"/access/{lease.token}.wav"
    front.ask("HEAD", path)
    file = services.downloads.remembered(lease.token, "wav")
    assert file is not None
    file.content.close()
    return path


@pytest.fixture
def path(remembering: WebFront, wav: bytes) -> str:
    return leased(remembering, wav)


def asking(path: str, *lines: str, version: str = "1.1", method: str = "GET") -> bytes:
    head = "".join(f"{line}\r\n" for line in ("Host: a", *lines))
    return f"{method} {path} HTTP/{version}\r\n{head}\r\n".encode("latin-1")


def comparable(answer: bytes) -> bytes:
    """An answer without what the clock and chance put into it."""
    answer = re.sub(rb"Date: [^\r]*", b"Date: now", answer)
    return re.sub(rb"\b[0-9a-f]{32}\b", b"boundary", answer)


numbers = st.integers(0, 200_000) | st.just(176443)
ranges = st.builds(
    "bytes={}".format,
    st.lists(
        st.builds("{}-{}".format, numbers | st.just(""), numbers | st.just("")),
        min_size=1,
        max_size=2,
    ).map(",".join),
)


@settings(max_examples=60)
@given(
    wanted=ranges | st.sampled_from(["bytes", "lines=1-2", "bytes=5-", "bytes=-7", " bytes=1-2"]),
    more=st.lists(
        st.sampled_from(
            [
                "If-None-Match: *",
                "If-Range: Sat, 01 Jan 2000 00:00:00 GMT",
                "If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT",
                "Connection: close",
                "Range: bytes=1-2",
                "User-Agent: a",
            ]
        ),
        max_size=2,
        unique=True,
    ),
    version=st.sampled_from(["1.1", "1.0"]),
    method=st.sampled_from(["GET", "HEAD"]),
)
@example(wanted="bytes=0-0", more=[], version="1.1", method="GET")
@example(wanted="bytes=100-70000", more=["User-Agent: a"], version="1.1", method="GET")
def test_an_answer_at_hand_is_that_of_the_long_way(
    remembering: WebFront,
    connect: Callable[[], Client],
    path: str,
    wanted: str,
    more: list[str],
    version: str,
    method: str,
) -> None:
    request = asking(path, f"Range: {wanted}", *more, version=version, method=method)
    wire: Wire = remembering.connect()  # to which the kernel cannot send
    wire.send(request)
    for _ in range(3):  # and as it is when its head is known
        assert comparable(connect().ask(request)) == comparable(wire.unread)


def is_at_hand(front: WebFront, client: Client, request: bytes) -> bool:
    """Whether a request can be answered at once."""
    found = front.site.known_heads.find(request)
    if found is None:
        return False
    head, _, asked = found
    if head.at_hand is None or asked is None:
        return False
    answer = head.at_hand.prepared(client.transport.protocol, asked[1], asked[2])
    if answer is None:
        return False
    answer.file.content.close()  # type: ignore[attr-defined]
    return True


def fill(client: Client, wanted: bytes) -> int:
    """Ask for the same until it does not go out at once; how often that was."""
    for times in range(1, 20):
        client.transport.protocol.dataReceived(wanted)
        if client.reactor.writers:
            return times
    raise AssertionError("it takes all")


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        (["Range: bytes=7-9"], True),
        (["range: bytes=70-2000000"], True),
        (["Range: bytes=7-9", "User-Agent: a"], True),
        (["Range: bytes=9-7"], False),
        (["Range: bytes=7-"], False),
        (["Range: bytes=1000000-1000001"], False),
        (["Range: bytes=7-" + 50 * "9"], False),
        (["Range: bytes=7-1_0"], False),
        (["Range: bytes=+7-9"], False),
        (["X-Range: bytes=7-9"], False),
        (["Range: bytes=7-9", "If-Range: *"], False),
        (["Range: bytes=7-9", "Cookie: a=b"], False),
        (["Range: bytes=7-9", "Connection: close"], False),
    ],
)
def test_a_single_range_is_at_hand_when_one_like_it_was_asked_for(
    remembering: WebFront,
    connect: Callable[[], Client],
    path: str,
    lines: list[str],
    expected: bool,
) -> None:
    client, before = connect(), [lines[0].partition("=")[0] + "=0-0", *lines[1:]]
    assert not is_at_hand(remembering, client, asking(path, *lines))
    client.ask(asking(path, *before))
    assert is_at_hand(remembering, connect(), asking(path, *lines)) is expected


def test_a_range_in_a_connection_that_is_busy_waits_its_turn(
    remembering: WebFront, connect: Callable[[], Client]
) -> None:
    path = leased(remembering, LONG)
    client = connect()
    client.ask(asking(path, "Range: bytes=0-0"))
    times = fill(client, asking(path, "Range: bytes=0-4000000"))
    client.transport.protocol.dataReceived(asking(path, "Range: bytes=5-9"))
    received = client.read()
    for _ in range(times):
        head, _, rest = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 206")
        body, received = rest[:4000001], rest[4000001:]
        assert body == LONG[:4000001]
    assert received.endswith(b"\r\n\r\n" + LONG[5:10])


def test_a_client_that_is_sent_home_is_told_with_a_range_at_hand(
    remembering: WebFront, connect: Callable[[], Client], path: str, wav: bytes
) -> None:
    client = connect()
    client.ask(asking(path, "Range: bytes=0-0"))
    remembering.site.is_leaving = True
    answer = client.ask(asking(path, "Range: bytes=0-9"))
    assert b"\r\nConnection: close\r\n" in answer
    assert answer.endswith(wav[:10])
    assert client.reactor.writers == []
    assert not client.transport.connected or client.transport.disconnecting


def test_a_client_that_leaves_just_when_all_is_sent_is_told_of_once(
    remembering: WebFront,
    connect: Callable[[], Client],
    path: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    client = connect()
    client.ask(asking(path, "Range: bytes=0-0"))
    told: list[Any] = []
    monkeypatch.setattr(client.reactor, "tellSoon", lambda *each: told.append(each), raising=False)
    client.transport.protocol.dataReceived(asking(path, "Range: bytes=0-9"))
    (act, what), *others = told
    assert not others
    before = remembering.site._measurements.snapshot()["requests"]
    client.close()
    act(what)
    requests = remembering.site._measurements.snapshot()["requests"]
    assert sum(each[3] for each in requests) == sum(each[3] for each in before) + 1
    assert not remembering.downloads._answering
    assert not client.transport.connected


def test_a_lease_is_in_use_while_a_range_at_hand_is_sent(
    remembering: WebFront, connect: Callable[[], Client]
) -> None:
    path = leased(remembering, LONG)
    client = connect()
    client.ask(asking(path, "Range: bytes=0-0"))
    fill(client, asking(path, "Range: bytes=0-4000000"))
    clock, memory = remembering.services.clock, remembering.services.downloads.memory
    token = path.split("/")[2].removesuffix(".wav")

    def is_noted() -> bool:
        known = memory.find(token)
        return known is not None and known.noted_at == clock()

    clock.advance(timedelta(minutes=2))
    result_of(remembering.downloads.touch())
    assert is_noted(), "whoever reads it slowly uses it"
    clock.advance(timedelta(minutes=2))
    remembering.clock.advance(61)
    client.read()
    assert is_noted(), "it was in use until now"
    clock.advance(timedelta(minutes=2))
    result_of(remembering.downloads.touch())
    assert not is_noted()


def test_ranges_in_a_row_are_answered_in_order(
    path: str, connect: Callable[[], Client], wav: bytes
) -> None:
    asked = [asking(path, f"Range: bytes={first}-{first + 999}") for first in range(0, 9000, 1000)]
    received = connect().ask(b"".join(asked))
    bodies = [part[:1000] for part in received.split(b"\r\n\r\n")[1:]]
    assert b"".join(bodies) == wav[:9000]


def test_a_client_that_reads_slowly_gets_all_of_a_range(
    remembering: WebFront, connect: Callable[[], Client]
) -> None:
    path = leased(remembering, LONG)
    client = connect()
    client.transport.protocol.dataReceived(asking(path, "Range: bytes=0-4000000") * 2)
    assert client.reactor.writers, "not all of it has gone out at once"
    received = client.read()
    for _ in range(2):
        head, _, rest = received.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 206")
        body, received = rest[:4000001], rest[4000001:]
        assert body == LONG[:4000001]
    assert received == b""


@pytest.mark.parametrize("is_known", [False, True])
def test_a_client_that_leaves_lets_go_of_the_file(
    remembering: WebFront, connect: Callable[[], Client], is_known: bool
) -> None:
    path = leased(remembering, LONG)
    token = path.split("/")[2].removesuffix(".wav")
    downloads = remembering.services.downloads
    file = downloads.remembered(token, "wav")
    assert file is not None
    client = connect()
    if is_known:
        client.ask(asking(path, "Range: bytes=0-0"))
    fill(client, asking(path, "Range: bytes=0-4000000") * (1 if is_known else 2))
    client.close()
    file.content.close()
    result_of(downloads.close(token, LeaseKind.AUDIO))
    downloads.memory.forget(token)
    assert file.content.closed


def test_a_lease_that_is_closed_is_not_at_hand(
    remembering: WebFront, path: str, connect: Callable[[], Client], wav: bytes
) -> None:
    token = path.split("/")[2].removesuffix(".wav")
    client = connect()
    assert client.ask(asking(path, "Range: bytes=0-9")).endswith(wav[:10])
    downloads = remembering.services.downloads
    result_of(downloads.close(token, LeaseKind.AUDIO))
    downloads.memory.forget(token)  # as the notice of it does
    assert client.ask(asking(path, "Range: bytes=0-9")).startswith(b"HTTP/1.1 404")
