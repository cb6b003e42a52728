"""Sessions of browsers: `/session`, where a page logs in, looks who it is, and logs out.

| request | meaning | answer |
|---|---|---|
| `POST`, a form or JSON with `login` and `pass` | logs in | 200, a cookie, who it is |
| `GET` | who is logged in | 200; 401: nobody |
| `DELETE` | logs out | 204, no cookie |

The cookie is not for scripts (HttpOnly), not sent along by other sites' forms (SameSite), and never
without TLS once it came by it (Secure).
"""

import json
import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qs

from archive_server.errors import BadRequest, NoSession, TooLarge
from archive_server.http import credentials
from archive_server.http.origins import Origins
from archive_server.http.requests import ArchiveRequest
from archive_server.services.sessions import SessionService

_LARGEST = 16 * 1024  # bytes of what is sent to log in
_JSON = "application/json"
_SURROGATE = re.compile("[\ud800-\udfff]")  # half a pair, which JSON can hold, and no text


@dataclass(frozen=True)
class BrowserSessions:
    """Answers `/session`."""

    service: SessionService
    origins: Origins

    async def answer(self, request: ArchiveRequest) -> None:
        """Do what the method says."""
        request.set_header("cache-control", "no-store")
        if request.verb == "POST":
            await self._log_in(request)
        elif request.verb == "DELETE":
            await self._log_out(request)
        else:
            await self._tell(request, _shown(request))

    async def _log_in(self, request: ArchiveRequest) -> None:
        self.origins.require_ours(request)  # or a page could log its victim in as somebody else
        fields = _fields(request)
        login, password = _text(fields, "login"), _text(fields, "pass")
        session_id = await self.service.log_in(login, password, request.address)
        age_s = round(self.service.policy.absolute.total_seconds())
        request.set_header("set-cookie", _cookie(request, session_id, age_s))
        await self._tell(request, session_id)

    async def _tell(self, request: ArchiveRequest, session_id: str) -> None:
        caller = await self.service.caller(session_id)
        request.traces["user"] = caller.login
        told = {"login": caller.login, "role": caller.role.value, "scope": caller.scope.value}
        request.send(200, json.dumps(told, ensure_ascii=False).encode() + b"\n", _JSON)

    async def _log_out(self, request: ArchiveRequest) -> None:
        self.origins.require_ours(request)
        await self.service.log_out(_shown(request), request.address)
        request.send(204, headers={"set-cookie": _cookie(request, "", 0)})


def _shown(request: ArchiveRequest) -> str:
    session_id = credentials.shown(request)
    if not session_id:
        raise NoSession("nobody is logged in here")
    return session_id


def _cookie(request: ArchiveRequest, session_id: str, age_s: int) -> str:
    secure = "; Secure" if request.is_secure else ""
    name = credentials.COOKIE
    return f"{name}={session_id}; Path=/; Max-Age={age_s}; HttpOnly; SameSite=Lax{secure}"


def _fields(request: ArchiveRequest) -> dict[str, Any]:
    """What was sent, as a form or as JSON. Raises BadRequest, TooLarge."""
    if len(request.content) > _LARGEST:
        raise TooLarge(f"a login has {_LARGEST} bytes at most")
    try:
        text = request.content.decode()
        kind = (request.header("content-type") or "").partition(";")[0].strip().lower()
        if kind != _JSON:
            given = parse_qs(text, strict_parsing=True)
            return {name: values[-1] for name, values in given.items()}
        fields = json.loads(text)
    except (ValueError, RecursionError) as error:  # also what is not UTF-8
        raise BadRequest("a form or JSON with login and pass expected") from error
    if not isinstance(fields, dict):
        raise BadRequest("JSON: an object with login and pass expected")
    return fields


def _text(fields: dict[str, Any], name: str) -> str:
    value = fields.get(name)
    if not isinstance(value, str) or _SURROGATE.search(value):
        raise BadRequest(f"{name}: text expected")
    return value
