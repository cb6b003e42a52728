from datetime import UTC, datetime
from xml.etree import ElementTree

from hypothesis import given
from hypothesis import strategies as st

from archive_server.model.gunid import Gunid
from archive_server.model.rss import Enclosure, Entry, feed

AT = datetime(2026, 11, 21, 20, 0, tzinfo=UTC)
GUNID = Gunid.parse("00000000000000aa")
ENCLOSURE = Enclosure("http://radio.example:80/clips/x/audio.ogg?a&b", 1234, "audio/ogg")


def entry(title="One", description="", creator="", enclosure=ENCLOSURE, link=""):
    return Entry(GUNID, title, description, creator, AT, enclosure, link)


def channel(*entries, title="Tonight", description=""):
    xml = feed(title, description, "http://radio.example:80/", entries, built=AT)
    root = ElementTree.fromstring(xml.encode())
    assert (root.tag, root.attrib) == ("rss", {"version": "2.0"})
    return root.find("channel")


def test_a_feed_has_what_rss_demands():
    found = channel(entry())
    assert [child.tag for child in found[:3]] == ["title", "link", "description"]
    assert found.findtext("description") == "Tonight"
    assert found.findtext("lastBuildDate") == "Sat, 21 Nov 2026 20:00:00 +0000"
    item = found.find("item")
    assert item.findtext("title") == "One"
    assert item.find("enclosure").attrib == {
        "url": ENCLOSURE.url,
        "length": "1234",
        "type": "audio/ogg",
    }
    assert item.find("guid").attrib == {"isPermaLink": "false"}
    assert item.findtext("pubDate") == "Sat, 21 Nov 2026 20:00:00 +0000"


def test_an_empty_feed_is_one_and_nothing_demanded_is_empty():
    found = channel(title="")
    assert found.findtext("title") == found.findtext("description") == "untitled"
    assert found.find("item") is None


def test_a_clip_that_is_played_twice_is_two_entries():
    items = channel(entry(), entry(), entry()).findall("item")
    assert [item.findtext("guid") for item in items] == [
        "00000000000000aa",
        "00000000000000aa#2",
        "00000000000000aa#3",
    ]


def test_a_stream_is_linked_and_not_enclosed():
    item = channel(entry(enclosure=None, link="http://live.example/a?b&c")).find("item")
    assert item.find("enclosure") is None
    assert item.findtext("link") == "http://live.example/a?b&c"


_TEXTS = st.text(st.characters(exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"))


@given(_TEXTS, _TEXTS, _TEXTS)
def test_any_text_comes_out_as_it_went_in(title, description, creator):
    item = channel(entry(title, description, creator)).find("item")
    assert item.findtext("title") == (title or "untitled")
    assert (item.findtext("description") or "") == description
    assert (item.findtext("{http://purl.org/dc/elements/1.1/}creator") or "") == creator


def test_what_xml_cannot_carry_is_left_out():
    assert channel(entry("a\0b\x1bc\ud800d")).find("item").findtext("title") == "abcd"
