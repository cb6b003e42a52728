"""Clients that take more than their share, or more time than that: cut off, and nobody else.

What has to do with time is tried over TCP and over TLS: there the kernel counts what is enciphered.
"""

import re
import select
import socket
import ssl
import time
import xmlrpc.client
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, ExitStack, contextmanager, suppress

import pytest
from fixtures.clients import Client, ask
from fixtures.fix_http import tone
from fixtures.fix_server import ArchiveProcess

from benchmarks.harness.certificate import make_certificate

AUDIO = tone(440, 200)  # 17 MB: more than kernels hold
CONFIG = """
[limits]
connections = 40
connections_per_address = 20
idle_s = 4
head_s = 2
body_pause_s = 2
slowest_sender = 2000
reader_pause_s = 5
waiting_bytes = 1_048_576
"""
PATIENCE_S = 20


@pytest.fixture(scope="module")
def strict(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ArchiveProcess]:
    """A server that has little patience."""
    directory = tmp_path_factory.mktemp("strict")
    made = make_certificate(directory)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    tls = (
        f'[tls]\nlisten = ["127.0.0.1:{port}"]\ncertificate = "{made.chain}"\nkey = "{made.key}"\n'
    )
    server = ArchiveProcess(directory / "data", CONFIG + tls)
    try:
        server.start()
        yield server
        assert server.stop() == 0
        assert not server.tracebacks()
    finally:
        server.kill()


@pytest.fixture(autouse=True)
def others_go_on(strict: ArchiveProcess) -> Iterator[None]:
    """Whatever somebody is refused: others come in during the test, and afterwards."""
    yield
    await_room(strict, "127.0.0.1")


@contextmanager
def connected(server: ArchiveProcess, address: str = "127.0.0.9") -> Iterator[socket.socket]:
    """A connection from an address of ours."""
    with socket.socket() as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        made.bind((address, 0))
        made.settimeout(PATIENCE_S)
        made.connect(server.address)
        yield made


def secure_address(server: ArchiveProcess) -> tuple[str, int]:
    found = re.search(r'listen = \["127.0.0.1:(\d+)"\]', server.config.read_text())
    assert found is not None
    return "127.0.0.1", int(found[1])


@contextmanager
def connected_securely(
    server: ArchiveProcess, address: str = "127.0.0.9"
) -> Iterator[socket.socket]:
    """The same, over TLS."""
    context = ssl.create_default_context()
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    with socket.socket() as made:
        made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 16 * 1024)
        made.bind((address, 0))
        made.settimeout(PATIENCE_S)
        made.connect(secure_address(server))
        with context.wrap_socket(made) as secured:
            yield secured


Connect = Callable[..., AbstractContextManager[socket.socket]]


@pytest.fixture(params=[connected, connected_securely], ids=["TCP", "TLS"])
def connect(request: pytest.FixtureRequest) -> Connect:
    made: Connect = request.param
    return made


def answer_of(client: socket.socket) -> bytes:
    """All that comes until the other side closes."""
    whole = b""
    with suppress(ConnectionResetError, ssl.SSLEOFError):
        while some := client.recv(65536):
            whole += some
    return whole


def is_let_in(client: socket.socket) -> bool:
    try:
        client.sendall(b"GET /livez HTTP/1.1\r\nHost: a\r\n\r\n")
        answer = client.recv(4096)
    except (ConnectionResetError, BrokenPipeError):  # refused before it asked
        return False
    assert answer.startswith((b"HTTP/1.1 200 OK", b"HTTP/1.1 503 Service Unavailable"))
    return answer.startswith(b"HTTP/1.1 200")


def await_room(server: ArchiveProcess, address: str) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while True:
        with connected(server, address) as client:
            if is_let_in(client):
                return
        assert time.monotonic() < deadline
        time.sleep(0.05)


def test_an_address_has_so_many_connections_and_others_theirs(strict):
    with ExitStack() as stack:
        held = [stack.enter_context(connected(strict, "127.0.0.2")) for _ in range(20)]
        assert all(is_let_in(each) for each in held)
        with connected(strict, "127.0.0.2") as one_more, connected(strict, "127.0.0.3") as other:
            assert b"Retry-After" in answer_of(one_more)
            assert is_let_in(other)
        held.pop().close()
        await_room(strict, "127.0.0.2")
    assert "127.0.0.2 has 20 connections" in strict.errors.read_text()
    told = ask("GET", f"{strict.url}/metrics").body.decode()
    (line,) = [line for line in told.splitlines() if "connections_refused_total{" in line]
    assert float(line.split()[1]) > 0


def test_there_are_so_many_connections_in_all(strict):
    with ExitStack() as stack:
        held = [stack.enter_context(connected(strict, f"127.0.1.{n % 4 + 1}")) for n in range(40)]
        assert all(is_let_in(each) for each in held)
        with connected(strict, "127.0.1.9") as one_more:
            assert answer_of(one_more).startswith(b"HTTP/1.1 503")
        held.pop().close()
        await_room(strict, "127.0.1.9")


@pytest.mark.slow
def test_who_rests_for_long_is_let_go(strict, connect):
    with connect(strict) as client:
        assert is_let_in(client)
        began = time.monotonic()
        assert client.recv(100) == b""
        assert 3 < time.monotonic() - began < PATIENCE_S


@pytest.mark.slow
@pytest.mark.parametrize("said", [b"", b"\x16\x03\x01\x02\x00\x01"], ids=["nothing", "half"])
def test_who_does_not_say_how_to_encipher_is_let_go(strict, said):
    with socket.create_connection(secure_address(strict), timeout=PATIENCE_S) as client:
        client.sendall(said)
        began = time.monotonic()
        with suppress(ConnectionResetError):
            assert client.recv(100) == b""
        assert time.monotonic() - began < PATIENCE_S


