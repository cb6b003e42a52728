"""Reads XML-RPC calls from bytes nobody has vouched for.

Everything that xmlrpc++, PEAR XML_RPC and xmlrpclib send is understood (LiveSupport storage
protocol, 1.2): strings without a type, `i4` and `int`, `nil` and `i8`, tag names in any case.
Whatever is not XML is answered with fault 100 plus expat's error number, XML that is no call with
fault 7.
"""

import math
import re
from binascii import Error as Base64Error
from binascii import a2b_base64
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree.ElementTree import Element

from archive_server.xmlrpc.plain_calls import read_plain
from archive_server.xmlrpc.values import NOT_XML_RPC, DateTime, Fault, Value
from archive_server.xmlrpc.xml_tree import DEEPEST, parse, too_deep

_INTEGER = re.compile(r"[+-]?[0-9]{1,20}")
_DOUBLE = re.compile(r"[+-]?([0-9]{1,400}(\.[0-9]{0,400})?|\.[0-9]{1,400})([eE][+-]?[0-9]{1,4})?")
_DATE_TIME = re.compile(
    r"[0-9]{4}-?[0-9]{2}-?[0-9]{2}T[0-9]{2}:?[0-9]{2}:?[0-9]{2}(Z|[+-][0-9]{2}:?[0-9]{2})?"
)
_MEMBER = ("member", "name", "value")
_TRUTH = {"0": False, "1": True, "false": False, "true": True}


@dataclass(frozen=True, slots=True)
class MethodCall:
    """A call as it was sent."""

    method: str
    parameters: tuple[Value, ...]


def decode_call(body: bytes) -> MethodCall:
    """Read a `methodCall`. Raises Fault; blocks for milliseconds a megabyte."""
    plain = read_plain(body)
    return decode_with_parser(body) if plain is None else MethodCall(plain[0], (plain[1],))


def decode_with_parser(body: bytes) -> MethodCall:
    """The same, whatever is in it."""
    return _method_call(parse(body))


def _method_call(root: Element) -> MethodCall:
    parts = _children(root, "methodCall")
    if len(parts) not in (1, 2) or _name(parts[0]) != "methodname":
        raise Fault(NOT_XML_RPC, "methodCall: methodName and params expected")
    method = _text(parts[0]).strip()
    # A call without parameters may leave out `params`.
    parameters = _children(parts[1], "params") if len(parts) == 2 else []
    return MethodCall(method, tuple(_only_value(parameter) for parameter in parameters))


def _only_value(parameter: Element) -> Value:
    values = _children(parameter, "param")
    if len(values) != 1 or _name(values[0]) != "value":
        raise Fault(NOT_XML_RPC, "param: one value expected")
    return _value(values[0], 3)


def _value(element: Element, depth: int) -> Value:
    """Read a `value`; without a type it is a string."""
    if not len(element):
        return element.text or ""
    kind = element[0]
    if len(element) > 1 or not (_is_blank(element.text) and _is_blank(kind.tail)):
        raise Fault(NOT_XML_RPC, "value: text or one type expected")
    read = _READERS.get(kind.tag) or _READERS.get(_name(kind))
    if read is None:
        raise Fault(NOT_XML_RPC, f"value: unknown type {_name(kind)[:40]}")
    if depth > DEEPEST:
        raise too_deep()
    return read(kind, depth + 2)


def _struct(element: Element, depth: int) -> Value:
    members: dict[str, Value] = {}
    for member in element:
        if len(member) != 2:
            raise _bad_struct()
        name, value = member
        tags = member.tag, name.tag, value.tag
        if tags != _MEMBER and (_name(member), _name(name), _name(value)) != _MEMBER:
            raise _bad_struct()
        members[_text(name)] = _value(value, depth + 1)
    return members


def _bad_struct() -> Fault:
    return Fault(NOT_XML_RPC, "struct: members with a name and a value expected")


def _array(element: Element, depth: int) -> Value:
    if len(element) != 1 or _name(element[0]) != "data":
        raise Fault(NOT_XML_RPC, "array: data expected")
    values: list[Value] = []
    for value in element[0]:
        if value.tag != "value" and _name(value) != "value":
            raise Fault(NOT_XML_RPC, "data: values expected")
        values.append(_value(value, depth + 1))
    return values


def _string(element: Element, depth: int) -> str:
    return _text(element)


def _integer(bits: int) -> Callable[[Element, int], Value]:
    """Make a reader of integers of so many bits."""
    bound = 1 << (bits - 1)

    def read(element: Element, depth: int) -> int:
        text = _text(element).strip()
        if not _INTEGER.fullmatch(text) or not -bound <= int(text) < bound:
            raise Fault(NOT_XML_RPC, f"{_name(element)}: an integer of {bits} bits expected")
        return int(text)

    return read


def _boolean(element: Element, depth: int) -> bool:
    truth = _TRUTH.get(_text(element).strip().lower())
    if truth is None:
        raise Fault(NOT_XML_RPC, "boolean: 0 or 1 expected")
    return truth


def _double(element: Element, depth: int) -> float:
    text = _text(element).strip()
    number = float(text) if _DOUBLE.fullmatch(text) else math.inf
    if not math.isfinite(number):
        raise Fault(NOT_XML_RPC, "double: a finite number expected")
    return number


def _date_time(element: Element, depth: int) -> DateTime:
    text = _text(element).strip()
    if not _DATE_TIME.fullmatch(text):
        raise Fault(NOT_XML_RPC, "dateTime.iso8601: YYYYMMDDThh:mm:ss expected")
    return DateTime(text)


def _base64(element: Element, depth: int) -> bytes:
    try:
        return a2b_base64("".join(_text(element).split()), strict_mode=True)
    except (Base64Error, ValueError) as error:
        raise Fault(NOT_XML_RPC, "base64: cannot be decoded") from error


def _nil(element: Element, depth: int) -> None:
    return None


# By tag as it is usually spelled, and by name in lower case.
_READERS: dict[str, Callable[[Element, int], Value]] = {
    "string": _string,
    "int": _integer(32),
    "i4": _integer(32),
    "i8": _integer(64),
    "boolean": _boolean,
    "double": _double,
    "dateTime.iso8601": _date_time,
    "datetime.iso8601": _date_time,
    "base64": _base64,
    "struct": _struct,
    "array": _array,
    "nil": _nil,
}


def _children(element: Element, name: str) -> list[Element]:
    """List what is in an element that must have this name."""
    if _name(element) != name.lower():
        raise Fault(NOT_XML_RPC, f"{name} expected")
    return list(element)


def _name(element: Element) -> str:
    """Give an element's name in lower case, without its name space."""
    return element.tag.rpartition("}")[2].lower()


def _text(element: Element) -> str:
    if len(element):
        raise Fault(NOT_XML_RPC, f"{_name(element)[:40]}: text expected")
    return element.text or ""


def _is_blank(text: str | None) -> bool:
    return not text or text.isspace()
