"""XML-RPC over HTTP: the resource that every one of its paths leads to."""

from collections.abc import Callable

from twisted.internet.defer import Deferred
from twisted.internet.interfaces import IAddress
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import Resource
from twisted.web.server import NOT_DONE_YET, Request

from archive_server.errors import ArchiveError, TooLarge
from archive_server.problems import problem_for
from archive_server.xmlrpc.compression import SMALLEST, gzipped, inflated, wants_gzip
from archive_server.xmlrpc.dispatch import Dispatcher
from archive_server.xmlrpc.encoder import encode_fault
from archive_server.xmlrpc.method import Client
from archive_server.xmlrpc.values import CRASHED, Fault
from archive_server.xmlrpc.xml_tree import SMALL

log = Logger()

_XML = b"text/xml; charset=UTF-8"
_HINT = b"This is an XML-RPC endpoint: POST a methodCall, for example of system.listMethods.\n"


class XmlRpcResource(Resource):
    """Answers POST. Faults are answered with status 200, as clients expect."""

    isLeaf = True  # noqa: N815 - Twisted's name; `/xmlrpc/` is answered too

    def __init__(
        self, dispatcher: Dispatcher, base_url: Callable[[Request], str], largest: int
    ) -> None:
        """`base_url` says what our URLs begin with for a request; `largest` is in bytes."""
        super().__init__()
        self._dispatcher = dispatcher
        self._base_url = base_url
        self._largest = largest

    def render(self, request: Request) -> int:
        """Answer a request, later."""
        if request.method != b"POST":
            return _refuse_method(request)
        leaving: list[object] = []
        request.notifyFinish().addErrback(leaving.append)
        # Not cancelled when the client leaves: a call that has begun is carried out, and xmlrpc++
        # sends a request once more when the connection is lost before the answer.
        answering = Deferred.fromCoroutine(self._answer(request, leaving))
        answering.addErrback(self._answer_failure, request, leaving)
        return NOT_DONE_YET

    def refuse(self, request: Request, error: Exception) -> None:
        """Answer a request that is not even looked at, in the language of its client."""
        if request.method != b"POST":
            _refuse_method(request)
        else:
            code = problem_for(error).fault_code if isinstance(error, ArchiveError) else CRASHED
            text = str(error) if isinstance(error, ArchiveError) else "internal error"
            _send(request, _XML, encode_fault(Fault(code, text)))

    def _answer_failure(self, failure: Failure, request: Request, leaving: list[object]) -> None:
        """Answer even so: nothing else would ever end the request, or its connection."""
        log.failure("cannot answer", failure)
        if not leaving and not request.startedWriting:
            self.refuse(request, RuntimeError("unforeseen"))

    async def _answer(self, request: Request, leaving: list[object]) -> None:
        assert request.content is not None, "a request is rendered when its body has come"
        body = request.content.read(self._largest + 1)
        if len(body) > self._largest:
            self.refuse(request, TooLarge(f"a call may have {self._largest} bytes"))
            return
        try:
            body = await self._inflated(body, request.getHeader("content-encoding") or "")
        except ArchiveError as error:
            self.refuse(request, error)
            return
        # The site's log reads them; a request of another site has none.
        traces = getattr(request, "traces", {})
        client = Client(_host(request.getClientAddress()), self._base_url(request), traces)
        answer = await self._dispatcher.answer(body, client)
        if len(answer) >= SMALLEST and wants_gzip(request.getHeader("accept-encoding") or ""):
            answer = await self._gzipped(answer)
            request.setHeader(b"Content-Encoding", b"gzip")
        if not leaving:
            _send(request, _XML, answer)

    async def _inflated(self, body: bytes, encoding: str) -> bytes:
        if not encoding:
            return body
        return await self._dispatcher.in_thread(inflated, body, encoding, self._largest)

    async def _gzipped(self, answer: bytes) -> bytes:
        if len(answer) <= SMALL:
            return gzipped(answer)
        return await self._dispatcher.in_thread(gzipped, answer)


def _refuse_method(request: Request) -> int:
    request.setResponseCode(405)
    request.setHeader(b"Allow", b"POST")
    _send(request, b"text/plain; charset=UTF-8", _HINT)
    return NOT_DONE_YET


def _send(request: Request, content_type: bytes, body: bytes) -> None:
    request.setHeader(b"Content-Type", content_type)
    # xmlrpc++ cannot read an answer in chunks.
    request.setHeader(b"Content-Length", b"%d" % len(body))
    # Twisted leaves out the body of an answer to HEAD.
    request.write(body)
    request.finish()


def _host(address: IAddress) -> str:
    return getattr(address, "host", "")
