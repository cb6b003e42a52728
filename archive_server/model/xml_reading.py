"""Reading of metadata documents from strangers.

Expat without namespaces keeps prefixes as they are written and accepts undeclared ones. Refused
are DTDs, and with them all entities but the five of XML; and what is too large, deep or many.
"""

from typing import Any
from xml.parsers import expat

from archive_server.errors import BadDocument
from archive_server.model.categories import is_name
from archive_server.model.xml_elements import XML_URI, XMLNS_URI, Attributes, Element
from archive_server.model.xml_writing import BLANKS

_DEEPEST = 32
_MOST = 10_000  # elements and attributes together


class NotWellFormed(BadDocument):
    """What was sent is no XML."""


def read(xml: str | bytes, largest: int | None, roots: tuple[str, ...]) -> tuple[Element, Element]:
    """The root, which is one of `roots`, and its only child, `metadata`. Raises BadDocument."""
    root = tree(xml, largest)
    if root.name not in roots:
        raise BadDocument(f"root element {root.name}: {' or '.join(roots)} expected")
    if [child.name for child in root.children] != ["metadata"]:
        raise BadDocument(f"{root.name}: exactly one element metadata expected in it")
    metadata = root.children[0]
    if metadata.text:
        raise BadDocument("metadata: text outside of its elements")
    return root, metadata


def tree(xml: str | bytes, largest: int | None, *, most: int = _MOST) -> Element:
    """The root with everything in it, which may be `most` elements and attributes.

    Without `largest`, a number of bytes, there are no limits. Raises BadDocument, NotWellFormed.
    """
    # Expat is given `utf-8` for a text: its declaration may name what it once was encoded in.
    encoding = "utf-8" if isinstance(xml, str) else None
    builder = _Builder(encoding, None if largest is None else most)
    return builder.build(_encoded(xml, largest))


def _encoded(xml: str | bytes, largest: int | None) -> bytes:
    _check_size(xml, largest)  # before the work of encoding it
    if isinstance(xml, bytes):
        return xml
    try:
        encoded = xml.lstrip(BLANKS).encode()
    except UnicodeEncodeError as error:
        raise BadDocument("the document holds half a surrogate pair") from error
    _check_size(encoded, largest)
    return encoded


def _check_size(xml: str | bytes, largest: int | None) -> None:
    if largest is not None and len(xml) > largest:
        raise BadDocument(f"the document has more than {largest} bytes")


class _Builder:
    """Builds the tree of one document from expat's events."""

    def __init__(self, encoding: str | None, most: int | None) -> None:
        self._most = most  # None: there are no limits
        # The document itself is the first, unnamed node: it gets the root as its only child.
        self._open = [_Node("", ())]
        self._count = 0
        self._parser = expat.ParserCreate(encoding)
        self._parser.buffer_text = True
        self._parser.ordered_attributes = True
        self._parser.StartDoctypeDeclHandler = self._doctype
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._text

    def build(self, encoded: bytes) -> Element:
        try:
            self._parser.Parse(encoded, True)
        # LookupError and ValueError: encodings unknown to Python, or of several bytes a character
        except (expat.ExpatError, LookupError, ValueError) as error:
            raise NotWellFormed(f"the document is not well-formed XML: {error}") from error
        return self._open[0].children[0]

    def _doctype(self, *_: Any) -> None:
        raise BadDocument("the document has a document type declaration; none is allowed")

    def _start(self, name: str, flat: list[str]) -> None:
        attributes = tuple(sorted(zip(flat[::2], flat[1::2], strict=True)))
        self._count += 1 + len(attributes)
        if self._most is not None:
            self._check_shape(self._most)
        _check_names(name, attributes)
        self._open.append(_Node(name, attributes))

    def _check_shape(self, most: int) -> None:
        if self._count > most:
            raise BadDocument(f"the document has more than {most} elements and attributes")
        if len(self._open) > _DEEPEST:
            raise BadDocument(f"the document is nested deeper than {_DEEPEST}")

    def _end(self, _name: str) -> None:
        element = self._open.pop().finished()
        self._open[-1].children.append(element)

    def _text(self, text: str) -> None:
        self._open[-1].texts.append(text)


class _Node:
    """An element whose end has not been seen."""

    def __init__(self, name: str, attributes: Attributes) -> None:
        self.name = name
        self.attributes = attributes
        self.texts: list[str] = []
        self.children: list[Element] = []

    def finished(self) -> Element:
        """The element: of text and children only the text is kept, and blanks are no text."""
        text = "".join(self.texts)
        if text.strip(BLANKS):
            return Element(self.name, self.attributes, text, ())
        return Element(self.name, self.attributes, "", tuple(self.children))


def _check_names(name: str, attributes: Attributes) -> None:
    for each in (name, *(attribute for attribute, _ in attributes)):
        if not is_name(each):
            raise BadDocument(f"name {each[:40]!r}: a name, or a prefix and a name expected")
    for attribute, uri in attributes:
        if attribute == "xmlns" or attribute.startswith("xmlns:"):
            _check_declaration(attribute, uri)


def _check_declaration(attribute: str, uri: str) -> None:
    """Refuse what no namespace-aware reader of our output would accept."""
    prefix = attribute.partition(":")[2]
    if prefix == "xmlns" or uri == XMLNS_URI or (prefix == "xml") != (uri == XML_URI):
        raise BadDocument(f"{attribute}: this namespace is reserved")
    # No URI has a `}`: it ends the URI for those who write names as `{uri}name`.
    if (prefix and not uri) or "}" in uri:
        raise BadDocument(f"{attribute}: this namespace cannot be declared so")
