"""XML-RPC calls as anybody may send them: read within limits, and as xmlrpclib reads them."""

from collections.abc import Callable, Mapping
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from archive_server.xmlrpc.decoder import MethodCall, decode_call, decode_with_parser
from archive_server.xmlrpc.encoder import encode_fault
from archive_server.xmlrpc.values import NOT_XML, NOT_XML_RPC, Fault
from archive_server.xmlrpc.xml_tree import DEEPEST
from fuzz import xml_rpc_values
from fuzz.costs import in_time
from fuzz.xml_rpc_values import as_ours, check_round_trip

_SCALARS = {"string", "int", "i4", "i8", "boolean", "double", "dateTime.iso8601", "base64", "nil"}
_INSIDE = {
    "methodCall": [["methodName"], ["methodName", "params"]],
    "param": [["value"]],
    "member": [["name", "value"]],
    "array": [["data"]],
    "value": [[], *([name] for name in (*_SCALARS, "struct", "array"))],
}
_REPEATED = {"params": {"param"}, "struct": {"member"}, "data": {"value"}}

TOKENS = (
    *(f"<{name}>".encode() for name in (*_SCALARS, *_INSIDE, *_REPEATED, "name", "methodName")),
    *(f"</{name}>".encode() for name in (*_SCALARS, *_INSIDE, *_REPEATED, "name", "methodName")),
    b"<nil/>", b"<value/>", b"<!", b"<![CDATA[", b"]]>", b"<!--", b"-->", b"<?xml", b"&amp;",
    b"&#13;", b"&#x1F3B5;", b' encoding="utf-16"', b' encoding="latin-1"', b' encoding="utf-7"',
    b' xmlns="urn:x"', b"<ex:nil/>", b"20261122T06:00:00", b"1e308", b"-2147483648", b"AAAA",
)  # fmt: skip


def fuzz_one(data: bytes) -> None:
    """Read a call; write back what was in it, and read that."""
    call = _decoded(decode_call, data)
    assert call == _decoded(decode_with_parser, data), "the short way leads to the same"
    if call is None:
        return
    assert _depth(call.parameters) <= DEEPEST // 3, "a level is three elements at least"
    for value in call.parameters:
        check_round_trip(value)
    if b"<!" not in data and _is_plain(ElementTree.fromstring(data)):
        theirs, method = xml_rpc_values.read_by_xmlrpclib(data)
        assert method == call.method
        assert as_ours(theirs) == as_ours(call.parameters)


def _decoded(decode: Callable[[bytes], MethodCall], data: bytes) -> MethodCall | None:
    """What is in a call; None: it is refused, by a fault of the right kind."""
    try:
        with in_time(len(data)):
            return decode(data)
    except Fault as fault:
        assert fault.code == NOT_XML_RPC or NOT_XML < fault.code < NOT_XML + 100, fault.code
        assert len(fault.text) < 200, "a fault tells of a body, and does not repeat it"
        encode_fault(fault).decode()
        return None


def _is_plain(element: Element) -> bool:
    """Whether a document is as the specification has it, so that xmlrpclib and we agree."""
    names = [child.tag for child in element]
    allowed, repeated = _INSIDE.get(element.tag), _REPEATED.get(element.tag)
    if allowed is not None and names not in allowed:
        return False
    if repeated is not None and not set(names) <= repeated:
        return False
    if allowed is None and repeated is None and names:
        return False
    if (
        element.tag in ("methodName", "name", "boolean", "int")
        and not (element.text or "").isalnum()
    ):
        return False
    return all(map(_is_plain, element))


def _depth(value: Any) -> int:
    if isinstance(value, Mapping):
        value = list(value.values())
    if isinstance(value, list | tuple):
        return 1 + max(map(_depth, value), default=0)
    return 0
