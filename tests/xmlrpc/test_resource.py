import xmlrpc.client

import pytest
from fixtures.fix_http import MemoryTransport, Wire, site_of
from support import immediately, result_of
from twisted.internet.defer import Deferred
from twisted.internet.error import ConnectionLost
from twisted.internet.task import Clock
from twisted.internet.testing import StringTransport
from twisted.logger import LogEvent, formatEvent, globalLogPublisher
from twisted.python.failure import Failure

from archive_server.errors import Unavailable
from archive_server.http.requests import Route
from archive_server.http.site import ArchiveSite
from archive_server.model.users import Role
from archive_server.xmlrpc.dispatch import Dispatcher
from archive_server.xmlrpc.method import Client, Kind, Member, Method
from archive_server.xmlrpc.methods import METHODS
from archive_server.xmlrpc.resource import XmlRpcResource
from archive_server.xmlrpc.xml_tree import SMALL

RESULT = (Member("result", Kind.STRING, "a result"),)
CLIENT = Client("192.0.2.1", "http://archive.example:8000")


def plain(name: str, call) -> Method:
    return Method(name, "", (), RESULT, call, is_plain=True)


def dispatcher(call, in_thread=immediately) -> Dispatcher:
    return Dispatcher({"m": plain("m", call)}, in_thread)


def answer_of(call, body: bytes | None = None, in_thread=immediately):
    """What a method's caller gets, or the fault."""
    sent = body or xmlrpc.client.dumps((), "m").encode()
    answer = result_of(dispatcher(call, in_thread).answer(sent, CLIENT))
    try:
        return xmlrpc.client.loads(answer)[0][0]
    except xmlrpc.client.Fault as fault:
        return fault.faultCode, fault.faultString


async def nothing(client: Client) -> str:
    return "nothing"


class Threads:
    """An `InThread` that counts."""

    def __init__(self) -> None:
        self.used = 0

    def __call__(self, work, /, *args, **kwargs):
        self.used += 1
        return immediately(work, *args, **kwargs)


def test_a_method_learns_who_calls_and_where_we_are_found(services, client):
    seen = []

    async def look(caller: Client) -> str:
        seen.append(caller)
        return ""

    resource = XmlRpcResource(dispatcher(look), lambda request: "http://here:1", 1000)
    body = xmlrpc.client.dumps((), "m").encode()
    Wire(site_of(resource)).ask("POST", "/xmlrpc", body=body)
    assert seen == [Client("127.0.0.1", "http://here:1")]


@pytest.mark.parametrize("verb", ["GET", "HEAD", "PUT", "DELETE"])
def test_only_post_is_answered(client, verb):
    response = client.request(verb)
    assert response.status == 405
    assert response.headers.get_all("allow") == ["POST"]
    hint = response.body
    assert hint == b"" if verb == "HEAD" else b"methodCall" in hint


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", 103),
        (b"what?", 102),
        (b"<methodCall><methodName>locstor.login</meth", 105),
        (b"<methodCall>\xff\xfe</methodCall>", 104),
        (b"<!DOCTYPE a><methodCall/>", 7),
        (b"<methodCall/>", 7),
        (b"\x1f\x8b\x08\x00\x00\x00\x00\x00", 104),
        (b"x" * 300_000, 805),
    ],
)
def test_a_body_that_is_no_call_is_a_fault(client, body, code):
    with pytest.raises(xmlrpc.client.Fault) as caught:
        xmlrpc.client.loads(client.post(body))
    assert caught.value.faultCode == code


@pytest.mark.parametrize(
    ("parameters", "code"),
    [((), 3), (({}, {}), 3), (("a",), 801), ((["a"],), 801), ((None,), 801), ((5,), 801)],
)
def test_exactly_one_struct_is_taken(client, parameters, code):
    fault = client.fault("locstor.getVersion", *parameters)
    assert (fault[0], fault[1].partition(":")[0]) == (code, "xr_getVersion")


def test_an_empty_array_is_php_for_an_empty_struct(client):
    assert client.call("locstor.getVersion", []) == client.call("locstor.getVersion", {})


