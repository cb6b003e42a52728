"""Requests as the three old clients send them, and answers as the pickiest of them reads them.

LiveSupport storage protocol, 1.2 and 1.3.
"""

import re

import pytest
from fixtures.fix_http import site_of
from fixtures.fix_services import PASSWORD
from hypothesis import given
from hypothesis import strategies as st
from twisted.internet.testing import StringTransport

from archive_server.model.users import Role
from archive_server.xmlrpc.encoder import encode_answer, encode_fault
from archive_server.xmlrpc.values import Fault

# Written by xmlrpc++ for WebStorageClient and WebAuthenticationClient.
XMLRPCPP = (
    "POST /campcasterStorageServer/xmlrpc/xrLocStor.php HTTP/1.1\r\nUser-Agent: XMLRPC++ 0.8\r\n"
    "Host: localhost:80\r\nContent-Type: text/xml\r\nContent-length: {length}\r\n\r\n",
    '<?xml version="1.0"?>\r\n<methodCall><methodName>{method}</methodName>\r\n'
    "<params><param><value><struct>{members}</struct></value></param></params></methodCall>\r\n",
    "<member><name>{name}</name><value>{text}</value></member>",
)
# Written by PEAR XML_RPC 1.5.1 for xr_cli_test.php.
PEAR = (
    "POST /campcasterStorageServer/xmlrpc/xrLocStor.php HTTP/1.0\r\nUser-Agent: PEAR XML_RPC\r\n"
    "Host: localhost\r\nContent-Type: text/xml\r\nContent-Length: {length}\r\n\r\n",
    '<?xml version="1.0" encoding="UTF-8"?>\r\n<methodCall>\r\n'
    "<methodName>{method}</methodName>\r\n<params>\r\n<param>\r\n<value><struct>\r\n{members}</struct></value>\r\n</param>\r\n"
    "</params>\r\n</methodCall>\r\n",
    "<member><name>{name}</name>\r\n<value><string>{text}</string></value>\r\n</member>\r\n",
)
# Written by Python 2's xmlrpclib for xr_cli_test.py.
XMLRPCLIB = (
    "POST /xmlrpc HTTP/1.1\r\nHost: localhost:8000\r\nAccept-Encoding: gzip\r\n"
    "User-Agent: xmlrpclib.py/1.0.1 (by www.pythonware.com)\r\nContent-Type: text/xml\r\n"
    "Content-Length: {length}\r\n\r\n",
    "<?xml version='1.0'?>\n<methodCall>\n<methodName>{method}</methodName>\n<params>\n<param>\n"
    "<value><struct>\n{members}</struct></value>\n</param>\n</params>\n</methodCall>\n",
    "<member>\n<name>{name}</name>\n<value><string>{text}</string></value>\n</member>\n",
)
# PEAR wants the blank after 200.
STATUS = re.compile(r"HTTP/1\.[01] 200 OK\r\n")

DIALECTS = pytest.mark.parametrize(
    "dialect", [XMLRPCPP, PEAR, XMLRPCLIB], ids=["xmlrpc++", "PEAR", "xmlrpclib"]
)


@pytest.fixture
def talk(resource):
    """Sends a request; returns head and body of the answer, and whether the connection ends."""

    def send(request: bytes) -> tuple[str, bytes, bool]:
        transport = StringTransport()
        protocol = site_of(resource).buildProtocol(None)
        protocol.makeConnection(transport)
        protocol.dataReceived(request)
        head, _, body = transport.value().partition(b"\r\n\r\n")
        return head.decode(), body, transport.disconnecting

    return send


def request_of(dialect: tuple[str, str, str], method: str, **members: str) -> bytes:
    head, body, member = dialect
    inner = "".join(member.format(name=name, text=text) for name, text in members.items())
    sent = body.format(method=method, members=inner).encode()
    return head.format(length=len(sent)).encode() + sent


@DIALECTS
def test_a_session_in_each_dialect(talk, services, dialect):
    services.session_id(Role.MAINTAINER)
    login = request_of(dialect, "locstor.login", login="maintainer", **{"pass": PASSWORD})
    head, body, _ = talk(login)
    assert STATUS.match(head)
    session_id = scanned(body)["sessid"]
    assert re.fullmatch("[0-9a-f]{32}", session_id)

    opened = scanned(
        talk(
            request_of(
                dialect,
                "locstor.storeAudioClipOpen",
                chsum="",
                fname="file:var/test10001.mp3",
                metadata="&lt;audioClip&gt;\n&lt;metadata/&gt;&lt;/audioClip&gt;",
                sessid=session_id,
            )
        )[1]
    )
    assert opened["fname"] == "test10001.mp3"

    deleted = scanned(
        talk(
            request_of(
                dialect,
                "locstor.deleteAudioClip",
                sessid=session_id,
                gunid="0000000000000001",
                forced="1",
            )
        )[1]
    )
    assert deleted == {"status": True}

    logout = request_of(dialect, "locstor.logout", sessid=session_id)
    assert talk(logout)[1].decode() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n<methodResponse><params><param><value><struct>'
        "<member><name>status</name><value><boolean>1</boolean></value></member>"
        "</struct></value></param></params></methodResponse>\n"
    )
    assert scanned(talk(logout)[1])["faultCode"] == 803


