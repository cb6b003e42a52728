"""Requests as libraries really sent them, recorded byte by byte, and the bytes of the answers.

xmlrpc.client, php-xmlrpc, xmlrpc++ (libxmlrpcpp-dev), RPC::XML, Frontier and xmlrpc-c were
recorded as Debian 12 has them. Those of 2004 are written after the LiveSupport storage protocol,
1.2: xmlrpc++ 0.8, and PEAR XML_RPC 1.5.1.
"""

import gzip
import re
import socket
import time

import pytest
from legacy.station import PASSWORD, Station

PATH = b"POST /campcasterStorageServer/xmlrpc/xrLocStor.php "
HOST = b"Host: 127.0.0.1:7788\r\n"
DATE = re.compile(rb"Date: [A-Z][a-z]{2}, \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT\r\n")

AUTHENTICATE = {
    "xmlrpc.client": PATH
    + b"HTTP/1.1\r\n"
    + HOST
    + b"Accept-Encoding: gzip\r\nContent-Type: text/xml\r\nUser-Agent: Python-xmlrpc/3.11\r\n"
    b"Content-Length: 329\r\n\r\n"
    b"<?xml version='1.0'?>\n<methodCall>\n<methodName>locstor.authenticate</methodName>\n"
    b"<params>\n<param>\n<value><struct>\n<member>\n<name>login</name>\n"
    b"<value><string>root</string></value>\n</member>\n<member>\n<name>pass</name>\n"
    b"<value><string>K\xc5\x91 &amp; &lt;b&gt;</string></value>\n</member>\n</struct></value>\n"
    b"</param>\n</params>\n</methodCall>\n",
    "xmlrpc.client, gzip": PATH
    + b"HTTP/1.1\r\n"
    + HOST
    + b"Accept-Encoding: gzip\r\nContent-Type: text/xml\r\nUser-Agent: Python-xmlrpc/3.11\r\n"
    b"Content-Encoding: gzip\r\nContent-Length: 192\r\n\r\n"
    b"\x1f\x8b\x08\x00\x85\n\x02k\x04\xff}\x90;\x0e\x830\x10D{NA\x05\x1dNj6\xa6H\x19)wX\x88\x05"
    b"\x96\xfcA\xf6\x82r\x8d\x1c*\xf7\x8a?\x04\xd1$\x95g\xa5\x9d7;\x86\xee\xa9U\xb9\n\xe7\xa55"
    b"\x97\xfa\xdc\x9c\xea\x8e\x17\xa0\x05M\xf6qE\xa5\xf6\xe1\x8eZpe\x07O\xd65\xb8\xd0$\x0c\xc9"
    b"\x01I\x00\xcb\xdbi\xa1\x80\x19\x1dj\x1flI\x84wE\xb5\x08\x0e\x9e\xdc2P\xc2\xe9^\xb8 L&\x8e"
    b"\xd2\x00K\xfa\xb8+\xcd\xc8\x9d\xb5\x04,\x18\xe3\x00,\x83\x8a\x98\xb7\x11v\x91\xec3z\xff"
    b"\x83t{\xbf\xca\n\xf5\xdc\x96\x95\xa2\xb6\xafFj\xff\x82ch\xbc\xf6\x10\xfa\xad\xc3\xf6\x82["
    b'\xef\xfcK\x1f"\x08\\\x00I\x01\x00\x00',
    "php-xmlrpc": PATH
    + b"HTTP/1.0\r\n"
    + HOST
    + b"Connection: close\r\nContent-Length: 424\r\nContent-Type: text/xml\r\n\r\n"
    b'<?xml version="1.0" encoding="UTF-8"?>\n<methodCall>\n'
    b"<methodName>locstor.authenticate</methodName>\n<params>\n <param>\n  <value>\n   <struct>\n"
    b"    <member>\n     <name>login</name>\n     <value>\n      <string>root</string>\n"
    b"     </value>\n    </member>\n    <member>\n     <name>pass</name>\n     <value>\n"
    b"      <string>K\xc5\x91 &#38; &#60;b&#62;</string>\n     </value>\n    </member>\n"
    b"   </struct>\n  </value>\n </param>\n</params>\n</methodCall>\n",
    "xmlrpc++ of ROS": PATH
    + b"HTTP/1.1\r\nUser-Agent: XMLRPC++ 0.7\r\n"
    + HOST
    + b"Content-Type: text/xml\r\nContent-length: 283\r\n\r\n"
    b'<?xml version="1.0"?>\r\n<methodCall><methodName>locstor.authenticate</methodName>\r\n'
    b"<params><param><value><struct><member><name>login</name><value>root</value></member>"
    b"<member><name>pass</name><value>K\xc5\x91 &amp; &lt;b&gt;</value></member></struct></value>"
    b"</param></params></methodCall>\r\n",
    "RPC::XML": PATH + b"HTTP/1.1\r\nTE: deflate,gzip;q=0.3\r\nConnection: TE, close\r\n"
    b"Accept-Encoding: deflate\r\n"
    + HOST
    + b"User-Agent: RPC::XML::Client/1.44 libwww-perl/6.68\r\nContent-Length: 328\r\n"
    b"Content-Type: text/xml\r\n\r\n"
    b'<?xml version="1.0" encoding="utf-8"?><methodCall><methodName>locstor.authenticate'
    b"</methodName><params><param><value><struct><member><name>pass</name><value><string>"
    b"K\xc5\x91 &amp; &lt;b&gt;</string></value></member><member><name>login</name><value>"
    b"<string>root</string></value></member></struct></value></param></params></methodCall>",
    "PEAR XML_RPC": PATH
    + b"HTTP/1.0\r\nUser-Agent: PEAR XML_RPC\r\nHost: localhost\r\nContent-Type: text/xml\r\n"
    b"Content-Length: 360\r\n\r\n"
    b'<?xml version="1.0" encoding="UTF-8"?>\r\n<methodCall>\r\n'
    b"<methodName>locstor.authenticate</methodName>\r\n<params>\r\n<param>\r\n<value><struct>\r\n"
    b"<member><name>login</name>\r\n<value><string>root</string></value>\r\n</member>\r\n"
    b"<member><name>pass</name>\r\n<value><string>K\xc5\x91 &amp; &lt;b&gt;</string></value>\r\n"
    b"</member>\r\n</struct></value>\r\n</param>\r\n</params>\r\n</methodCall>\r\n",
}
EMPTY_STRUCTS = {
    "xmlrpc.client": PATH
    + b"HTTP/1.1\r\n"
    + HOST
    + b"Accept-Encoding: gzip\r\nContent-Type: text/xml\r\nUser-Agent: Python-xmlrpc/3.11\r\n"
    b"Content-Length: 163\r\n\r\n"
    b"<?xml version='1.0'?>\n<methodCall>\n<methodName>locstor.getVersion</methodName>\n<params>\n"
    b"<param>\n<value><struct>\n</struct></value>\n</param>\n</params>\n</methodCall>\n",
    # PHP has one type for arrays and structs, and takes an empty one for an array.
    "php-xmlrpc": PATH
    + b"HTTP/1.0\r\n"
    + HOST
    + b"Connection: close\r\nContent-Length: 204\r\nContent-Type: text/xml\r\n\r\n"
    b'<?xml version="1.0" encoding="UTF-8"?>\n<methodCall>\n'
    b"<methodName>locstor.getVersion</methodName>\n<params>\n <param>\n  <value>\n   <array>\n"
    b"    <data/>\n   </array>\n  </value>\n </param>\n</params>\n</methodCall>\n",
    # xmlrpc++ cannot send an empty struct at all.
    "xmlrpc++ of ROS": PATH
    + b"HTTP/1.1\r\nUser-Agent: XMLRPC++ 0.7\r\n"
    + HOST
    + b"Content-Type: text/xml\r\nContent-length: 219\r\n\r\n"
    b'<?xml version="1.0"?>\r\n<methodCall><methodName>locstor.getVersion</methodName>\r\n'
    b"<params><param><value><struct><member><name>dummy</name><value><i4>0</i4></value></member>"
    b"</struct></value></param></params></methodCall>\r\n",
}
# The command line tool of xmlrpc-c can send strings, but no structs.
NO_STRUCT = (
    PATH + b"HTTP/1.1\r\n" + HOST + b"Accept: */*\r\nContent-Type: text/xml\r\n"
    b"User-Agent: Xmlrpc-c/1.33.14 Curl/7.88.1\r\nContent-Length: 188\r\n\r\n"
    b'<?xml version="1.0" encoding="UTF-8"?>\r\n<methodCall>\r\n'
    b"<methodName>locstor.getVersion</methodName>\r\n<params>\r\n"
    b"<param><value><string>text</string></value></param>\r\n</params>\r\n</methodCall>\r\n"
)


