"""What a request shows of who sends it: a session id, or an API token."""

from archive_server.http.requests import ArchiveRequest

COOKIE = "sessid"
_BEARER = "bearer "


def shown(request: ArchiveRequest) -> str | None:
    """By `Authorization: Bearer`, else by cookie, else by the parameter `sessid`."""
    authorization = request.header("authorization") or ""
    if authorization.lower().startswith(_BEARER):
        return authorization[len(_BEARER) :].strip()
    cookie = request.cookie(COOKIE)
    return request.argument("sessid") if cookie is None else cookie
