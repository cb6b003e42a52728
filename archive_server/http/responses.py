"""Answers: coroutines into responses, errors into problem documents (RFC 9457)."""

import json
from collections.abc import Coroutine, Mapping
from typing import Any

from twisted.internet.defer import CancelledError
from twisted.logger import Logger
from twisted.python.failure import Failure

from archive_server.coroutines import carry_out
from archive_server.errors import (
    ArchiveError,
    NoSession,
    RefusedAudio,
    TooManyAttempts,
    Unavailable,
    WrongOffset,
)
from archive_server.http.heads import REASONS
from archive_server.http.requests import ArchiveRequest
from archive_server.problems import Problem, problem_for

log = Logger()

_GENERIC_FAULT = 805


class HttpProblem(Exception):
    """A request that HTTP itself has no answer for, whatever the archive holds."""

    def __init__(self, status: int, detail: str, headers: Mapping[str, str] | None = None) -> None:
        super().__init__(detail)
        self.status = status
        self.headers = headers or {}


def respond(
    request: ArchiveRequest, work: Coroutine[Any, Any, None], *, to_the_end: bool = False
) -> None:
    """Answer a request with a coroutine.

    It is cancelled if the client leaves, unless it has to get `to_the_end` because it holds what
    it must let go of itself. Whatever it raises becomes the answer.
    """
    try:
        answer = carry_out(work)
    except Exception:  # noqa: BLE001 - it is answered
        answer_failure(Failure(), request)
        return
    if answer is None:
        return
    if not to_the_end:
        request.when_gone(answer.cancel)
    answer.addErrback(answer_failure, request)
    answer.addErrback(lambda failure: log.failure("cannot answer with an error", failure))


def send_error(request: ArchiveRequest, error: Exception) -> None:
    """Answer with a problem document. What nobody has foreseen is logged and shown as a 500."""
    _forget_headers(request)
    if isinstance(error, Unavailable):
        log.warn("not available: {error}, {cause}", error=error, cause=error.__cause__)
    if isinstance(error, ArchiveError):
        _send_problem(request, problem_for(error), str(error), _facts(error), _headers(error))
    elif isinstance(error, HttpProblem):
        title = REASONS.get(error.status, "Error")
        problem = Problem(_GENERIC_FAULT, error.status, title)
        _send_problem(request, problem, str(error), {}, error.headers)
    else:
        log.failure("request fails", Failure(error))
        problem = Problem(_GENERIC_FAULT, 500, "Internal error")
        _send_problem(request, problem, "the server's log tells more", {}, {})


def send_as_text(request: ArchiveRequest, error: ArchiveError | HttpProblem, status: int) -> None:
    """Answer with an error for those who read a line of text, and know it by this status."""
    _forget_headers(request)
    if isinstance(error, Unavailable):
        log.warn("not available: {error}, {cause}", error=error, cause=error.__cause__)
    headers = _headers(error) if isinstance(error, ArchiveError) else error.headers
    body = f"{error}\r\n".encode("utf-8", "replace")
    request.send(status, body, headers={"cache-control": "no-store", **headers})


def _forget_headers(request: ArchiveRequest) -> None:
    """Take back what was to be said of an answer that an error has come before."""
    kept = request.answer_headers.get("tus-resumable")
    request.answer_headers.clear()
    request.more_headers = ""
    request.tells_length = False
    if kept is not None:
        request.set_header("tus-resumable", kept)


def answer_failure(failure: Failure, request: ArchiveRequest) -> None:
    """Answer with an error; or break the answer off, if it has begun."""
    error = failure.value
    if request.is_gone and isinstance(error, CancelledError | ArchiveError | HttpProblem):
        return
    if not isinstance(error, Exception):
        failure.raiseException()
    if request.has_started or request.is_gone:
        # The status is out; all that is left is not to let a part pass for the whole.
        log.failure("answer breaks off", failure)
        request.break_off()
        return
    send_error(request, error)


def _send_problem(
    request: ArchiveRequest,
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
    request.send(
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
