"""Elements of metadata documents, and the namespaces they live in (livesupport-protocol 5.1)."""

from collections.abc import Iterator
from dataclasses import dataclass

Attributes = tuple[tuple[str, str], ...]

XML_URI = "http://www.w3.org/XML/1998/namespace"
XMLNS_URI = "http://www.w3.org/2000/xmlns/"
_CAMPCASTER = "http://mdlf.org/campcaster/elements/1.0/"
_LIVESUPPORT = "http://mdlf.org/livesupport/elements/1.0/"


@dataclass(frozen=True, slots=True)
class Element:
    """An element with either text or children; `attributes` are sorted by name."""

    name: str
    attributes: Attributes
    text: str
    children: tuple["Element", ...]

    def flattened(self) -> Iterator[tuple[str, str]]:
        """Name and text of this element and those below it, where there is text."""
        if self.text:
            yield self.name, self.text
        for child in self.children:
            yield from child.flattened()


def declared(outer: Attributes, own: Attributes) -> Attributes:
    """`own`, the attributes of `metadata`, with the usual declarations that are missing.

    So namespace-aware clients can read documents whose sender declared nothing. What is declared,
    here or on the root (`outer`), stays as it is: both generations of URIs are in use.
    """
    present = {**dict(outer), **dict(own)}
    ours = [present.get("xmlns:ls"), present.get("xmlns")]
    elements = _LIVESUPPORT if _LIVESUPPORT in ours else _CAMPCASTER
    usual = {
        "xmlns": elements,
        "xmlns:dc": "http://purl.org/dc/elements/1.1/",
        "xmlns:dcterms": "http://purl.org/dc/terms/",
        "xmlns:ls": elements,
        "xmlns:xml": XML_URI,
    }
    missing = [(name, uri) for name, uri in usual.items() if name not in present]
    return tuple(sorted([*own, *missing]))