@pytest.mark.parametrize("name", ["locstor.nothing", "__init__", "login", "x" * 10_000])
def test_an_unknown_method_is_fault_1(client, name):
    code, text = client.fault(name, {})
    assert code == 1
    assert len(text) < 200


def test_what_nobody_has_foreseen_is_fault_804_without_detail():
    async def fail(client: Client) -> str:
        raise RuntimeError("secret")

    assert answer_of(fail) == (804, "xr_m: internal error")


@pytest.mark.parametrize("result", [None, object(), {"a": [None]}])
def test_an_answer_that_cannot_be_written_is_fault_804(result):
    async def give(client: Client):
        return result

    assert answer_of(give) == (804, "internal error")


def test_what_is_away_is_fault_804_with_the_reason():
    async def fail(client: Client) -> str:
        raise Unavailable("the archive's store is away")

    assert answer_of(fail) == (804, "xr_m: the archive's store is away")


def test_what_fails_before_the_call_is_answered_too():
    def fail(request: object) -> str:
        raise RuntimeError("secret")

    resource = XmlRpcResource(dispatcher(nothing), fail, 1000)
    body = xmlrpc.client.dumps((), "m").encode()
    answer = Wire(site_of(resource)).ask("POST", "/xmlrpc", body=body).body
    with pytest.raises(xmlrpc.client.Fault) as caught:
        xmlrpc.client.loads(answer)
    assert (caught.value.faultCode, caught.value.faultString) == (804, "internal error")


def test_large_bodies_are_read_in_a_thread():
    small, large = Threads(), Threads()
    body = xmlrpc.client.dumps((), "m").encode()
    assert answer_of(nothing, body, small) == "nothing"
    assert answer_of(nothing, body + b" " * SMALL, large) == "nothing"
    assert (small.used, large.used) == (0, 1)


@pytest.mark.parametrize(
    "result", [{"results": ["x"] * 1001}, [{"x": [0] * 100}] * 10, {"x": "x" * 200_200}]
)
def test_large_answers_are_written_in_a_thread(result):
    async def give(client: Client):
        return result

    threads = Threads()
    assert answer_of(give, in_thread=threads) == result
    assert threads.used == 1


