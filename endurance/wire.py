"""What the clients of a dying archive hear: an answer, a refusal, or nothing they could rely on."""

import http.client
import time
import xmlrpc.client
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

_TIMEOUT_S = 30
_AWAY = 804  # the fault of what cannot be done now
_BROKEN = (OSError, http.client.HTTPException)
_PIECE = 65536


class Unanswered(Exception):
    """Nobody knows whether it was done: no answer came, or "not available now"."""


class Refused(Exception):
    """An answer, and it is no. What was asked for has not been done."""

    def __init__(self, code: int, text: str) -> None:
        super().__init__(f"{code}: {text}")
        self.code = code


@dataclass(frozen=True, slots=True)
class Answer:
    """An HTTP response."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Wire:
    """One client's connection, which it makes anew when it is lost."""

    def __init__(self, port: int) -> None:
        self._http = http.client.HTTPConnection("127.0.0.1", port, timeout=_TIMEOUT_S)
        self.session_id = ""

    def log_in(self, login: str, password: str) -> None:
        """Get a session, for all calls that follow. Raises Unanswered, Refused."""
        self.session_id = self.call("login", login=login, **{"pass": password})["sessid"]

    def call(self, method: str, **members: object) -> Any:
        """Call `locstor.METHOD`. Raises Unanswered, Refused."""
        struct = {"sessid": self.session_id, **members}
        body = xmlrpc.client.dumps((struct,), f"locstor.{method}").encode()
        answer = self.ask("POST", "/xmlrpc", body, {"Content-Type": "text/xml"})
        if answer.status != 200:
            raise Refused(answer.status, f"{method}: {answer.body[:200]!r}")
        try:
            ((value,), _) = xmlrpc.client.loads(answer.body)
        except xmlrpc.client.Fault as fault:
            if fault.faultCode == _AWAY:
                raise Unanswered(fault.faultString) from fault
            raise Refused(fault.faultCode, f"{method}: {fault.faultString}") from fault
        return value

    def ask(
        self,
        method: str,
        path: str,
        body: bytes | Iterator[bytes] | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """Send a request and read its whole answer. Raises Unanswered."""
        try:
            self._http.request(method, path, body, dict(headers or {}))
            response = self._http.getresponse()
            answer = Answer(response.status, dict(response.headers), response.read())
        except _BROKEN as error:
            self._http.close()
            raise Unanswered(repr(error)) from error
        if answer.status == 503:
            raise Unanswered(answer.body.decode(errors="replace")[:200])
        return answer

    def get_from(self, path: str, start: int, into: bytearray, pause_s: float) -> int:
        """Read a file from a place on into a buffer, piece by piece; return the status.

        What has come is in the buffer, also when Unanswered is raised.
        """
        try:
            self._http.request("GET", path, headers={"Range": f"bytes={start}-"})
            response = self._http.getresponse()
            if response.status != 206:
                response.read()
                if response.status == 503:
                    raise Unanswered("503")
                return response.status
            while piece := response.read(_PIECE):
                into += piece
                time.sleep(pause_s)
            if response.length:
                raise http.client.IncompleteRead(b"", response.length)
        except _BROKEN as error:
            self._http.close()
            raise Unanswered(repr(error)) from error
        return response.status

    def close(self) -> None:
        """Hang up."""
        self._http.close()


def in_pieces(whole: bytes, pause_s: float) -> Iterator[bytes]:
    """A body that takes its time, so that there is something to interrupt."""
    for start in range(0, len(whole), _PIECE):
        yield whole[start : start + _PIECE]
        time.sleep(pause_s)
