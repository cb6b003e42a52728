"""Calls as the C++ clients make them: xmlrpc++ 0.8, which searches answers for literal text.

LiveSupport storage protocol, 1.2, 1.3, 11.2. What its scanner cannot read, this one cannot read
either, however well-formed it is.
"""

import re
from dataclasses import dataclass, field
from typing import Any
from xml.sax.saxutils import escape

from legacy.station import Station, fetch

_LENGTH = re.compile(rb"content-length: (\d+)", re.IGNORECASE)  # one blank, and only one


class Unreadable(Exception):
    """The library gives up: `cannot execute XML-RPC method`."""


class Fault(Exception):
    """A fault."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(code, text)
        self.code = code
        self.text = text


class DateTime(str):
    """A time, written as `YYYYMMDDThh:mm:ss`."""


@dataclass
class WebStorageClient:
    """`WebStorageClient` and `WebAuthenticationClient`: one TCP connection a call."""

    station: Station
    session_id: str = field(default="")

    def log_in(self, password: str) -> "WebStorageClient":
        answer = self.call("login", login="root", **{"pass": password})
        assert set(answer) == {"sessid"}
        assert type(answer["sessid"]) is str
        self.session_id = answer["sessid"]
        return self

    def log_out(self) -> None:
        assert self.call("logout", sessid=self.session_id)["status"] is True

    def call(self, method: str, /, **members: Any) -> Any:
        """Make a call without a session."""
        return read(self.station.exchange(request(self.station, method, members or _DUMMY)))

    def ask(self, method: str, /, **members: Any) -> Any:
        """Make a call with the session."""
        return self.call(method, sessid=self.session_id, **members)

    def put(self, url: str, whole: bytes) -> None:
        """Upload as libcurl does; nobody looks at the status."""
        fetch("PUT", url, whole, {"Expect": "100-continue"})


# The library cannot send an empty struct.
_DUMMY = {"dummy": 0}


def request(station: Station, method: str, members: dict[str, Any]) -> bytes:
    body = (
        f'<?xml version="1.0"?>\r\n<methodCall><methodName>locstor.{method}</methodName>\r\n'
        f"<params><param>{_value(members)}</param></params></methodCall>\r\n"
    ).encode()
    head = (
        f"POST {station.endpoint} HTTP/1.1\r\nUser-Agent: XMLRPC++ 0.8\r\n"
        f"Host: {station.host}:{station.port}\r\nContent-Type: text/xml\r\n"
        f"Content-length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _value(value: Any) -> str:
    if isinstance(value, DateTime):
        return f"<value><dateTime.iso8601>{value}</dateTime.iso8601></value>"
    if isinstance(value, str):
        return f"<value>{escape(value)}</value>"
    if isinstance(value, bool):
        return f"<value><boolean>{value:d}</boolean></value>"
    if isinstance(value, int):
        return f"<value><i4>{value}</i4></value>"
    if isinstance(value, list):
        return f"<value><array><data>{''.join(map(_value, value))}</data></array></value>"
    inner = "".join(
        f"<member><name>{name}</name>{_value(each)}</member>"
        for name, each in sorted(value.items())
    )
    return f"<value><struct>{inner}</struct></value>"


def read(received: bytes) -> Any:
    """What the library makes of a response. Raises Fault, Unreadable."""
    head, _, body = received.partition(b"\r\n\r\n")
    length = _LENGTH.search(head)
    if length is None or not 0 < int(length[1]) <= len(body):
        raise Unreadable(head)
    scanner = _Scanner(body[: int(length[1])].decode())
    scanner.skip_to("<methodResponse>")
    if scanner.has("<params>"):
        scanner.must("<param>")
        return scanner.value()
    scanner.must("<fault>")
    fault = scanner.value()
    if type(fault["faultCode"]) is not int or type(fault["faultString"]) is not str:
        raise Unreadable(fault)
    raise Fault(fault["faultCode"], fault["faultString"])


class _Scanner:
    def __init__(self, text: str) -> None:
        self.text = text
        self.place = 0

    def skip_to(self, tag: str) -> None:
        found = self.text.find(tag)
        if found < 0:
            raise Unreadable(tag)
        self.place = found + len(tag)

    def has(self, tag: str) -> bool:
        place = self.place
        while self.text[place : place + 1].isspace():
            place += 1
        if not self.text.startswith(tag, place):
            return False
        self.place = place + len(tag)
        return True

    def must(self, tag: str) -> None:
        if not self.has(tag):
            raise Unreadable(f"{tag} expected at {self.text[self.place : self.place + 40]}")

    def text_before(self, end: str) -> str:
        found = self.text.find("<", self.place)
        text, self.place = self.text[self.place : found], found
        if not self.text.startswith(end, found):
            raise Unreadable(f"{end} expected at {self.text[found : found + 40]}")
        self.place += len(end)
        return text

    def value(self) -> Any:
        self.must("<value>")
        value = self.typed()
        self.must("</value>")
        return value

    def typed(self) -> Any:
        for name, convert in _SIMPLE.items():
            if self.has(f"<{name}>"):
                return convert(self.text_before(f"</{name}>"))
        if self.has("<array>"):
            return self.array()
        if self.has("<struct>"):
            return self.struct()
        raise Unreadable(f"no type at {self.text[self.place : self.place + 40]}")

    def array(self) -> list[Any]:
        self.must("<data>")
        values = []
        while not self.has("</data>"):
            values.append(self.value())
        self.must("</array>")
        return values

    def struct(self) -> dict[str, Any]:
        members = {}
        while not self.has("</struct>"):
            self.must("<member>")
            self.must("<name>")
            name = self.text_before("</name>")
            members[name] = self.value()
            self.must("</member>")
        return members


def _string(text: str) -> str:
    """The library knows five entities, and no numeric references."""
    for entity, letter in (
        ("&lt;", "<"),
        ("&gt;", ">"),
        ("&apos;", "'"),
        ("&quot;", '"'),
        ("&amp;", "&"),
    ):
        text = text.replace(entity, letter)
    return text


def _boolean(text: str) -> bool:
    if text not in ("0", "1"):
        raise Unreadable(text)
    return text == "1"


def _integer(text: str) -> int:
    if not -(2**31) <= int(text) < 2**31:
        raise Unreadable(text)
    return int(text)


_SIMPLE = {
    "boolean": _boolean,
    "i4": _integer,
    "int": _integer,
    "double": float,
    "string": _string,
    "dateTime.iso8601": DateTime,
    "base64": str,
}
