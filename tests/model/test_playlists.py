"""Reading and writing of playlists."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.errors import BadDocument
from archive_server.model.clips import FileType
from archive_server.model.documents import Document, Element
from archive_server.model.gunid import Gunid
from archive_server.model.playlists import Fade, Item, Playlist, search_document

LARGEST = 1_000_000
CLIP = '<audioClip id="0000000000010001" title="one" playlength="00:00:11.000000"/>'
ELEMENT = f'<playlistElement id="1" relativeOffset="0">{CLIP}</playlistElement>'
CAMPCASTER = "http://mdlf.org/campcaster/elements/1.0/"
LIVESUPPORT = "http://mdlf.org/livesupport/elements/1.0/"


def parse(inside: str = "", attributes: str = 'id="0000000000000001"') -> Playlist:
    return Playlist.parse(f"<playlist {attributes}>{inside}</playlist>", largest=LARGEST)


def item_of(inside: str) -> Item:
    (item,) = parse(f'<playlistElement id="1" relativeOffset="0">{inside}</playlistElement>').items
    return item


def test_an_empty_playlist_is_the_default_document():
    assert Playlist.empty().to_xml() == (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<playlist id="0000000000000000" playlength="00:00:00.000000"><metadata '
        f'xmlns="{CAMPCASTER}" xmlns:dc="http://purl.org/dc/elements/1.1/" '
        f'xmlns:dcterms="http://purl.org/dc/terms/" xmlns:ls="{CAMPCASTER}" '
        'xmlns:xml="http://www.w3.org/XML/1998/namespace" /></playlist>'
    )
    assert Playlist.parse(Playlist.empty().to_xml(), largest=LARGEST) == Playlist.empty()


def test_what_the_cpp_client_sends_is_read():
    playlist = Playlist.parse(
        f"""<?xml version="1.0" encoding="UTF-8"?>
<playlist id="0000000000000001" >
<playlistElement id="000000000000000a" relativeOffset="00:00:00.000000" >
<audioClip id="0000000000010001" playlength="00:00:11.000000" title="one" />
<fadeInfo id="000000000000000b" fadeIn="00:00:02.000000" fadeOut="00:00:01.500000" />
</playlistElement>
<playlistElement id="000000000000000c" relativeOffset="00:00:11.000000" >
<playlist id="0000000000000002" playlength="01:30:00.000000" title="" />
</playlistElement>
<metadata xmlns="{LIVESUPPORT}" xmlns:dc="http://purl.org/dc/elements/1.1/"
  xmlns:dcterms="http://purl.org/dc/terms/" xmlns:ls="{LIVESUPPORT}">
