"""Calls and answers in gzip, for clients that begin with it."""

import gzip
import xmlrpc.client
import zlib

import pytest
from fixtures.fix_http import site_of
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.testing import StringTransport

from archive_server.errors import BadRequest, TooLarge
from archive_server.xmlrpc.compression import SMALLEST, gzipped, inflated, wants_gzip

LARGEST = 100_000
LIST_METHODS = xmlrpc.client.dumps((), "system.listMethods").encode()
HELP = xmlrpc.client.dumps(
    ([{"methodName": "system.methodHelp", "params": ["locstor.searchMetadata"]}] * 3,),
    "system.multicall",
).encode()


@pytest.mark.parametrize(
    "header", ["gzip", "GZip", "x-gzip", "deflate, gzip;q=0.5", "gzip ; q=1.000", "br,gzip; q=1"]
)
def test_who_names_gzip_gets_it(header):
    assert wants_gzip(header)


@pytest.mark.parametrize(
    "header", ["", "*", "identity", "gzip;q=0", "gzip;q=0.000", "gzip;q=x", "gzipped", "deflate"]
)
def test_who_does_not_name_gzip_gets_none(header):
    assert not wants_gzip(header)


@given(st.binary(max_size=5000))
def test_what_was_compressed_is_read_again(body):
    assert gzip.decompress(gzipped(body)) == body
    assert inflated(gzip.compress(body), "gzip", LARGEST) == body
    assert inflated(gzip.compress(body), " X-GZIP ", LARGEST) == body
    assert inflated(body, "identity", LARGEST) == body


def test_a_bomb_is_given_up_at_the_limit():
    bomb = zlib.compressobj(9, wbits=31)
    packed = b"".join(bomb.compress(bytes(1_000_000)) for _ in range(200)) + bomb.flush()
    with pytest.raises(TooLarge, match="100000 bytes"):
        inflated(packed, "gzip", LARGEST)


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not gzip",
        gzip.compress(LIST_METHODS)[:-1],
        gzip.compress(LIST_METHODS) + b"x",
        gzip.compress(LIST_METHODS) * 2,
        gzip.compress(LIST_METHODS)[:-8] + bytes(8),
    ],
    ids=["empty", "other", "cut", "with more", "twice", "checksum"],
)
def test_what_is_not_whole_is_refused(body):
    with pytest.raises(BadRequest, match="gzip"):
        inflated(body, "gzip", LARGEST)


def test_other_encodings_are_refused():
    with pytest.raises(BadRequest, match="Content-Encoding"):
        inflated(LIST_METHODS, "br", LARGEST)


@pytest.fixture
def post(resource):
    """Sends a call; returns the head and the body of the answer as they are on the wire."""

    def send(body: bytes, **headers: str) -> tuple[str, bytes]:
        lines = {name.replace("_", "-"): value for name, value in headers.items()}
        lines["content-length"] = str(len(body))
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        transport = StringTransport()
        protocol = site_of(resource).buildProtocol(None)
        protocol.makeConnection(transport)
        protocol.dataReceived(f"POST / HTTP/1.1\r\nhost: a\r\n{head}\r\n".encode() + body)
        answer_head, _, answer = transport.value().partition(b"\r\n\r\n")
        assert f"Content-Length: {len(answer)}" in answer_head.decode().split("\r\n")
        return answer_head.decode(), answer

    return send


def test_a_large_answer_is_compressed_for_who_asks(post):
    plain_head, plain = post(HELP)
    head, body = post(HELP, accept_encoding="gzip")
    assert len(plain) >= SMALLEST
    assert "Content-Encoding" not in plain_head
    assert "Content-Encoding: gzip" in head.split("\r\n")
    assert len(body) < len(plain)
    assert gzip.decompress(body) == plain


def test_a_small_answer_is_never_compressed(post):
    version = xmlrpc.client.dumps(({},), "locstor.getVersion").encode()
    head, body = post(version, accept_encoding="gzip")
    assert len(body) < SMALLEST
    assert "Content-Encoding" not in head


def test_a_call_may_be_compressed(post):
    assert post(gzip.compress(HELP), content_encoding="gzip")[1] == post(HELP)[1]


def test_a_call_that_cannot_be_inflated_is_a_named_fault(post):
    for encoding, text in (("gzip", "not gzip"), ("br", "gzip or none expected")):
        _, body = post(HELP, content_encoding=encoding)
        with pytest.raises(xmlrpc.client.Fault, match=text) as caught:
            xmlrpc.client.loads(body)
        assert caught.value.faultCode == 805
