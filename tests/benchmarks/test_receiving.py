import itertools
import socket
import ssl
import threading
from contextlib import suppress

import pytest

from benchmarks.harness.certificate import make_certificate
from benchmarks.harness.receiving import BadAnswer, get, receive, receive_secure


@pytest.fixture
def server():
    """Makes servers that give these answers in turn to each connection, and then close it."""
    listeners = []

    def serve(answers, tls=None):
        listener = socket.create_server(("127.0.0.1", 0))
        listeners.append(listener)

        def answer(plain):
            with tls.wrap_socket(plain, server_side=True) if tls else plain as connection:
                for each in answers():
                    if not connection.recv(65536):
                        return
                    connection.sendall(each)

        def accept():
            while True:
                try:
                    connection, _ = listener.accept()
                except OSError:
                    return
                threading.Thread(target=quietly, args=(answer, connection)).start()

        threading.Thread(target=accept).start()
        return listener.getsockname()

    yield serve
    for listener in listeners:
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()


def quietly(work, *arguments):
    with suppress(OSError):  # the client has had enough
        work(*arguments)


def ok(body):
    return b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%s" % (len(body), body)


REQUESTS = [[get("/a", "127.0.0.1")]] * 2


def test_it_counts_answers_and_bytes(server):
    answer = ok(b"x" * 100_000)
    received = receive(server(lambda: itertools.repeat(answer)), REQUESTS, 0.2)
    assert received.answers > 10
    assert received.received_bytes == round(received.answers * len(answer))
    assert received.elapsed_s >= 0.2
    assert 0 < received.share <= 1.5


def test_answers_of_another_length_are_found_out(server):
    address = server(lambda: (ok(b"x" * (n % 2 + 10)) for n in itertools.count()))
    with pytest.raises(BadAnswer):
        receive(address, REQUESTS, 0.2)


def test_what_is_no_success_is_not_counted(server):
    address = server(lambda: [b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n"])
    with pytest.raises(BadAnswer, match="404"):
        receive(address, REQUESTS, 0.2)


def test_a_connection_that_ends_is_not_passed_over(server):
    with pytest.raises(BadAnswer, match="closed"):
        receive(server(lambda: [ok(b"x")] * 3), REQUESTS, 5)


def test_requests_carry_what_is_asked_for():
    assert get("/a", "host", Range="bytes=0-1") == (
        b"GET /a HTTP/1.1\r\nHost: host\r\nRange: bytes=0-1\r\n\r\n"
    )


def test_over_tls_it_counts_what_comes_without_deciphering_it(server, tmp_path):
    certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    answer = ok(b"x" * 1_000_000)
    address = server(lambda: itertools.repeat(answer), context)
    received, cipher = receive_secure(address, REQUESTS[0][0], 2, 0.3)
    assert received.answers > 4
    assert received.received_bytes == pytest.approx(received.answers * len(answer))
    assert "GCM" in cipher or "CHACHA20" in cipher


def test_over_tls_too_a_connection_that_ends_is_not_passed_over(server, tmp_path):
    certificate = make_certificate(tmp_path)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate.chain, certificate.key)
    with pytest.raises(BadAnswer, match="closed"):
        receive_secure(server(lambda: [ok(b"x")] * 3, context), REQUESTS[0][0], 2, 5)
