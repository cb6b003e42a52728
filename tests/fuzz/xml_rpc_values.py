"""XML-RPC values of all kinds: what xmlrpclib writes we read, and what we write it reads."""

import re
import xmlrpc.client
from collections.abc import Mapping
from typing import Any

from archive_server.xmlrpc.decoder import decode_call
from archive_server.xmlrpc.encoder import encode_answer
from archive_server.xmlrpc.values import DateTime, Value
from fuzz.choices import Choices

TOKENS = (b"\0", b"\x7f", b"\x80", b"\xff")

_DEEPEST = 20
_MOST = 8  # members of one struct or array
_PIECES = (
    "a", "B", " ", "&", "<", ">", "]]>", "&amp;", "\t", "\n", "\r", "\r\n", "é", "E\u0301", "月",
    "\U0001f3b5", "\ufffe", "\uffff", "\x85", "\xa0", "\u2028", "'", '"', "%", "\x7f", "0",
)  # fmt: skip
_UNWRITABLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def fuzz_one(data: bytes) -> None:
    """Make a value, and send it back and forth."""
    value = _value(Choices(data), 0)
    body = xmlrpc.client.dumps((value,), "m", allow_none=True).encode()
    try:
        read_by_xmlrpclib(body)
    except xmlrpc.client.expat.ExpatError:
        return  # it has written what is no XML
    # What xmlrpclib writes is read by us as by itself: a carriage return is a line feed by then.
    call = decode_call(body)
    assert as_ours(call.parameters) == as_ours(read_by_xmlrpclib(body)[0])
    check_round_trip(value)


def check_round_trip(value: Value) -> None:
    """What we write is what we, and xmlrpclib, read: but for what the wire cannot carry."""
    expected = _as_written(value)
    written = encode_answer(_without_nil(value))
    theirs, _ = read_by_xmlrpclib(written)
    assert as_ours(theirs) == as_ours((expected,))
    call = written.replace(b"<methodResponse>", b"<methodCall><methodName>m</methodName>", 1)
    call = call.replace(b"</methodResponse>\n", b"</methodCall>")
    assert as_ours(decode_call(call).parameters) == as_ours((expected,))


def read_by_xmlrpclib(document: bytes) -> tuple[tuple[Any, ...], str | None]:
    """The values and the method of a call or an answer."""
    return xmlrpc.client.loads(document)


def as_ours(value: Any) -> Any:
    """A value of either library in one form, in which types differ where they should."""
    if isinstance(value, xmlrpc.client.Binary):
        return value.data
    if isinstance(value, xmlrpc.client.DateTime | DateTime):
        return ("date", str(value))
    if isinstance(value, Mapping):
        return {name: as_ours(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [as_ours(each) for each in value]
    return (type(value).__name__, value) if isinstance(value, bool | int | float) else value


def _value(choices: Choices, depth: int) -> Any:
    kind = choices.number(9 if depth < _DEEPEST else 7)
    if kind == 0:
        return choices.text(_PIECES, 12)
    if kind == 1:
        return choices.number(2**32 - 1) - 2**31
    if kind == 2:
        return choices.is_so()
    if kind == 3:
        return choices.number(2**53) * 10.0 ** (choices.byte() - 128)
    if kind == 4:
        return choices.block()
    if kind == 5:
        return xmlrpc.client.DateTime(
            f"20{choices.number(99):02}1122T06:00:{choices.number(59):02}"
        )
    if kind == 6:
        return None
    if kind == 7:
        return choices.block().decode("latin-1")
    if kind == 8:
        return [_value(choices, depth + 1) for _ in range(choices.number(_MOST))]
    names = [choices.text(_PIECES, 4) for _ in range(choices.number(_MOST))]
    return {name: _value(choices, depth + 1) for name in names}


def _as_written(value: Any) -> Any:
    """What becomes of a value on its way, by the rules that the encoder tells."""
    if isinstance(value, xmlrpc.client.DateTime | DateTime):
        return DateTime(str(value))
    if isinstance(value, str):
        text = value.replace("\r\n", "\n").replace("\r", "\n")
        return _UNWRITABLE.sub("\ufffd", text)
    if value is None:
        return ""
    if isinstance(value, Mapping):
        return {_as_written(name): _as_written(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_as_written(each) for each in value]
    if type(value) is int and not -(2**31) <= value < 2**31:
        return float(value)
    return value


def _without_nil(value: Any) -> Any:
    """A value as methods give it: `None` is never written."""
    if isinstance(value, Mapping):
        return {name: _without_nil(each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_without_nil(each) for each in value]
    if isinstance(value, xmlrpc.client.DateTime):
        return DateTime(str(value))
    return "" if value is None else value
