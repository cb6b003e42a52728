"""Which web pages may use the archive: its own, and those of the origins that are configured.

A browser sends cookies along with what any page makes it ask for. So what changes something by the
right of a cookie must come from a page of ours (`require_ours`: Sec-Fetch-Site, or else Origin,
which no page can make up). To pages of other origins a browser shows no answer, nor lets them send
what forms cannot, unless the archive says that they may (CORS; https://fetch.spec.whatwg.org/).
"""

from collections.abc import Mapping, Sequence

from archive_server.errors import Forbidden
from archive_server.http.requests import ArchiveRequest, Route

_ASKING = (
    "authorization, content-type, content-range, if-match, if-none-match, if-range, range, "
    "tus-resumable, upload-length, upload-offset, x-http-method-override"
)
_SHOWN = (
    "accept-ranges, content-disposition, content-range, etag, location, repr-digest, retry-after, "
    "tus-resumable, tus-version, upload-length, upload-offset"
)
_KEPT_S = 600  # what a browser was told, it need not ask again for so long


class Origins:
    """The origins whose pages may use the archive beside its own."""

    def __init__(self, allowed: Sequence[str]) -> None:
        self._allowed = frozenset(origin.lower() for origin in allowed)

    def admit(self, request: ArchiveRequest) -> None:
        """Let a page of an origin that is allowed see the answer, and answer what it asks first."""
        if not self._allowed:
            return
        request.origin_headers = {"vary": "Origin"}
        origin = (request.header("origin") or "").lower()
        if origin not in self._allowed:
            return
        request.origin_headers = {
            "vary": "Origin",
            "access-control-allow-origin": origin,
            "access-control-allow-credentials": "true",
            "access-control-expose-headers": _SHOWN,
        }
        if request.verb == "OPTIONS" and request.header("access-control-request-method"):
            methods = request.route.methods if request.route is not None else ()
            request.route, request.names = _preflight(methods), {}

    def require_ours(self, request: ArchiveRequest) -> None:
        """Raise Forbidden where a browser says that a page of somebody else's asks for this."""
        origin = (request.header("origin") or "").lower()
        if origin in self._allowed:
            return
        site = request.header("sec-fetch-site")
        if site is not None and site not in ("same-origin", "none"):
            raise Forbidden("this cannot be asked for by pages of another origin")
        # Who sends neither is no browser, and has cookies of its own making only.
        if site is None and origin and origin != _ours(request):
            raise Forbidden("this cannot be asked for by pages of another origin")


NO_OTHERS = Origins(())


def _ours(request: ArchiveRequest) -> str:
    scheme = "https" if request.is_secure else "http"
    return f"{scheme}://{request.header('host') or ''}".lower()


def _preflight(methods: Sequence[str]) -> Route:
    headers: Mapping[str, str] = {
        "access-control-allow-methods": ", ".join(methods),
        "access-control-allow-headers": _ASKING,
        "access-control-max-age": str(_KEPT_S),
    }

    def answer(request: ArchiveRequest, /, **_: str) -> None:
        request.send(204, headers=headers)

    return Route("(preflight)", ("OPTIONS",), answer)
