"""Metadata documents: what is read from clients, and the canonical form readers get.

Livesupport-protocol 5. Names are kept as they are written, with their prefixes: the clients work
on literal prefixes, and many documents never declare them.
"""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime

from archive_server.model import xml_reading, xml_writing
from archive_server.model.categories import is_name
from archive_server.model.clips import FileType
from archive_server.model.instants import instant_text
from archive_server.model.xml_elements import Attributes, Element, declared

__all__ = ["Document", "Element"]

_DECLARATIONS = declared((), ())


@dataclass(frozen=True, slots=True)
class Document:
    """What is known about a clip: its elements in their order.

    Attributes are sorted by name and include the namespace declarations.
    """

    root: str
    attributes: Attributes
    metadata_attributes: Attributes
    elements: tuple[Element, ...]

    @classmethod
    def parse(
        cls,
        xml: str | bytes,
        *,
        largest: int | None = None,
        roots: tuple[str, ...] = ("audioClip",),
    ) -> "Document":
        """Read a document of at most `largest` bytes. Raises BadDocument.

        Without `largest` there are no limits at all: that is for documents of our own.
        """
        root, metadata = xml_reading.read(xml, largest, roots)
        attributes = declared(root.attributes, metadata.attributes)
        return cls(root.name, root.attributes, attributes, metadata.children)

    @classmethod
    def empty(cls, file_type: FileType) -> "Document":
        """A document that says nothing yet: the usual declarations, no elements."""
        if file_type is FileType.PLAYLIST:
            attributes = (("id", "0" * 16), ("playlength", "00:00:00.000000"))
            return cls("playlist", attributes, _DECLARATIONS, ())
        return cls("audioClip", (), _DECLARATIONS, ())

    def to_xml(self) -> str:
        """The canonical form: what `parse` reads back as an equal document."""
        metadata = Element("metadata", self.metadata_attributes, "", self.elements)
        return xml_writing.write(Element(self.root, self.attributes, "", (metadata,)))

    def flattened(self) -> Iterator[tuple[str, str]]:
        """Name and text of every element that has text, at any depth, in document order."""
        for element in self.elements:
            # Few elements have children, and a generator for each takes twice the time.
            if element.children:
                yield from element.flattened()
            elif element.text:
                yield element.name, element.text

    def values(self, category: str) -> list[str]:
        """The texts of the elements of this name, prefix included, in document order."""
        return [text for name, text in self.flattened() if name == category]

    def first(self, category: str) -> str | None:
        """The first of `values`, or None."""
        return next((text for name, text in self.flattened() if name == category), None)

    def with_element(self, name: str, text: str) -> "Document":
        """The same, where the first top-level element `name` has this text.

        Its place and attributes stay; if there is none, one is added at the end. Characters that
        XML cannot carry are left out.
        """
        assert is_name(name), "names of elements to set are ours"
        text = xml_writing.carried(text)
        elements = list(self.elements)
        for place, element in enumerate(elements):
            if element.name == name:
                elements[place] = replace(element, text=text, children=())
                break
        else:
            elements.append(Element(name, (), text, ()))
        return replace(self, elements=tuple(elements))

    def stamped(self, mtime: datetime) -> "Document":
        """The same with `mtime` as its ls:mtime, in place or last."""
        return self.with_element("ls:mtime", instant_text(mtime))