@DIALECTS
def test_the_head_of_an_answer_is_what_old_parsers_look_for(talk, dialect):
    head, body, is_over = talk(request_of(dialect, "locstor.getVersion"))
    lines = head.split("\r\n")
    assert STATUS.match(head)
    assert "Content-Type: text/xml; charset=UTF-8" in lines
    assert f"Content-Length: {len(body)}" in lines
    assert "chunked" not in head
    assert "Content-Encoding" not in head
    assert is_over is (dialect is PEAR), "HTTP/1.0 clients read until the connection ends"


@DIALECTS
def test_faults_too_are_answered_with_status_200(talk, dialect):
    head, body, _ = talk(request_of(dialect, "locstor.nothing"))
    assert STATUS.match(head)
    assert scanned(body) == {"faultCode": 1, "faultString": "unknown method locstor.nothing"}


def test_a_dummy_member_does_no_harm(talk):
    body = XMLRPCPP[1].format(
        method="locstor.getVersion",
        members="<member><name>dummy</name><value><i4>0</i4></value></member>",
    )
    head = XMLRPCPP[0].format(length=len(body))
    assert scanned(talk((head + body).encode())[1]) == {"version": "1.2.3"}


# A model of xmlrpc++'s parser: it searches for literal text, and knows nothing else.


class Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def next_is(self, tag: str) -> bool:
        blank = re.compile(r"\s*").match(self.text, self.place)
        if self.text.startswith(tag, blank.end()):
            self.place = blank.end() + len(tag)
            return True
        return False

    def must(self, tag: str) -> None:
        assert self.next_is(tag), f"{tag} expected at {self.text[self.place :][:40]}"

    def until_tag(self) -> str:
        end = self.text.index("<", self.place)
        text, self.place = self.text[self.place : end], end
        return text

    def value(self):
        self.must("<value>")
        for kind, read in (
            ("boolean", self.boolean),
            ("int", lambda: int(self.until_tag())),
            ("double", lambda: float(self.until_tag())),
            ("string", lambda: decoded(self.until_tag())),
            ("array", self.array),
            ("struct", self.struct),
        ):
            if self.next_is(f"<{kind}>"):
                value = read()
                self.must(f"</{kind}>")
                self.must("</value>")
                return value
        raise AssertionError(f"no type at {self.text[self.place :][:40]}")

    def boolean(self) -> bool:
        text = self.until_tag()
        assert text in ("0", "1")
        return text == "1"

    def array(self) -> list:
        self.must("<data>")
        values = []
        while not self.next_is("</data>"):
            values.append(self.value())
        return values

    def struct(self) -> dict:
        members = {}
        while self.next_is("<member>"):
            self.must("<name>")
            name = decoded(self.until_tag())
            self.must("</name>")
            members[name] = self.value()
            self.must("</member>")
        return members


def decoded(text: str) -> str:
    for entity, letter in (("&lt;", "<"), ("&gt;", ">"), ("&amp;", "&")):
        text = text.replace(entity, letter)
    return text


def scanned(body: bytes):
    """What xmlrpc++ reads in an answer."""
    scanner = Scanner(body.decode())
    scanner.place = scanner.text.index("<methodResponse>") + len("<methodResponse>")
    if not scanner.next_is("<params><param>"):
        scanner.must("<fault>")
    return scanner.value()


letters = st.text(st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="\ufffe\uffff"))


@given(
    st.recursive(
        letters | st.integers(-(2**40), 2**40) | st.booleans(),
        lambda inner: st.lists(inner, max_size=4) | st.dictionaries(letters, inner, max_size=4),
        max_leaves=10,
    )
)
def test_the_pickiest_parser_reads_what_we_write(value):
    assert scanned(encode_answer(value)) == value


@given(letters)
def test_the_pickiest_parser_reads_our_faults(text):
    assert scanned(encode_fault(Fault(805, text))) == {"faultCode": 805, "faultString": text}