@pytest.mark.slow
def test_a_head_has_its_time_however_it_dribbles(strict, connect):
    with connect(strict) as client:
        began = time.monotonic()
        client.sendall(b"GET /livez HTTP/1.1\r\n")
        while not (answer := come(client)):
            client.sendall(b"X-A: b\r\n")
            time.sleep(0.1)
            assert time.monotonic() - began < 8
        assert answer.startswith(b"HTTP/1.1 408 Request Timeout")


def come(client: socket.socket) -> bytes:
    """What has come already."""
    client.setblocking(False)
    try:
        return client.recv(1000)
    except (BlockingIOError, ssl.SSLWantReadError):
        return b""
    finally:
        client.settimeout(PATIENCE_S)


@pytest.mark.slow
def test_a_call_that_does_not_come_is_not_waited_for(strict, connect):
    with connect(strict) as client:
        client.sendall(b"POST /RPC2 HTTP/1.1\r\nHost: a\r\nContent-Length: 1000\r\n\r\n<method")
        answer = answer_of(client)
    assert answer.startswith(b"HTTP/1.1 408 Request Timeout")
    assert b"Connection: close" in answer
    assert b"the body comes too slowly" in answer


@pytest.fixture
def client(strict: ArchiveProcess) -> Iterator[Client]:
    with Client(strict.url) as made:
        yield made


def put(server: ArchiveProcess, url: str, client: socket.socket) -> None:
    path = url[url.index("/upload/") :]
    head = f"PUT {path} HTTP/1.1\r\nHost: a\r\nContent-Length: 100000\r\n\r\n"
    client.sendall(head.encode())


@pytest.mark.slow
def test_an_upload_that_stops_keeps_what_has_come(strict, connect, client):
    url = client.open_upload("a.wav")["url"]
    with connect(strict) as slow:
        put(strict, url, slow)
        slow.sendall(bytes(5000))
        assert answer_of(slow).startswith(b"HTTP/1.1 408 Request Timeout")
    assert ask("HEAD", url).headers["upload-offset"] == "5000"
    rest = {"content-range": "bytes 5000-9999/100000"}
    assert ask("PUT", url, bytes(5000), rest).status == 200


@pytest.mark.slow
def test_who_sends_too_slowly_is_cut_off_and_who_is_quick_enough_is_not(strict, connect, client):
    url, other = (client.open_upload("a.wav")["url"] for _ in range(2))
    with connect(strict) as slow, connect(strict, "127.0.0.8") as steady:
        put(strict, url, slow)
        put(strict, other, steady)
        for _ in range(40):
            slow.sendall(bytes(100))  # 500 bytes a second
            steady.sendall(bytes(800))  # 4000
            time.sleep(0.2)
            if slow_answer := come(slow):
                break
        assert slow_answer.startswith(b"HTTP/1.1 408")
        steady.sendall(bytes(800))
    assert 0 < int(ask("HEAD", url).headers["upload-offset"]) < 20_000


@pytest.fixture(scope="module")
def audio_url(strict: ArchiveProcess) -> str:
    """Of much audio."""
    with Client(strict.url) as made:
        return str(made.lease(made.store(AUDIO, "long.wav"))["url"])


def read_for(client: socket.socket, url: str, seconds: float, bytes_a_second: int) -> int:
    """Read like a player, and then to the end; return how many bytes came."""
    path = url[url.index("/access/") :]
    client.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n".encode())
    count, began = 0, time.monotonic()
    while (passed := time.monotonic() - began) < seconds:
        if count < passed * bytes_a_second:
            count += len(client.recv(4096))
        else:
            time.sleep(0.02)
    return count + len(answer_of(client))


@pytest.mark.slow
def test_who_reads_nothing_is_cut_off_and_a_player_is_not(strict, connect, audio_url):
    with connect(strict) as sleeper, connect(strict, "127.0.0.8") as player:
        path = audio_url[audio_url.index("/access/") :]
        sleeper.sendall(f"GET {path} HTTP/1.1\r\nHost: a\r\n\r\n".encode())
        # 128 kbit/s, for three times as long as the other may sleep.
        assert read_for(player, audio_url, 15, 16_000) > len(AUDIO)
        assert len(answer_of(sleeper)) < len(AUDIO)


def test_calls_that_are_coming_have_so_much_memory_together(strict):
    part = b"POST /RPC2 HTTP/1.1\r\nHost: a\r\nContent-Length: 900000\r\n\r\n" + bytes(300_000)
    await_true(lambda: b"too much is being sent" in first_answer(strict, part))
    # The memory comes back with those who leave.
    await_true(lambda: is_taken_in(strict, "x" * 900_000))


def first_answer(server: ArchiveProcess, part: bytes) -> bytes:
    """What one of four is told who send it at once; a small call has its place beside them."""
    with ExitStack() as stack:
        sending = [stack.enter_context(connected(server)) for _ in range(4)]
        for each in sending:
            each.sendall(part)
        assert is_taken_in(server, "")
        told, _, _ = select.select(sending, [], [], PATIENCE_S)
        return bytes(told[0].recv(65536))


def is_taken_in(server: ArchiveProcess, padding: str) -> bool:
    try:
        with xmlrpc.client.ServerProxy(f"{server.url}/RPC2") as proxy:
            return bool(proxy.locstor.getVersion({"padding": padding}))
    except (xmlrpc.client.Fault, xmlrpc.client.ProtocolError):
        return False


def await_true(is_true: Callable[[], bool]) -> None:
    deadline = time.monotonic() + PATIENCE_S
    while not is_true():
        assert time.monotonic() < deadline
        time.sleep(0.05)
