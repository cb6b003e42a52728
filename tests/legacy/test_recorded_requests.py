"""Requests as libraries really sent them, byte by byte, and the bytes of the answers.

What sent them, and which had to be written by hand, is told in `recorded/README.md`.
"""

import gzip
import re
import socket
import time
from pathlib import Path
from typing import Any

import pytest
from legacy import xmlrpcpp
from legacy.station import PASSWORD, Station

RECORDED = Path(__file__).parent / "recorded"
SESSION_ID = b"0123456789abcdef0123456789abcdef"  # in the recordings
DATE = re.compile(rb"Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n")


PATH = b"POST /campcasterStorageServer/xmlrpc/xrLocStor.php HTTP/1.1\r\n"


def recorded(call: str) -> dict[str, bytes]:
    """The requests of a call, by the library that sent them."""
    return {file.parent.name: file.read_bytes() for file in RECORDED.glob(f"*/{call}.http")}


AUTHENTICATE = recorded("authenticate")
# PHP has one type for arrays and structs, and takes an empty one for an array; xmlrpc++ cannot send
# an empty struct at all.
EMPTY_STRUCTS = recorded("getVersion")
# The command line tool of xmlrpc-c can send strings, but no structs.
NO_STRUCT = EMPTY_STRUCTS.pop("xmlrpc-c-command")
SEARCHES, SAVES, LOADS = recorded("searchMetadata"), recorded("savePref"), recorded("loadPref")


def answer(station: Station, request: bytes) -> bytes:
    """What comes back, without the one line that differs from second to second."""
    whole, count = DATE.subn(b"", station.exchange(request, ends=closes(request)))
    assert count == 1
    return whole


def closes(request: bytes) -> bool:
    """Whether this client has a right to wait for the end of the connection."""
    head = request.partition(b"\r\n\r\n")[0]
    return b" HTTP/1.0\r\n" in head or b"close" in head


def in_session(station: Station, request: bytes) -> bytes:
    """The request of somebody who has logged in."""
    client = xmlrpcpp.WebStorageClient(station).log_in(PASSWORD)
    assert request.count(SESSION_ID) == 1
    return request.replace(SESSION_ID, client.session_id.encode())


def wire_of(request: bytes) -> dict[str, Any]:
    """What the head of an answer depends on."""
    is_old = b" HTTP/1.0\r\n" in request
    return {"http": b"HTTP/1.0" if is_old else b"HTTP/1.1", "close": closes(request)}


def expected(body: bytes, *, http: bytes = b"HTTP/1.1", close: bool = False) -> bytes:
    return b"".join(
        (
            http + b" 200 OK\r\nServer: archive-server\r\n",
            b"Content-Type: text/xml; charset=UTF-8\r\nContent-Length: %d\r\n" % len(body),
            b"Connection: close\r\n" if close else b"",
            b"\r\n",
            body,
        )
    )


@pytest.mark.parametrize("library", AUTHENTICATE)
def test_a_struct_of_strings(station: Station, library: str) -> None:
    assert PASSWORD == "Kő & <b>"
    request = AUTHENTICATE[library]
    assert answer(station, request) == expected(
        b'<?xml version="1.0" encoding="UTF-8"?>\n<methodResponse><params><param><value><struct>'
        b"<member><name>authenticate</name><value><boolean>1</boolean></value></member>"
        b"</struct></value></param></params></methodResponse>\n",
        **wire_of(request),
    )


XML = b'<?xml version="1.0" encoding="UTF-8"?>\n'
NOTHING_FOUND = (
    b"<methodResponse><params><param><value><struct>"
    b"<member><name>cnt</name><value><int>0</int></value></member>"
    b"<member><name>results</name><value><array><data></data></array></value></member>"
    b"<member><name>audioClipResults</name><value><array><data></data></array></value></member>"
    b"<member><name>audioClipCnt</name><value><int>0</int></value></member>"
    b"<member><name>playlistResults</name><value><array><data></data></array></value></member>"
    b"<member><name>playlistCnt</name><value><int>0</int></value></member>"
    b"<member><name>webstreamResults</name><value><array><data></data></array></value></member>"
    b"<member><name>webstreamCnt</name><value><int>0</int></value></member>"
    b"</struct></value></param></params></methodResponse>\n"
)


@pytest.mark.parametrize("library", SEARCHES)
def test_everything_nested_in_everything(emptied: Station, library: str) -> None:
    request = in_session(emptied, SEARCHES[library])
    whole = answer(emptied, request)
    head, _, body = whole.partition(b"\r\n\r\n")
    if b"Content-Encoding: gzip" in head:
        assert b"Accept-Encoding: gzip" in request
        assert gzip.decompress(body) == XML + NOTHING_FOUND
    else:
        assert whole == expected(XML + NOTHING_FOUND, **wire_of(request))