<dc:title>evening</dc:title><dcterms:extent>01:30:11.000000</dcterms:extent>
</metadata></playlist>""",
        largest=LARGEST,
    )
    assert (playlist.title, playlist.length_us) == ("evening", 5_411_000_000)
    assert playlist.items == (
        Item(
            "000000000000000a",
            0,
            FileType.AUDIO_CLIP,
            Gunid.parse("0000000000010001"),
            "one",
            11_000_000,
            fade=Fade("000000000000000b", 2_000_000, 1_500_000),
        ),
        Item(
            "000000000000000c",
            11_000_000,
            FileType.PLAYLIST,
            Gunid.parse("0000000000000002"),
            "",
            5_400_000_000,
        ),
    )
    assert ("xmlns:ls", LIVESUPPORT) in playlist.document.metadata_attributes
    assert CAMPCASTER not in playlist.to_xml()


def test_what_is_written_has_what_cpp_clients_need():
    """Protocol, 5.5 and 7.2: lengths and titles as attributes, metadata last, one of it."""
    playlist = parse(
        "<metadata><dc:title>x</dc:title></metadata>"
        '<playlistElement id="1" relativeOffset="2"><audioClip id="0000000000010001"/>'
        '</playlistElement><playlistElement id="2" relativeOffset="1">'
        '<playlist id="0000000000000002"><metadata/></playlist></playlistElement>',
        'id="0000000000000001" playlength="3"',
    )
    root = ElementTree.fromstring(playlist.to_xml())
    assert root.attrib == {"id": "0" * 15 + "1", "playlength": "00:00:03.000000", "title": "x"}
    assert [child.tag.rpartition("}")[2] for child in root] == [
        "playlistElement",
        "playlistElement",
        "metadata",
    ]
    assert root[0].attrib == {"id": "1", "relativeOffset": "00:00:02.000000"}
    assert root[0][0].get("title") == ""
    assert root[1][0].attrib == {
        "id": "0000000000000002",
        "playlength": "00:00:00.000000",
        "title": "",
    }


def test_other_namespaces_stay_as_they_are():
    playlist = parse(
        '<metadata xmlns="http://www.streamonthefly.org/" xmlns:dc="urn:dc">'
        "<dc:title>x</dc:title></metadata>"
    )
    assert 'xmlns="http://www.streamonthefly.org/"' in playlist.to_xml()
    assert 'xmlns:dc="urn:dc"' in playlist.to_xml()


def test_namespaces_may_be_declared_on_the_root_or_nowhere():
    playlist = parse(
        "<metadata><dc:title>x</dc:title></metadata>",
        'id="0000000000000001" xmlns:dc="urn:dc" xmlns:xsi="urn:x" xsi:y="z"',
    )
    assert '<playlist id="0000000000000001" playlength="00:00:00.000000" title="x" xmlns:dc' in (
        playlist.to_xml()
    )
    assert Playlist.parse(playlist.to_xml()) == playlist
    ElementTree.fromstring(parse("<metadata><dc:title>x</dc:title></metadata>").to_xml())


@pytest.mark.parametrize(
    ("attributes", "metadata", "title", "length_us"),
    [
        ('title="a" playlength="1"', "<dc:title>b</dc:title>", "a", 1_000_000),
        ("", "<dc:title>b</dc:title><dcterms:extent>00:00:02.5</dcterms:extent>", "b", 2_500_000),
        ('title=""', "<dc:title>b</dc:title>", "b", 11_000_000),
        ("", "", "", 11_000_000),
    ],
)
def test_title_and_length_are_found_where_they_are(attributes, metadata, title, length_us):
    playlist = parse(
        f"{ELEMENT}<metadata>{metadata}</metadata>", f'id="0000000000000001" {attributes}'
    )
    assert (playlist.title, playlist.length_us) == (title, length_us)


@pytest.mark.parametrize(
    ("attributes", "cut"),
    [
        ("", (None, None)),
        ('clipStart="1" clipEnd="3" clipLength="2"', (1_000_000, 3_000_000)),
        ('clipStart="1" clipLength="2"', (1_000_000, 3_000_000)),
        ('clipEnd="2.5"', (None, 2_500_000)),
        ('clipStart="0"', (0, None)),
    ],
)
def test_clips_may_be_cut(attributes, cut):
    (item,) = parse(
        f'<playlistElement id="1" relativeOffset="0" {attributes}>{CLIP}</playlistElement>'
    ).items
    assert (item.clip_start_us, item.clip_end_us) == cut


NINES = "9" * 20  # as many seconds as a time may have


@pytest.mark.parametrize(
    ("element", "playlist"),
    [
        (f'clipStart="{NINES}" clipLength="{NINES}"', ""),
        (f'clipEnd="99:99:{NINES}"', 'playlength="0"'),
        ("", f'playlength="99:99:{NINES}"'),
    ],
)
def test_times_that_could_not_be_read_again_are_not_written(element, playlist):
    item = f'<playlistElement id="1" relativeOffset="0" {element}>{CLIP}</playlistElement>'
    with pytest.raises(BadDocument, match="too long"):
        parse(item, f'id="0000000000000001" {playlist}').to_xml()


def test_the_longest_times_are_read_back():
    item = f'<playlistElement id="1" relativeOffset="{NINES}" clipEnd="0">{CLIP}</playlistElement>'
    playlist = parse(item)
    assert Playlist.parse(playlist.to_xml()).items == playlist.items


def test_what_is_written_inside_stays():
    item = item_of(
        '<playlist id="0000000000000002" title="in" playlength="00:00:11.000000">'
        f"{ELEMENT}<metadata><dc:creator>c</dc:creator></metadata></playlist>"
    )
    assert item.inline is not None
    assert item.inline.items[0].title == "one"
    clip = item_of(
        '<audioClip id="0000000000010001" xmlns:dc="urn:dc"><metadata>'
        "<dc:title>t</dc:title></metadata></audioClip>"
    )
    assert clip.metadata is not None
    assert ("xmlns:dc", "urn:dc") in clip.metadata.attributes
    playlist = replace(Playlist.empty(), items=(item, clip))
    assert Playlist.parse(playlist.to_xml()) == playlist


@pytest.mark.parametrize(
    ("inside", "attributes", "complaint"),
    [
        ("", "", "playlist: attribute id is missing"),
        ("", 'id="1"', "playlist: attribute id: 16 hex digits or a UUID expected"),
        ("", 'id="0000000000000001" foo=""', "playlist: attribute foo is unknown"),
        ("", 'id="0000000000000001" playlength="long"', "attribute playlength: a duration"),
        ("junk", None, "playlist: no text may be in it"),
        ("<foo/>", None, "playlist: element foo may not be in it"),
        ("<metadata/><metadata/>", None, "playlist: more than one element metadata"),
        ("<metadata>junk</metadata>", None, "playlist/metadata: text outside of its elements"),
        (CLIP, None, "playlist: element audioClip may not be in it"),
        (
            f'{ELEMENT}<playlistElement id="1">{CLIP}</playlistElement>',
            None,
            "playlist/playlistElement[2]: attribute relativeOffset is missing",
        ),
        (
            f'<playlistElement id="1" relativeOffset="soon">{CLIP}</playlistElement>',
            None,
            "playlistElement[1]: attribute relativeOffset: a duration like 00:03:25.000000",
        ),
        (
            f'<playlistElement id="" relativeOffset="0">{CLIP}</playlistElement>',
            None,
            "playlistElement[1]: attribute id: a text that is not empty expected",
        ),
        (
            '<playlistElement id="1" relativeOffset="0"/>',
            None,
            "playlistElement[1]: exactly one element audioClip or playlist expected",
        ),
        (
            f'<playlistElement id="1" relativeOffset="0">{CLIP}<playlist id="{"0" * 16}"/>'
            "</playlistElement>",
            None,
            "playlistElement[1]: exactly one element audioClip or playlist expected",
        ),
        (
            f'<playlistElement id="1" relativeOffset="0">{CLIP}{CLIP}</playlistElement>',
            None,
            "playlistElement[1]: more than one element audioClip",
        ),
        (
            f'<playlistElement id="1" relativeOffset="0">{CLIP}<fadeInfo id="1" fadeIn="0"/>'
            "</playlistElement>",
            None,
            "playlistElement[1]/fadeInfo: attribute fadeOut is missing",
        ),
        (
            '<playlistElement id="1" relativeOffset="0"><playlist/></playlistElement>',
            None,
            "playlistElement[1]/playlist: attribute id is missing",
        ),
        (
            '<playlistElement id="1" relativeOffset="0"><audioClip id="x"/></playlistElement>',
            None,
            "playlistElement[1]/audioClip: attribute id: 16 hex digits or a UUID expected",
        ),
        (
            f'<playlistElement id="1" relativeOffset="0" clipStart="2" clipEnd="1">{CLIP}'
            "</playlistElement>",
            None,
            "playlistElement: clipEnd is before clipStart",
        ),
    ],
)
def test_a_broken_rule_is_named_with_its_element(inside, attributes, complaint):
    with pytest.raises(BadDocument) as caught:
        parse(inside, 'id="0000000000000001"' if attributes is None else attributes)
    assert complaint in str(caught.value)


@pytest.mark.parametrize(
    "xml",
    [
        "",
        "hello",
        "<playlist",
        "<audioClip><metadata/></audioClip>",
        "<smil/>",
        '<!DOCTYPE playlist [<!ENTITY a "b">]><playlist id="0000000000000001"/>',
        '<playlist id="0000000000000001">' + "<playlistElement>" * 40,
        "<playlist" + " " * LARGEST,
    ],
)
def test_what_is_no_playlist_is_refused(xml):
    with pytest.raises(BadDocument):
        Playlist.parse(xml, largest=LARGEST)


def test_a_long_playlist_is_read():
    assert len(parse(ELEMENT * 5000).items) == 5000
    with pytest.raises(BadDocument, match="more than"):
        parse(ELEMENT * 20_000, 'id="0000000000000001" title=""')


def test_metadata_says_only_what_that_of_a_playlist_may():
    parse(
        "<metadata><dc:title>a</dc:title><dc:creator/><dc:description/><dcterms:alternative/>"
        "<ls:filename/><ls:mtime/><dcterms:extent>00:00:01.000000</dcterms:extent></metadata>"
    ).check_metadata()
    with pytest.raises(BadDocument, match="element ls:genre may not be in it"):
        parse("<metadata><ls:genre>x</ls:genre></metadata>").check_metadata()
    with pytest.raises(BadDocument, match=r"dcterms:extent: HH:MM:SS\.ffffff expected"):
        parse("<metadata><dcterms:extent>11</dcterms:extent></metadata>").check_metadata()
    inner = '<playlist id="0000000000000002"><metadata><foo/></metadata></playlist>'
    with pytest.raises(BadDocument, match="foo"):
        replace(Playlist.empty(), items=(item_of(inner),)).check_metadata()


def test_items_come_in_the_order_of_their_offsets_and_else_as_they_were():
    playlist = parse(
        "".join(
            f'<playlistElement id="{n}" relativeOffset="{offset}">{CLIP}</playlistElement>'
            for n, offset in enumerate((5, 0, 3, 0, 5))
        )
    )
    assert [item.element_id for item in playlist.in_time().items] == ["1", "3", "2", "0", "4"]


def test_a_playlist_without_elements_for_them_is_found_by_its_attributes():
    playlist = parse("", 'id="0000000000000001" title="evening" playlength="61"')
    document = playlist.to_be_found()
    assert document.first("dc:title") == "evening"
    assert document.first("dcterms:extent") == "00:01:01.000000"
    assert search_document(FileType.PLAYLIST, playlist.to_xml()) == document
    said = parse(
        "<metadata><dc:title>said</dc:title></metadata>", 'id="0000000000000001" title="evening"'
    )
    assert said.to_be_found().values("dc:title") == ["said"]


def test_other_metadata_brings_title_and_length():
    playlist = parse(ELEMENT, 'id="0000000000000001" title="old" playlength="1"')
    xml = (
        "<audioClip><metadata><dc:title>new</dc:title><dcterms:extent>00:00:09.000000"
        "</dcterms:extent></metadata></audioClip>"
    )
    described = playlist.described_by(Document.parse(xml))
    assert (described.title, described.length_us) == ("new", 9_000_000)
    assert described.items == playlist.items
    assert Playlist.parse(described.to_xml()) == described
    silent = playlist.described_by(Document.empty(FileType.AUDIO_CLIP))
    assert (silent.title, silent.length_us) == ("old", 1_000_000)


def test_a_stamp_is_put_last_and_then_kept_in_place():
    at = datetime(2026, 11, 21, 20, 1, 2, tzinfo=UTC)
    stamped = parse("<metadata><dc:title>x</dc:title></metadata>").stamped(at)
    assert stamped.document.elements[-1].name == "ls:mtime"
    assert len(stamped.stamped(at).document.elements) == 2


# -- the round trip ---------------------------------------------------------------------------

_times = st.integers(0, 10**14)
_texts = st.text(
    st.characters(exclude_categories=("Cs",), exclude_characters="\ufffe\uffff").filter(
        lambda c: c >= " " or c in "\t\n\r"
    ),
    max_size=20,
)
_names = st.text("abc123", min_size=1, max_size=8)
_gunids = st.integers(0, 2**64).map(lambda number: Gunid(UUID(int=number)))
_fades = st.builds(Fade, _names, _times, _times)


def _cut(item: Item) -> Item:
    if item.clip_end_us is not None and item.clip_end_us < (item.clip_start_us or 0):
        return replace(item, clip_start_us=item.clip_end_us, clip_end_us=item.clip_start_us)
    return item


_clips = st.builds(
    Item,
    _names,
    _times,
    st.just(FileType.AUDIO_CLIP),
    st.none() | _gunids,
    _texts,
    st.none() | _times,
    st.none() | _times,
    st.none() | _times,
    st.none() | _fades,
    _texts,
).map(_cut)


def _documents() -> st.SearchStrategy[Document]:
    text = _texts.filter(lambda t: t.strip(" \t\r\n"))
    names = st.sampled_from(["dc:title", "dc:creator", "dc:description"])
    elements = st.lists(st.builds(Element, names, st.just(()), text, st.just(())), max_size=3)
    return elements.map(
        lambda found: replace(Playlist.empty().document, elements=tuple(found)),
    )


def _playlists(items: st.SearchStrategy[Item]) -> st.SearchStrategy[Playlist]:
    def titled(playlist: Playlist) -> Playlist:
        return replace(playlist, title=playlist.title or playlist.document.first("dc:title") or "")

    several = st.lists(items, max_size=4).map(tuple)
    return st.builds(Playlist, _gunids, _texts, _times, several, _documents()).map(titled)


def _inside(playlist: Playlist, name: str, offset_us: int) -> Item:
    return Item(
        name,
        offset_us,
        FileType.PLAYLIST,
        playlist.gunid,
        playlist.title,
        playlist.length_us,
        inline=playlist,
    )


_items = st.recursive(
    _clips, lambda items: st.builds(_inside, _playlists(items), _names, _times), max_leaves=6
)


@given(_playlists(_items))
def test_what_is_written_is_read_back(playlist):
    xml = playlist.to_xml()
    assert Playlist.parse(xml, largest=LARGEST) == playlist
    assert Playlist.parse(xml, largest=LARGEST).to_xml() == xml
    ElementTree.fromstring(xml)
