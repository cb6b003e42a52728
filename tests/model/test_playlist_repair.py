"""Titles that nobody has escaped: what is understood, and that nothing else is touched."""

import time

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from archive_server.errors import BadDocument
from archive_server.model.playlist_repair import repaired
from archive_server.model.playlists import Playlist

LARGEST = 1_000_000

NASTY = [
    "R&B",
    "AT&T & friends",
    "5 < 6",
    "<live>",
    "</audioClip>",
    "<!-- -->",
    "<![CDATA[",
    "]]>",
    '"quoted"',
    'a "b" c',
    'ends with "',
    '"',
    '""',
    "/>",
    '" >',
    '"><',
    'x" id="1',
    'x" playlength="00:00:09.000000',
    'Rock & Roll <"live"> /> \'99',
    "&",
    "&&amp",
    "&nbsp;",
    "&#xZ;",
    "<playlistElement",
    "&lt",
    "Kőbor & Čapek <♫>",
]


def document(title: str, text: str | None = None) -> str:
    """What the C++ client makes of it."""
    return f"""<?xml version="1.0" encoding="UTF-8"?>
<playlist id="0000000000000001" >
<playlistElement id="000000000000000a" relativeOffset="00:00:00.000000" >
<audioClip id="0000000000010001" title="{title}" playlength="00:00:11.000000" />
<fadeInfo id="000000000000000b" fadeIn="00:00:00.000000" fadeOut="00:00:00.000000" />
</playlistElement>
<playlistElement id="000000000000000c" relativeOffset="00:00:11.000000" >
<playlist id="0000000000000002" playlength="01:30:00.000000" title="{title}"/>
</playlistElement>
<metadata xmlns="http://mdlf.org/livesupport/elements/1.0/">
<dc:title>{title if text is None else text}</dc:title>
<dcterms:extent>01:30:11.000000</dcterms:extent>
</metadata></playlist>"""


@pytest.mark.parametrize("title", NASTY)
def test_a_title_that_is_not_escaped_is_understood(title):
    playlist = Playlist.parse(document(title), largest=LARGEST)
    assert [item.title for item in playlist.items] == [title, title]
    assert playlist.title == title
    assert [item.length_us for item in playlist.items] == [11_000_000, 5_400_000_000]
    assert playlist.items[0].fade is not None


@pytest.mark.parametrize("title", ['"/>', '" />', 'x" y="z', '"/><audioClip title="'])
def test_a_title_that_means_something_else_in_whole_xml_is_refused(title):
    with pytest.raises(BadDocument, match="playlistElement"):
        Playlist.parse(document(title, "evening"), largest=LARGEST)


@pytest.mark.parametrize("title", ['"/>', '" />', '"/> &', 'x" y="z &', '" /><', "/> &"])
def test_a_title_with_the_end_of_a_tag_in_it_is_understood_where_it_breaks_the_xml(title):
    playlist = Playlist.parse(document(title, "R & B"), largest=LARGEST)
    assert [item.title for item in playlist.items] == [title, title]


@pytest.mark.parametrize("title", ["a &amp; b", "&#233;", "&lt;&quot;", "plain"])
def test_what_is_well_formed_is_not_repaired(title):
    playlist = Playlist.parse(document(title), largest=LARGEST)
    expected = {"a &amp; b": "a & b", "&#233;": "é", "&lt;&quot;": '<"', "plain": "plain"}[title]
    assert playlist.items[0].title == expected


def test_an_entity_means_the_same_beside_a_title_that_breaks():
    playlist = Playlist.parse(document("a &amp; b", "x < y"), largest=LARGEST)
    assert playlist.items[0].title == "a & b"
    assert playlist.title == "x < y"


def test_a_title_that_looks_like_the_rest_of_the_document_is_refused_or_read_as_that():
    title = '" /></playlistElement><playlistElement id="9" relativeOffset="0"><audioClip title="'
    try:
        playlist = Playlist.parse(document(title), largest=LARGEST)
    except BadDocument:
        return
    assert all(title not in item.title for item in playlist.items)


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "not XML",
        "<playlist",
        '<playlist id="0000000000000001"><metadata></playlist>',
        document("a").replace("</playlist>", ""),
        document("a").replace('relativeOffset="', "relativeOffset="),
        document("a").replace("01:30:11", "<01:30:11"),
        '<playlist title="',
        '<!DOCTYPE x><playlist id="0000000000000001" title="&"/>',
    ],
)
def test_what_is_broken_elsewhere_is_refused(xml):
    with pytest.raises(BadDocument):
        Playlist.parse(xml, largest=LARGEST)


def test_the_complaint_is_about_what_was_sent():
    xml = "\n\n" + document("a & b").replace("</metadata>", "</data>")
    with pytest.raises(BadDocument) as caught:
        Playlist.parse(xml, largest=LARGEST)
    assert "not well-formed XML" in str(caught.value)
    assert "line 4" in str(caught.value)  # where the title is


@given(st.text(st.characters(min_codepoint=32, exclude_categories=("Cs", "Cn")), max_size=30))
def test_any_title_that_breaks_the_xml_is_understood(title):
    assume("&" not in title or ";" not in title)  # may be an entity
    title += "&"
    playlist = Playlist.parse(document(title), largest=LARGEST)
    assert playlist.items[0].title == title
    assert playlist.items[1].title == title


@pytest.mark.parametrize(
    "part", ['"', '" id="', '<audioClip title="', '<audioClip title=""', "<dc:title>", "&", '" />']
)
def test_repairing_takes_time_in_proportion(part):
    began = time.monotonic()
    repaired("<playlist>&" + part * 40_000)
    assert time.monotonic() - began < 5