def test_a_call_is_carried_out_to_its_end_when_the_client_leaves():
    waiting, done = Deferred(), []

    async def slow(client: Client) -> str:
        await waiting
        done.append(True)
        return ""

    site = site_of(XmlRpcResource(dispatcher(slow), lambda request: "", 1000))
    protocol, transport = site.buildProtocol(None), StringTransport()
    protocol.makeConnection(transport)
    body = xmlrpc.client.dumps((), "m").encode()
    protocol.dataReceived(b"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body))
    protocol.dataReceived(body)
    protocol.connectionLost(Failure(ConnectionLost()))
    assert not done
    waiting.callback(None)
    assert done
    assert transport.value() == b""


def test_a_large_call_whose_client_leaves_before_its_turn_is_forgotten():
    begun, done = [], []

    def in_thread(work, /, *args):
        begun.append((Deferred(), work, args))
        return begun[-1][0]

    async def count(client: Client) -> str:
        done.append(True)
        return ""

    resource = XmlRpcResource(dispatcher(count, in_thread), lambda request: "", 2 * SMALL)
    requests = []

    def answer(request, /):
        requests.append(request)
        resource.answer(request)

    route = Route("/xmlrpc", ("POST",), answer)
    site = ArchiveSite([route], request_bytes=2 * SMALL, touch=touch, reactor=Clock())
    wires = [Wire(site) for _ in range(6)]
    body = xmlrpc.client.dumps((), "m").encode() + b" " * SMALL
    for wire in wires:
        head = b"POST /xmlrpc HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n" % len(body)
        wire.send(head + body)
    wires[4].channel.connectionLost(Failure(ConnectionLost()))
    assert [len(request.content) for request in requests[3:]] == [len(body), 0, len(body)]
    while begun:
        waiting, work, args = begun.pop(0)
        waiting.callback(work(*args))
    assert len(done) == 5
    assert wires[5].answer("POST").status == 200
    for wire in wires[:4] + wires[5:]:
        wire.channel.connectionLost(Failure(ConnectionLost()))


@pytest.mark.parametrize(
    ("head", "answered"),
    [
        (b"POST /xmlrpc HTTP/1.1\r\nHost: a\r\nContent-Length: 1001\r\n\r\n", b"1000 bytes"),
        (b"GET /xmlrpc HTTP/1.1\r\nHost: a\r\n\r\n", b"Allow: POST"),
    ],
)
def test_what_the_site_refuses_is_answered_in_our_language(head, answered):
    resource = XmlRpcResource(dispatcher(nothing), lambda request: "", 1000)
    route = Route("/xmlrpc", ("POST",), resource.answer, refuse=resource.refuse)
    site = ArchiveSite([route], request_bytes=1000, touch=touch, reactor=Clock())
    protocol, transport = site.buildProtocol(None), MemoryTransport()
    protocol.makeConnection(transport)
    protocol.dataReceived(head)
    answer = transport.value()
    assert answered in answer
    assert (b"<fault>" in answer) is head.startswith(b"POST")
    protocol.connectionLost(Failure(ConnectionLost()))


def logged(resource: XmlRpcResource, method: str, members: dict[str, str]) -> LogEvent:
    """The line of the log about a call."""
    site = ArchiveSite(
        [Route("/xmlrpc", ("POST",), resource.answer)], request_bytes=99999, touch=touch
    )
    lines: list[LogEvent] = []
    globalLogPublisher.addObserver(lines.append)
    try:
        protocol, transport = site.buildProtocol(None), MemoryTransport()
        protocol.makeConnection(transport)
        body = xmlrpc.client.dumps((members,), method).encode()
        head = b"POST /xmlrpc HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n"
        protocol.dataReceived(head % len(body) + body)
        protocol.connectionLost(Failure(ConnectionLost()))
    finally:
        globalLogPublisher.removeObserver(lines.append)
    (line,) = lines
    return line


def test_a_call_is_one_line_of_the_log(resource, services):
    session_id, secret = services.session_id(Role.CLIENT), "5ecre7" * 5
    clip = {"sessid": session_id, "gunid": "00000000000000AA"}
    playlist = {"sessid": session_id, "plid": "00000000000000AA"}
    lines = [
        logged(resource, method, members)
        for method, members in (
            ("locstor.getAudioClip", clip),
            ("locstor.existsAudioClip", clip),
            ("locstor.existsPlaylist", playlist),
            ("locstor.login", {"login": secret, "pass": secret}),
            (f"locstor.{secret}", {"gunid": secret}),
        )
    ]
    told = [[line[name] for name in ("call", "user", "gunid", "outcome")] for line in lines]
    login = services.caller(Role.CLIENT).login
    assert told == [
        ["locstor.getAudioClip", login, "00000000000000aa", " fault 805"],
        ["locstor.existsAudioClip", login, "00000000000000aa", ""],
        ["locstor.existsPlaylist", login, "00000000000000aa", ""],
        ["locstor.login", "-", "-", " fault 802"],
        ["(unknown method)", "-", "-", " fault 1"],
    ]
    written = " ".join(formatEvent(line) for line in lines)
    assert secret not in written
    assert session_id not in written


@pytest.mark.parametrize(
    "method",
    [
        method.name
        for method in METHODS
        if any(member.name == "sessid" and not member.optional for member in method.takes)
        and method.name != "locstor.logout"
    ],
)
def test_the_log_tells_whose_session_a_call_is_in(resource, services, method):
    members = {"sessid": services.session_id(Role.CLIENT)}
    assert logged(resource, method, members)["user"] == services.caller(Role.CLIENT).login


async def touch() -> None:
    """What the site does every minute."""


def test_an_address_that_is_none_is_empty():
    seen = []

    async def look(client: Client) -> str:
        seen.append(client.address)
        return ""

    site = site_of(XmlRpcResource(dispatcher(look), lambda request: "", 1000))
    protocol = site.buildProtocol(None)
    protocol.makeConnection(StringTransport(peerAddress=object()))
    body = xmlrpc.client.dumps((), "m").encode()
    protocol.dataReceived(b"POST / HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    assert seen == [""]
