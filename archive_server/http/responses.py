"""Answers: coroutines into responses, errors into problem documents (RFC 9457)."""

import json
from collections.abc import Coroutine, Mapping
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.http import RESPONSES, Request
from twisted.web.server import NOT_DONE_YET

from archive_server.errors import (
    ArchiveError,
    NoSession,
    RefusedAudio,
    TooManyAttempts,
    Unavailable,
    WrongOffset,
)
from archive_server.problems import Problem, problem_for

log = Logger()

_GENERIC_FAULT = 805
_KEPT_HEADERS = frozenset({b"server", b"date", b"tus-resumable"})


class HttpProblem(Exception):
    """A request that HTTP itself has no answer for, whatever the archive holds."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}


def respond(request: Request, work: Coroutine[Any, Any, None], *, to_the_end: bool = False) -> int:
    """Answer a request with a coroutine.

    It is cancelled if the client leaves, unless it has to get `to_the_end` because it holds what
    it must let go of itself. Whatever it raises becomes the answer.
    """
    answer = Deferred.fromCoroutine(work)
    if not to_the_end:
        request.notifyFinish().addErrback(lambda _: answer.cancel())
    answer.addErrback(_answer_failure, request)
    answer.addErrback(lambda failure: log.failure("cannot answer with an error", failure))
    return NOT_DONE_YET


def is_gone(request: Request) -> bool:
    """Whether the client has left before its answer was complete."""
    return not request.finished and request.channel is None


def send(
    request: Request,
    status: int,
    body: bytes = b"",
    content_type: str = "text/plain; charset=UTF-8",
    headers: Mapping[str, str] | None = None,
) -> None:
    """Send a whole answer; nothing if the client is gone."""
    if is_gone(request):
        return
    request.setResponseCode(status)
    if status not in (204, 304):
        request.setHeader("content-type", content_type)
        request.setHeader("content-length", str(len(body)))
    for name, value in (headers or {}).items():
        request.setHeader(name, value)
    request.write(body)
    request.finish()


def send_error(request: Request, error: Exception) -> None:
    """Answer with a problem document. What nobody has foreseen is logged and shown as a 500."""
    _forget_headers(request)
    if isinstance(error, Unavailable):
        log.warn("not available: {error}, {cause}", error=error, cause=error.__cause__)
    if isinstance(error, ArchiveError):
        _send_problem(request, problem_for(error), str(error), _facts(error), _headers(error))
    elif isinstance(error, HttpProblem):
        title = RESPONSES.get(error.status, b"Error").decode()
        problem = Problem(_GENERIC_FAULT, error.status, title)
        _send_problem(request, problem, str(error), {}, error.headers)
    else:
        log.failure("request fails", Failure(error))
        problem = Problem(_GENERIC_FAULT, 500, "Internal error")
        _send_problem(request, problem, "the server's log tells more", {}, {})


def send_as_text(request: Request, error: ArchiveError | HttpProblem, status: int) -> None:
    """Answer with an error for those who read a line of text, and know it by this status."""
    _forget_headers(request)
    if isinstance(error, Unavailable):
        log.warn("not available: {error}, {cause}", error=error, cause=error.__cause__)
    headers = _headers(error) if isinstance(error, ArchiveError) else error.headers
    body = f"{error}\r\n".encode("utf-8", "replace")
    send(request, status, body, headers={"cache-control": "no-store", **headers})


def _forget_headers(request: Request) -> None:
    """Take back what was to be said of an answer that an error has come before."""
    for name, _ in list(request.responseHeaders.getAllRawHeaders()):
        if name.lower() not in _KEPT_HEADERS:
            request.responseHeaders.removeHeader(name)


def _answer_failure(failure: Failure, request: Request) -> None:
    error = failure.value
    if is_gone(request) and isinstance(error, CancelledError | ArchiveError | HttpProblem):
        return
    if not isinstance(error, Exception):
        failure.raiseException()
    if request.startedWriting or is_gone(request):
        # The status is out; all that is left is not to let a part pass for the whole.
        log.failure("answer breaks off", failure)
        if not is_gone(request) and not request.finished:
            transport: Any = request.transport
            transport.abortConnection()
        return
    send_error(request, error)


def _send_problem(
    request: Request,
    problem: Problem,
    detail: str,
    facts: Mapping[str, Any],
    headers: Mapping[str, str],
) -> None:
    document = {
        "type": problem.type,
        "title": problem.title,
        "status": problem.status,
        "detail": detail,
        "fault_code": problem.fault_code,
        **facts,
    }
    send(
        request,
        problem.status,
        json.dumps(document, ensure_ascii=False).encode("utf-8", "replace") + b"\n",
        "application/problem+json",
        {"cache-control": "no-store", **headers},
    )


def _facts(error: ArchiveError) -> dict[str, Any]:
    """What a program wants to know of an error, beyond its sentence."""
    if isinstance(error, WrongOffset):
        return {"offset": error.offset}
    if isinstance(error, RefusedAudio):
        return {"reason": error.reason}
    if isinstance(error, Unavailable | TooManyAttempts):
        return {"retry_after": error.retry_after}
    return {}


def _headers(error: ArchiveError) -> dict[str, str]:
    if isinstance(error, WrongOffset):
        return {"upload-offset": str(error.offset)}
    if isinstance(error, Unavailable | TooManyAttempts):
        return {"retry-after": str(error.retry_after)}
    if isinstance(error, NoSession):
        return {"www-authenticate": 'Bearer realm="archive"'}
    return {}
