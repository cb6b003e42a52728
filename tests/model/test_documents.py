"""Reading metadata documents, and their canonical form."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.errors import BadDocument
from archive_server.model.clips import FileType
from archive_server.model.documents import Document, Element

_DECLARATIONS = (
    'xmlns="http://mdlf.org/campcaster/elements/1.0/" '
    'xmlns:dc="http://purl.org/dc/elements/1.1/" '
    'xmlns:dcterms="http://purl.org/dc/terms/" '
    'xmlns:ls="http://mdlf.org/campcaster/elements/1.0/" '
    'xmlns:xml="http://www.w3.org/XML/1998/namespace"'
)
_START = f'<?xml version="1.0" encoding="UTF-8"?>\n<audioClip><metadata {_DECLARATIONS}'
_LARGEST = 100_000


def _parse(inside: str) -> Document:
    return Document.parse(f"<audioClip><metadata>{inside}</metadata></audioClip>", largest=_LARGEST)


def _canonical(inside: str) -> str:
    xml = _parse(inside).to_xml()
    assert xml.startswith(f"{_START}>")
    return xml[len(_START) + 1 :].removesuffix("</metadata></audioClip>")


def test_the_canonical_form_is_the_one_the_classic_scripts_compare_with():
    sent = """<?xml version="1.0" encoding="utf-8"?>
    <audioClip>
        <metadata
            xmlns:xml="http://www.w3.org/XML/1998/namespace"
            xmlns:ls="http://mdlf.org/campcaster/elements/1.0/"
            xmlns:dcterms="http://purl.org/dc/terms/"
            xmlns:dc="http://purl.org/dc/elements/1.1/"
            xmlns="http://mdlf.org/campcaster/elements/1.0/"
        >
            <dc:title >File Title txt</dc:title>
            <dcterms:extent >00:00:11.000000</dcterms:extent>
        </metadata>
    </audioClip>"""
    document = Document.parse(sent, largest=_LARGEST)
    assert document.to_xml() == (
        f"{_START}><dc:title>File Title txt</dc:title> "
        "<dcterms:extent>00:00:11.000000</dcterms:extent></metadata></audioClip>"
    )


def test_attributes_are_sorted_and_escaped():
    assert _canonical('<dc:title z="1" xml:lang="en" a="&lt;&quot;&amp;&#10;">x</dc:title>') == (
        '<dc:title a="&lt;&quot;&amp;&#10;" xml:lang="en" z="1">x</dc:title>'
    )


def test_empty_elements_keep_their_attributes():
    assert _canonical('<dc:title a="1"> </dc:title><b/>') == '<dc:title a="1" /> <b />'


def test_comments_instructions_and_blanks_are_dropped():
    assert _canonical("<!-- a --> <a>x</a>\n<?b c?><d/>") == "<a>x</a> <d />"


def test_an_element_with_text_and_children_keeps_the_text():
    assert _canonical("<a>one <b>two</b>three</a>") == "<a>one three</a>"


def test_text_keeps_its_blanks_and_line_ends():
    assert _canonical("<a> x\n\t&#13;&amp; &lt; </a>") == "<a> x\n\t&#13;&amp; &lt; </a>"


def test_nested_elements_are_kept():
    assert _canonical("<a> <b>1</b> <c><d>2</d></c></a>") == "<a><b>1</b> <c><d>2</d></c></a>"
    assert list(_parse("<a><b>1</b><c><d>2</d></c></a><b/>").flattened()) == [
        ("b", "1"),
        ("d", "2"),
    ]


def test_the_order_and_repeats_of_elements_are_kept():
    assert _parse("<b>1</b><a>2</a><b>3</b>").values("b") == ["1", "3"]
    assert _canonical("<b>1</b><a>2</a><b>3</b>") == "<b>1</b> <a>2</a> <b>3</b>"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "latin-1", "utf-16", "cp1252"])
def test_encodings(encoding):
    declared = encoding.removesuffix("-sig")
    xml = f'<?xml version="1.0" encoding="{declared}"?><audioClip><metadata><a>é</a></metadata>'
    document = Document.parse(f"{xml}</audioClip>".encode(encoding), largest=_LARGEST)
    assert document.first("a") == "é"
    assert Document.parse(f"{xml}</audioClip>", largest=_LARGEST) == document


@pytest.mark.parametrize("start", ['<?xml version="1.0"?>', "\ufeff", "\n ", ""])
def test_what_may_stand_before_the_root(start):
    xml = f"{start}<audioClip><metadata><a>\U0001f3b5</a></metadata></audioClip>"
    assert Document.parse(xml, largest=_LARGEST).first("a") == "\U0001f3b5"


def test_the_older_namespaces_stay():
    older = "http://mdlf.org/livesupport/elements/1.0/"
    xml = f'<audioClip id="1"><metadata xmlns="{older}" xmlns:x="urn:x"/></audioClip>'
    document = Document.parse(xml, largest=_LARGEST)
    assert document.attributes == (("id", "1"),)
    declared = dict(document.metadata_attributes)
    assert declared["xmlns"] == declared["xmlns:ls"] == older
    assert declared["xmlns:x"] == "urn:x"


def test_declarations_of_the_root_are_not_repeated():
    xml = '<audioClip xmlns:dc="urn:mine"><metadata><dc:title>x</dc:title></metadata></audioClip>'
    document = Document.parse(xml, largest=_LARGEST)
    assert "xmlns:dc" not in dict(document.metadata_attributes)
    assert ElementTree.fromstring(document.to_xml())[0][0].tag == "{urn:mine}title"


def test_undeclared_prefixes_are_kept_and_the_usual_ones_declared():
    xml = _parse("<dc:title>x</dc:title><ls:url/>").to_xml()
    assert ElementTree.fromstring(xml)[0][0].tag == "{http://purl.org/dc/elements/1.1/}title"
    assert _canonical("<x:studio>A</x:studio>") == "<x:studio>A</x:studio>"


def test_other_roots_are_for_the_caller_to_allow():
    xml = "<playlist><metadata/></playlist>"
    with pytest.raises(BadDocument, match="root element playlist: audioClip expected"):
        Document.parse(xml, largest=_LARGEST)
    assert Document.parse(xml, largest=_LARGEST, roots=("playlist",)).root == "playlist"


@pytest.mark.parametrize(
    ("xml", "named"),
    [
        ("", "not well-formed"),
        ("no xml", "not well-formed"),
        ("<audioClip><metadata></audioClip>", "not well-formed"),
        ("<audioClip/>", "metadata expected"),
        ("<audioClip><metadata/><metadata/></audioClip>", "exactly one"),
        ("<audioClip><metadata>loose<a/></metadata></audioClip>", "text outside"),
        ("<!DOCTYPE audioClip><audioClip><metadata/></audioClip>", "document type"),
        ('<!DOCTYPE a [<!ENTITY x SYSTEM "file:///etc/passwd">]><a>&x;</a>', "document type"),
        ("<audioClip><metadata><a>&nbsp;</a></metadata></audioClip>", "not well-formed"),
        ("<audioClip><metadata><a:b:c/></metadata></audioClip>", "a:b:c"),
        ("<audioClip><metadata>" + "<a>" * 40 + "</a>" * 40 + "</metadata></audioClip>", "deeper"),
        ("<audioClip><metadata>" + "<a/>" * 10_000 + "</metadata></audioClip>", "elements"),
        ("<audioClip><metadata><" + "a" * 300 + "/></metadata></audioClip>", "name"),
        ('<audioClip><metadata xmlns:dc=""/></audioClip>', "xmlns:dc"),
        ('<audioClip><metadata xmlns:xml="urn:x"/></audioClip>', "xmlns:xml"),
        ('<audioClip><metadata xmlns="http://www.w3.org/2000/xmlns/"/></audioClip>', "reserved"),
        ('<audioClip><metadata xmlns:x="urn:{a}"/></audioClip>', "xmlns:x"),
        ("<audioClip><metadata><a>\ud800</a></metadata></audioClip>", "surrogate"),
        ("<audioClip><metadata><a>\0</a></metadata></audioClip>", "not well-formed"),
        (b'<?xml version="1.0" encoding="klingon"?><audioClip/>', "not well-formed"),
        (b'<?xml version="1.0" encoding="shift_jis"?><audioClip/>', "not well-formed"),
        (b"<audioClip><metadata><a>\xff</a></metadata></audioClip>", "not well-formed"),
        ("x" * (_LARGEST + 1), "bytes"),
        ("é" * _LARGEST, "bytes"),
    ],
)
def test_what_is_no_document_is_refused_by_name(xml, named):
    with pytest.raises(BadDocument, match=named):
        Document.parse(xml, largest=_LARGEST)


def test_a_document_of_our_own_may_have_any_size():
    document = _parse("<a/>" * 9_998)
    assert Document.parse(document.stamped(datetime.now(UTC)).to_xml()).elements[-1].text


def test_an_element_is_set_in_its_place():
    document = _parse('<dc:title xml:lang="en"/><a>1</a><dc:title>2</dc:title>')
    changed = document.with_element("dc:title", "x")
    assert changed.elements[0] == Element("dc:title", (("xml:lang", "en"),), "x", ())
    assert changed.elements[1:] == document.elements[1:]


def test_an_element_is_added_at_the_end():
    assert _parse("<a>1</a>").with_element("b", "2").elements[-1] == Element("b", (), "2", ())


def test_the_stamp_is_local_time_with_an_offset_and_without_a_fraction():
    moment = datetime(2026, 11, 21, 20, 1, 2, 999_999, timezone(timedelta(hours=5)))
    stamp = _parse("<ls:mtime>old</ls:mtime><a/>").stamped(moment).elements[0].text
    assert datetime.fromisoformat(stamp) == moment.replace(microsecond=0)
    assert stamp == moment.astimezone().replace(microsecond=0).isoformat()
    assert stamp[-6] in "+-"


@pytest.mark.parametrize("file_type", FileType)
def test_the_empty_documents_are_canonical(file_type):
    document = Document.empty(file_type)
    assert Document.parse(document.to_xml(), roots=(document.root,)) == document
    assert _DECLARATIONS in document.to_xml()


_names = st.sampled_from(["dc:title", "dc:creator", "x:y", "plain", "ls:mtime", "日本"])
_texts = st.text(max_size=20)
_attributes = st.dictionaries(st.sampled_from(["a", "xml:lang", "x:b"]), _texts).map(
    lambda attributes: tuple(sorted(attributes.items()))
)
_trees = st.recursive(
    st.builds(Element, _names, _attributes, _texts, st.just(())),
    lambda below: st.builds(
        Element, _names, _attributes, st.just(""), st.lists(below, max_size=3).map(tuple)
    ),
    max_leaves=8,
)


@given(st.lists(_trees, max_size=5).map(tuple))
def test_what_is_written_is_read_back(elements):
    written = replace(Document.empty(FileType.AUDIO_CLIP), elements=elements)
    read = Document.parse(written.to_xml())
    assert Document.parse(read.to_xml()) == read
    assert read.to_xml() == Document.parse(read.to_xml().encode()).to_xml()
    ElementTree.fromstring(read.to_xml().replace("x:", "x_"))


@given(st.text())
def test_any_text_can_be_set_and_is_read_back(text):
    document = Document.empty(FileType.AUDIO_CLIP).with_element("dc:title", text)
    assert Document.parse(document.to_xml()) == document


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1).filter(str.strip))
def test_legal_text_comes_back_unchanged(text):
    legal = "".join(char for char in text if char not in "\ufffe\uffff") or "x"
    document = Document.empty(FileType.AUDIO_CLIP).with_element("dc:title", legal)
    assert Document.parse(document.to_xml()).first("dc:title") == (
        legal if legal.strip(" ") else None
    )
