"""XML-RPC over HTTP: what all of its paths lead to."""

from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from twisted.internet.defer import DeferredSemaphore
from twisted.logger import Logger
from twisted.python.failure import Failure

from archive_server.coroutines import carry_out
from archive_server.errors import ArchiveError, TooLarge
from archive_server.problems import problem_for
from archive_server.xmlrpc.compression import SMALLEST, gzipped, inflated, wants_gzip
from archive_server.xmlrpc.dispatch import Dispatcher
from archive_server.xmlrpc.encoder import encode_fault
from archive_server.xmlrpc.method import Client
from archive_server.xmlrpc.values import CRASHED, Fault
from archive_server.xmlrpc.xml_tree import SMALL

log = Logger()

_XML = "text/xml; charset=UTF-8"
_TEXT = "text/plain; charset=UTF-8"
_HINT = b"This is an XML-RPC endpoint: POST a methodCall, for example of system.listMethods.\n"
_GZIP = {"content-encoding": "gzip"}
_LARGE_AT_ONCE = 4  # large calls that are read and carried out; the others wait as they came


class HttpRequest(Protocol):
    """What carries a call."""

    verb: str
    content: bytes
    traces: dict[str, str]  # what the log tells of it
    has_started: bool  # its answer has

    @property
    def address(self) -> str: ...

    @property
    def is_gone(self) -> bool: ...

    @property
    def is_secure(self) -> bool: ...

    @property
    def is_forwarded(self) -> bool: ...

    @property
    def here(self) -> object: ...

    def header(self, name: str) -> str | None: ...

    def send(
        self,
        status: int,
        body: bytes = b"",
        content_type: str = _TEXT,
        headers: Mapping[str, str] | None = None,
    ) -> None: ...


class XmlRpcResource:
    """Answers POST. Faults are answered with status 200, as clients expect."""

    def __init__(
        self, dispatcher: Dispatcher, base_url: Callable[[HttpRequest], str], largest: int
    ) -> None:
        """`base_url` says what our URLs begin with for a request; `largest` is in bytes."""
        self._dispatcher = dispatcher
        self._base_url = base_url
        self._largest = largest
        self._large = DeferredSemaphore(_LARGE_AT_ONCE)

    def answer(self, request: HttpRequest, /, **_: str) -> None:
        """Answer a request, now or later.

        It is not cancelled when the client leaves: a call that has begun is carried out, and
        xmlrpc++ sends a request once more when the connection is lost before the answer.
        """
        if request.verb != "POST":
            _refuse_method(request)
            return
        try:
            answering = carry_out(self._answer(request))
        except Exception:  # noqa: BLE001 - it is answered
            self._answer_failure(Failure(), request)
            return
        if answering is not None:
            answering.addErrback(self._answer_failure, request)

    def refuse(self, request: HttpRequest, error: Exception, /) -> None:
        """Answer a request that is not even looked at, in the language of its client."""
        if request.verb != "POST":
            _refuse_method(request)
        else:
            code = problem_for(error).fault_code if isinstance(error, ArchiveError) else CRASHED
            text = str(error) if isinstance(error, ArchiveError) else "internal error"
            request.send(200, encode_fault(Fault(code, text)), _XML)

    def _answer_failure(self, failure: Failure, request: HttpRequest) -> None:
        """Answer even so: nothing else would ever end the request, or its connection."""
        log.failure("cannot answer", failure)
        if not request.is_gone and not request.has_started:
            self.refuse(request, RuntimeError("unforeseen"))

    async def _answer(self, request: HttpRequest) -> None:
        try:
            encoding = request.header("content-encoding")
            if len(request.content) <= SMALL and not encoding:
                await self._carry_out(request, request.content)
                return
            # What is made of large calls, and above all of compressed ones, takes much more memory
            # than they do; whose they are is not known yet.
            async with _turn(self._large):
                if request.is_gone:  # and what it has sent; it has not begun
                    return
                await self._carry_out(request, await self._body(request, encoding))
        except ArchiveError as error:
            self.refuse(request, error)

    async def _carry_out(self, request: HttpRequest, body: bytes) -> None:
        client = Client(request.address, self._base_url(request), request.traces)
        answer = await self._dispatcher.answer(body, client)
        if len(answer) >= SMALLEST and wants_gzip(request.header("accept-encoding") or ""):
            request.send(200, await self._gzipped(answer), _XML, _GZIP)
        else:
            request.send(200, answer, _XML)

    async def _body(self, request: HttpRequest, encoding: str | None) -> bytes:
        """The call, plain. Raises ArchiveError."""
        if len(request.content) > self._largest:
            raise TooLarge(f"a call may have {self._largest} bytes")
        if not encoding:
            return request.content
        return await self._dispatcher.in_thread(inflated, request.content, encoding, self._largest)

    async def _gzipped(self, answer: bytes) -> bytes:
        if len(answer) <= SMALL:
            return gzipped(answer)
        return await self._dispatcher.in_thread(gzipped, answer)


@asynccontextmanager
async def _turn(semaphore: DeferredSemaphore) -> AsyncIterator[None]:
    await semaphore.acquire()
    try:
        yield
    finally:
        semaphore.release()


def _refuse_method(request: HttpRequest) -> None:
    request.send(405, _HINT, _TEXT, {"allow": "POST"})
