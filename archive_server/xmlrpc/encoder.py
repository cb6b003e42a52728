"""Writes XML-RPC answers that the oldest parsers can read.

xmlrpc++ 0.8 searches for literal text (LiveSupport storage protocol, 1.3), which decides nearly
everything here: every value has a type, no tag closes itself, there is neither `nil` nor `i8`, and
the only references are `&amp;`, `&lt;` and `&gt;`: what else a string holds is raw UTF-8.
"""

import re
from base64 import b64encode
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from typing import Any

from archive_server.xmlrpc.values import DateTime, Fault, Value

_START = '<?xml version="1.0" encoding="UTF-8"?>\n<methodResponse>'
_END = "</methodResponse>\n"

# Text as far as XML 1.0 (2.2) and UTF-8 go, less the carriage return: a reference for it would
# reach xmlrpc++ as five characters, and raw it is a line feed to every XML parser.
_UNWRITABLE = re.compile("[^\t\n\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def encode_answer(value: Value) -> bytes:
    """Write the answer to a call that succeeded; blocks for milliseconds a megabyte."""
    text = f"{_START}<params><param>{_value(value)}</param></params>{_END}"
    return text.encode()


def encode_fault(fault: Fault) -> bytes:
    """Write the answer to a call that failed."""
    return f"{_START}<fault>{_value(fault_struct(fault))}</fault>{_END}".encode()


def fault_struct(fault: Fault) -> Mapping[str, Value]:
    """Give a fault as the value it is on the wire."""
    return {"faultCode": fault.code, "faultString": fault.text}


def _value(value: Any) -> str:
    return _WRITERS[type(value)](value)


def _string(text: str) -> str:
    return f"<value><string>{_escaped(text)}</string></value>"


def _escaped(text: str) -> str:
    if "&" in text:
        text = text.replace("&", "&amp;")
    if "<" in text:
        text = text.replace("<", "&lt;")
    if ">" in text:
        text = text.replace(">", "&gt;")
    if not text.isprintable() and _UNWRITABLE.search(text):
        text = text.replace("\r\n", "\n").replace("\r", "\n")
        text = _UNWRITABLE.sub("\ufffd", text)
    return text


def _boolean(truth: bool) -> str:
    return f"<value><boolean>{truth:d}</boolean></value>"


def _integer(number: int) -> str:
    """Write an integer; as a double where 32 bits do not suffice.

    A size of 3 GB has to be something. A double is a type that every parser knows, is exact up to
    2^53, and compares equal to the integer in PHP and Python; a clamped size would be a lie, and
    text would be unequal to every number.
    """
    if -(2**31) <= number < 2**31:
        return f"<value><int>{number}</int></value>"
    return f"<value><double>{number}.0</double></value>"


def _double(number: float) -> str:
    if number - number != 0:  # infinite, or not a number
        raise ValueError(f"XML-RPC has no {number}")
    # The specification knows no exponents.
    return f"<value><double>{Decimal(repr(number)):f}</double></value>"


def _date_time(moment: DateTime) -> str:
    return f"<value><dateTime.iso8601>{moment}</dateTime.iso8601></value>"


def _base64(block: bytes) -> str:
    return f"<value><base64>{b64encode(block).decode()}</base64></value>"


def _array(values: Sequence[Value]) -> str:
    inner = "".join([_WRITERS[type(value)](value) for value in values])
    return f"<value><array><data>{inner}</data></array></value>"


def _struct(members: Mapping[str, Value]) -> str:
    inner = "".join(
        [
            f"<member><name>{_escaped(name)}</name>{_WRITERS[type(value)](value)}</member>"
            for name, value in members.items()
        ]
    )
    return f"<value><struct>{inner}</struct></value>"


class _Writers(dict[type, Callable[[Any], str]]):
    """The function that writes each type; a derived one is written as what it derives from."""

    def __missing__(self, kind: type) -> Callable[[Any], str]:
        for base in kind.__mro__[1:]:
            if base in self:
                return self[base]
        raise TypeError(f"XML-RPC has no {kind.__name__}")


_WRITERS = _Writers(
    {
        str: _string,
        bool: _boolean,
        int: _integer,
        float: _double,
        DateTime: _date_time,
        bytes: _base64,
        list: _array,
        tuple: _array,
        dict: _struct,
    }
)