@pytest.mark.parametrize("library", SAVES)
def test_a_text_of_several_lines_comes_back_as_it_was_sent(station: Station, library: str) -> None:
    request = in_session(station, SAVES[library])
    assert answer(station, request) == expected(
        XML + b"<methodResponse><params><param><value><struct>"
        b"<member><name>status</name><value><boolean>1</boolean></value></member>"
        b"</struct></value></param></params></methodResponse>\n",
        **wire_of(request),
    )
    blank = b"\n" if "pear" in library else b"\n\n"  # PEAR collapses them itself
    loaded = xmlrpcpp.WebStorageClient(station).log_in(PASSWORD)
    asked = xmlrpcpp.request(station, "loadPref", {"sessid": loaded.session_id, "key": "a key"})
    assert answer(station, asked) == expected(
        XML + b"<methodResponse><params><param><value><struct><member><name>value</name>"
        b'<value><string>one "1"' + blank + b" two\t&lt;2&gt; &amp; '\xc5\x90' %</string>"
        b"</value></member></struct></value></param></params></methodResponse>\n"
    )


@pytest.mark.parametrize("library", LOADS)
def test_a_fault_that_clients_know_by_its_code(station: Station, library: str) -> None:
    request = in_session(station, LOADS[library])
    whole = answer(station, request)
    body = whole.partition(b"\r\n\r\n")[2]
    assert whole == expected(body, **wire_of(request))
    assert body == (
        XML + b"<methodResponse><fault><value><struct>"
        b"<member><name>faultCode</name><value><int>849</int></value></member>"
        b"<member><name>faultString</name><value><string>xr_loadPref: "
        b"nothing is kept under the key nothing</string></value></member>"
        b"</struct></value></fault></methodResponse>\n"
    )


@pytest.mark.parametrize("library", EMPTY_STRUCTS)
def test_nothing_in_each_way_of_saying_it(station: Station, library: str) -> None:
    whole = answer(station, EMPTY_STRUCTS[library])
    assert re.search(
        rb'\r\n\r\n<\?xml version="1.0" encoding="UTF-8"\?>\n<methodResponse><params><param><value>'
        rb"<struct><member><name>version</name><value><string>[0-9.]+</string></value></member>"
        rb"</struct></value></param></params></methodResponse>\n\Z",
        whole,
    )


def test_a_fault(station: Station) -> None:
    assert answer(station, NO_STRUCT) == expected(
        b'<?xml version="1.0" encoding="UTF-8"?>\n<methodResponse><fault><value><struct>'
        b"<member><name>faultCode</name><value><int>801</int></value></member>"
        b"<member><name>faultString</name><value><string>"
        b"xr_getVersion: the parameter must be a struct</string></value></member>"
        b"</struct></value></fault></methodResponse>\n"
    )


def test_only_who_asks_gets_gzip_and_only_when_it_is_worth_it(station: Station) -> None:
    one = (
        b"<value><struct><member><name>methodName</name><value>system.listMethods</value></member>"
        b"<member><name>params</name><value><array><data></data></array></value></member>"
        b"</struct></value>"
    )
    body = (
        b"<methodCall><methodName>system.multicall</methodName><params><param><value><array><data>"
        b"%s</data></array></value></param></params></methodCall>" % (one * 3)
    )
    head = PATH + b"Host: a\r\nContent-Length: %d\r\n" % len(body)
    plain_head, _, plain = station.exchange(head + b"\r\n" + body).partition(b"\r\n\r\n")
    packed = station.exchange(head + b"Accept-Encoding: gzip\r\n\r\n" + body)
    packed_head, _, packed_body = packed.partition(b"\r\n\r\n")
    assert b"Content-Encoding" not in plain_head
    assert b"\r\nContent-Encoding: gzip\r\n" in packed_head
    assert gzip.decompress(packed_body) == plain
    assert len(packed_body) < len(plain) / 2


def test_a_call_that_waits_for_100_continue_is_told_to_go_on_at_once(station: Station) -> None:
    """libcurl would wait for a second (12.9)."""
    request = AUTHENTICATE["php-xmlrpc"].replace(b"HTTP/1.0", b"HTTP/1.1", 1)
    head, _, body = request.partition(b"\r\n\r\n")
    with socket.create_connection((station.host, station.port), timeout=10) as connection:
        began = time.monotonic()
        connection.sendall(head + b"\r\nExpect: 100-continue\r\n\r\n")
        assert connection.recv(1000) == b"HTTP/1.1 100 Continue\r\n\r\n"
        assert time.monotonic() - began < 0.5
        connection.sendall(body)
        assert connection.recv(1000).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    "length", [b"Content-length: 329", b"CONTENT-LENGTH:329", b"content-length:   329"]
)
def test_the_length_in_each_spelling(station: Station, length: bytes) -> None:
    request = AUTHENTICATE["python"].replace(b"Content-Length: 329", length)
    assert b"<boolean>1</boolean>" in answer(station, request)


def test_what_has_no_length_at_all_is_a_call_with_nothing_in_it(station: Station) -> None:
    request = AUTHENTICATE["python"].replace(b"Content-Length: 329\r\n", b"")
    received = station.exchange(request.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"<name>faultCode</name><value><int>103</int></value>" in received
