"""The way of a request to its route: begun by its headers, handed its body, or refused without."""

from collections.abc import Callable
from urllib.parse import unquote, urlsplit

from archive_server.errors import BadRequest, NotFound, TooLarge
from archive_server.http.bodies import Body
from archive_server.http.requests import KNOWN_METHODS, ArchiveRequest
from archive_server.http.responses import HttpProblem, send_error


def choose_route(request: ArchiveRequest, hosts: int) -> None:
    """Find the route, or the reason why there is none; `hosts` is the number of Host headers."""
    if request.is_modern and hosts != 1:
        request.refusal = BadRequest("exactly one Host header expected")  # RFC 9112, 3.2
        return
    found = request.front.find_route(_path(request.target))
    if found is None:
        request.refusal = NotFound("there is nothing at this path")
        return
    request.route, request.names = found
    request.front.admit(request)
    if request.verb not in request.route.methods:
        status = 405 if request.verb in KNOWN_METHODS else 501
        allowed = ", ".join(request.route.methods)
        request.refusal = HttpProblem(
            status, f"this can be asked for with {allowed}", {"allow": allowed}
        )


def expect_body(
    request: ArchiveRequest, pause: Callable[[], None], resume: Callable[[], None]
) -> None:
    """Prepare for the body that a request announces; see `Body` for `pause` and `resume`."""
    if request.refusal is None and request.route is not None and request.route.streams:
        request.body = Body(pause, resume)
    else:
        length = request.headers.get(b"content-length", b"0")
        _check_size(request, int(length))


def begin(request: ArchiveRequest) -> None:
    """Its turn has come; of its body something or all may have come, too."""
    request.began_at = request.front.seconds()
    if request.refusal is not None:
        refuse(request, request.refusal)
    elif request.body is not None or request.body_has_come:
        _answer(request)
    else:
        request.welcome()


def take(request: ArchiveRequest, some: bytes) -> None:
    """Take what has come of the body."""
    if request.body is not None:
        if not request.is_finished and not request.is_gone:
            request.body.feed(some)
    elif request.refusal is None:
        _check_size(request, request.size + len(some))
        if request.refusal is None:
            request.hold(some)
        if request.refusal is not None and request.began_at is not None:
            refuse(request, request.refusal)


def complete(request: ArchiveRequest) -> None:
    """All of the body has come."""
    request.body_has_come = True
    if request.body is not None:
        request.body.end()
    elif request.began_at is not None and request.refusal is None:
        _answer(request)


def give_up(request: ArchiveRequest) -> None:
    """Wait for its body no longer. Who takes it as it comes keeps that first, and then answers."""
    if request.body is not None:
        request.body.lose()
    else:  # in the words of HTTP, whatever its route speaks: there is no call to answer
        send_error(request, HttpProblem(408, "the body comes too slowly"))


def refuse(request: ArchiveRequest, error: Exception) -> None:
    """Answer with an error, unless there is an answer already."""
    if request.has_started or request.is_finished:
        return
    if request.target == b"*" and request.verb == "OPTIONS":  # about the server as a whole
        request.send(204)
    else:
        shown = request.route.refuse if request.route is not None else None
        (shown or send_error)(request, error)


def _answer(request: ArchiveRequest) -> None:
    route = request.route
    assert route is not None, "a request without a route is refused"
    if route.streams:
        if request.body is None:  # and none was announced
            request.body = Body(_do_nothing, _do_nothing)
            request.body.end()
    else:
        if request.chunks:
            request.content = b"".join(request.chunks)
            request.chunks.clear()
    try:
        route.answer(request, **request.names)
    except Exception as error:  # noqa: BLE001  # whatever it is, it costs this request only
        refuse(request, error)


def _check_size(request: ArchiveRequest, size: int) -> None:
    most = request.front.request_bytes
    if size > most and request.refusal is None:
        request.refusal = TooLarge(f"requests may have {most} bytes at most")


def _path(target: bytes) -> str:
    """The path of a request target, which may be a whole URL (RFC 9112, 3.2.2)."""
    text = target.partition(b"?")[0].decode("latin-1")
    if not text.startswith("/"):
        try:
            text = urlsplit(text).path
        except ValueError:
            return ""
    return unquote(text) if "%" in text else text


def _do_nothing() -> None:
    """There is nothing to pause."""
