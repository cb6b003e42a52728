"""Calls as PHP's PEAR XML_RPC 1.5.1 makes them for `xr_cli_test.php`.

LiveSupport storage protocol, 1.2, 1.3, 12.2: HTTP/1.0 without keep-alive, `Host` without a port,
every argument a string, line ends collapsed; the status line must have a blank after 200.
"""

import re
import xmlrpc.client
from dataclasses import dataclass
from typing import Any
from xml.sax.saxutils import escape

from legacy.station import Station

Fault = xmlrpc.client.Fault

_STATUS = re.compile(rb"HTTP/[0-9.]+ 200 ")
_LINE_ENDS = re.compile(r"[\r\n]+")
_DATE_TIME = re.compile(r"\d{8}T\d{2}:\d{2}:\d{2}")
_UNKNOWN_TAGS = re.compile(rb"<(nil|i8|ex:[a-z0-9]+)\b")


@dataclass(frozen=True)
class PearClient:
    """`XML_RPC_Client`."""

    station: Station

    def call(self, method: str, /, **members: Any) -> Any:
        """Make a call. Raises Fault."""
        return self.send(method if "." in method else f"locstor.{method}", members)

    def send(self, method: str, *parameters: Any) -> Any:
        received = self.station.exchange(request(self.station, method, *parameters), ends=True)
        assert _STATUS.match(received), received[:80]
        body = received.partition(b"\r\n\r\n")[2]
        assert not _UNKNOWN_TAGS.search(body), "invalid return payload"
        ((result,), _) = xmlrpc.client.loads(body)
        return result

    def fault(self, method: str, /, **members: Any) -> int:
        """The code of the fault a call ends with; 0 if it succeeds."""
        try:
            self.call(method, **members)
        except Fault as fault:
            return fault.faultCode
        return 0


def request(station: Station, method: str, *parameters: Any) -> bytes:
    inner = "".join(f"<param>\n{_value(parameter)}</param>\n" for parameter in parameters)
    body = _LINE_ENDS.sub(
        "\r\n",
        f'<?xml version="1.0" encoding="UTF-8"?>\n<methodCall>\n<methodName>{method}</methodName>\n'
        f"<params>\n{inner}</params>\n</methodCall>\n",
    ).encode()
    head = (
        f"POST {station.endpoint} HTTP/1.0\r\nUser-Agent: PEAR XML_RPC\r\n"
        f"Host: {station.host}\r\nContent-Type: text/xml\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def _value(value: Any) -> str:
    if isinstance(value, dict):
        inner = "".join(
            f"<member><name>{name}</name>\n{_value(each)}</member>\n"
            for name, each in value.items()
        )
        return f"<value><struct>\n{inner}</struct></value>\n"
    if isinstance(value, list):
        return f"<value><array>\n<data>\n{''.join(map(_value, value))}</data>\n</array></value>\n"
    if isinstance(value, bool):
        return f"<value><boolean>{value:d}</boolean></value>\n"
    if isinstance(value, int):
        return f"<value><int>{value}</int></value>\n"
    kind = "dateTime.iso8601" if _DATE_TIME.fullmatch(value) else "string"
    return f"<value><{kind}>{escape(value)}</{kind}></value>\n"
