"""Reads XML from bytes nobody has vouched for into a tree of elements.

The tree comes from one of two parsers. Small bodies without `<!` go to C ElementTree, the fastest
there is: they hold neither document type nor CDATA nor comments, and are too small to do harm. All
others go through expat's handlers, which refuse document types and limit depth and number of
elements while they read.
"""

from xml.etree.ElementTree import Element, ParseError, TreeBuilder, XMLParser
from xml.parsers import expat

from archive_server.xmlrpc.values import NOT_XML, NOT_XML_RPC, Fault

SMALL = 64 * 1024  # bytes: what ElementTree may be given, and the reactor may wait for
DEEPEST = 128  # XML elements within each other; a value within a struct takes four
_CHUNK = 64 * 1024  # bytes: also the longest tag or comment
_MOST = 50_000  # elements in one body; old clients send some hundreds


def parse(body: bytes) -> Element:
    """Read XML. Raises Fault."""
    try:
        return _small_tree(body) if _is_plain(body) else _tree(body)
    except (expat.ExpatError, ParseError) as error:
        raise Fault(NOT_XML + error.code, f"not XML: {error}") from error
    except (LookupError, ValueError) as error:
        code = expat.errors.codes[expat.errors.XML_ERROR_UNKNOWN_ENCODING]
        raise Fault(NOT_XML + code, "not XML: unknown encoding") from error


def _is_plain(body: bytes) -> bool:
    # A NUL byte may be half a character of UTF-16, and so hide `<!`.
    return len(body) <= SMALL and b"<!" not in body and b"\0" not in body


def _small_tree(body: bytes) -> Element:
    parser = XMLParser()  # noqa: S314 - what defusedxml refuses is not in the body
    parser.feed(body)
    return parser.close()


def _tree(body: bytes) -> Element:
    """Read XML of any size that contains anything, in memory that is a small multiple of it."""
    parser = expat.ParserCreate(namespace_separator="}")
    parser.buffer_text = True
    limits = _Limits(parser)
    view = memoryview(body)
    for start in range(0, len(body), _CHUNK):
        parser.Parse(view[start : start + _CHUNK], False)
        # Of text and CDATA expat keeps nothing back; a tag with a million attributes it would
        # collect to its end.
        if parser.CurrentByteIndex < start - _CHUNK:
            raise Fault(NOT_XML_RPC, "a tag or comment is too long")
    parser.Parse(b"", True)
    return limits.builder.close()


class _Limits:
    """Builds a tree from expat's events, attributes left out, as long as they are reasonable."""

    def __init__(self, parser: expat.XMLParserType) -> None:
        self.builder = TreeBuilder()
        self._depth = 0
        self._count = 0
        parser.StartElementHandler = self._start
        parser.EndElementHandler = self._end
        parser.CharacterDataHandler = self.builder.data
        parser.StartDoctypeDeclHandler = self._doctype

    def _start(self, tag: str, attributes: object) -> None:
        self._depth += 1
        self._count += 1
        if self._depth > DEEPEST:
            raise too_deep()
        if self._count > _MOST:
            raise Fault(NOT_XML_RPC, f"more than {_MOST} elements")
        self.builder.start(tag, {})

    def _end(self, tag: str) -> None:
        self._depth -= 1
        self.builder.end(tag)

    def _doctype(self, *_: object) -> None:
        raise Fault(NOT_XML_RPC, "document types are not accepted")


def too_deep() -> Fault:
    """Give the fault for what is nested deeper than DEEPEST."""
    return Fault(NOT_XML_RPC, f"more than {DEEPEST} elements within each other")
