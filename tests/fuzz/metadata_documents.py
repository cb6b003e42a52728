"""Metadata documents of clips: read within limits, kept as they are, and found by what they say."""

from collections.abc import Iterator
from xml.etree import ElementTree

from naive_search import MTIME

from archive_server.database.search_rows import anything, clip_columns, shown_columns, values_of
from archive_server.errors import BadDocument, BadRequest
from archive_server.model.categories import is_name
from archive_server.model.documents import Document
from archive_server.model.folding import fold, sort_key
from archive_server.services import webstreams
from fuzz.costs import in_memory, in_time

LARGEST = 2**18  # bytes of a document
_FEW_BYTES, _FACTOR = 2**20, 200

TOKENS = (
    b"<audioClip>", b"</audioClip>", b"<metadata>", b"</metadata>", b"<metadata ", b"<dc:title>",
    b"</dc:title>", b"<ls:url>", b"</ls:url>", b"<ls:mtime>", b"</ls:mtime>", b"<ls:year/>",
    b"<dcterms:extent>", b"</dcterms:extent>", b"00:00:11.000000", b'xml:lang="de"', b"xmlns",
    b"xmlns:dc", b"xmlns:xml", b"http://www.w3.org/XML/1998/namespace", b'encoding="utf-16"',
    b'encoding="cp1252"', b'encoding="utf-7"', b"<![CDATA[", b"]]>", b"<!DOCTYPE", b"<!ENTITY",
    b"&#13;", b"&#x1f;", b"&#x10FFFF;", b"&amp;", b"<!--", b"-->", b"<?x ?>", b"http://a/",
    b"2026-11-22T06:00:00+01:00",
)  # fmt: skip


def fuzz_one(data: bytes) -> None:
    """Read a document, as bytes and as text; keep it, and read it from there."""
    _read(data)
    _read(data.decode("utf-8", "surrogatepass") if _is_text(data) else data.decode("latin-1"))


def _is_text(data: bytes) -> bool:
    try:
        data.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return False
    return True


def _read(xml: bytes | str) -> None:
    try:
        with in_time(len(xml)), in_memory(_FEW_BYTES + _FACTOR * len(xml)):
            document = Document.parse(xml, largest=LARGEST)
    except BadDocument as error:
        assert len(str(error)) < 300, "an error tells of a document, and does not repeat it"
        return
    check_kept(document)
    check_found(document)
    try:
        check_kept(webstreams.checked(document, title="a stream"))
    except BadRequest:
        return


def check_kept(document: Document) -> None:
    """What is kept is what was read; and others can read it."""
    stamped = document.stamped(MTIME)
    for each in (document, stamped):
        written = each.to_xml()
        assert Document.parse(written) == each
        assert Document.parse(written.encode()).to_xml() == written
        assert Document.parse(written, largest=100 * LARGEST) == each, "what is kept can be sent"
    assert all(is_name(element.name) for element in document.elements)
    # Prefixes that were never declared are kept; readers who know namespaces need them declared.
    if not any(":" in name.removeprefix("xmlns:") for name in _names(document)):
        ElementTree.fromstring(stamped.to_xml())


def _names(document: Document) -> Iterator[str]:
    """The names of all elements and attributes."""
    yield from (name for name, _ in (*document.attributes, *document.metadata_attributes))
    waiting = list(document.elements)
    while waiting:
        element = waiting.pop()
        waiting.extend(element.children)
        yield element.name
        yield from (name for name, _ in element.attributes)


def check_found(document: Document) -> None:
    """What searches look at is what a document says."""
    stamped = document.stamped(MTIME)
    columns = clip_columns(stamped)
    assert columns["mtime_low"] <= columns["mtime_high"]
    values = values_of(stamped)
    assert all(fold(value.text) in (anything(values) or "") for value in values)
    for value in values:
        assert value.digest
        assert value.instant is None or value.instant.tzinfo is not None
        assert fold(fold(value.text)) == fold(value.text), "what is folded stays as it is"
        assert len(sort_key(value.text)) <= 200
    assert shown_columns(stamped)["title"] == (document.first("dc:title") or "")