def answer(station: Station, request: bytes) -> bytes:
    """What comes back, without the one line that differs from second to second."""
    whole, count = DATE.subn(b"", station.exchange(request, ends=closes(request)))
    assert count == 1
    return whole


def closes(request: bytes) -> bool:
    """Whether this client has a right to wait for the end of the connection."""
    head = request.partition(b"\r\n\r\n")[0]
    return b" HTTP/1.0\r\n" in head or b"close" in head


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
    http = b"HTTP/1.0" if b" HTTP/1.0\r\n" in request else b"HTTP/1.1"
    assert answer(station, request) == expected(
        b'<?xml version="1.0" encoding="UTF-8"?>\n<methodResponse><params><param><value><struct>'
        b"<member><name>authenticate</name><value><boolean>1</boolean></value></member>"
        b"</struct></value></param></params></methodResponse>\n",
        http=http,
        close=closes(request),
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
    head = PATH + b"HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n" % len(body)
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
    request = AUTHENTICATE["xmlrpc.client"].replace(b"Content-Length: 329", length)
    assert b"<boolean>1</boolean>" in answer(station, request)


def test_what_has_no_length_at_all_is_a_call_with_nothing_in_it(station: Station) -> None:
    request = AUTHENTICATE["xmlrpc.client"].replace(b"Content-Length: 329\r\n", b"")
    received = station.exchange(request.partition(b"\r\n\r\n")[0] + b"\r\n\r\n")
    assert received.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"<name>faultCode</name><value><int>103</int></value>" in received
