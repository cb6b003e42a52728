from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.errors import BadDocument
from archive_server.model import m3u
from archive_server.model.tracks import Track

LARGEST = 100_000


def test_it_is_extended_m3u_with_whole_seconds_rounded_up():
    tracks = [
        Track("../audioClip/0000000000010001.mp3", "one & <two>", length_us=11_000_001),
        Track("../playlist/0000000000000001.m3u", "A\nB", length_us=60_000_000),
        Track("http://radio.example/live", "live"),
    ]
    assert m3u.write(tracks) == (
        "#EXTM3U\n"
        "#EXTINF: 12, one & <two>\n../audioClip/0000000000010001.mp3\n"
        "#EXTINF: 60, A B\n../playlist/0000000000000001.m3u\n"
        "#EXTINF: -1, live\nhttp://radio.example/live\n"
    )


LINES = st.text(st.characters(codec="utf-8"), max_size=20)


@given(st.lists(st.builds(Track, st.just("../a.ogg"), LINES, length_us=st.none() | st.just(10**7))))
def test_what_was_written_is_read_back_whatever_the_titles_are(tracks):
    read = m3u.read(m3u.write(tracks).encode(), largest=LARGEST)
    assert [replace(track, title="") for track in read] == [
        replace(track, title="") for track in tracks
    ]


def test_files_of_others_are_read():
    text = "\ufeff#EXTM3U\r\n\r\n#EXTINF:12,Künstler, Titel\r\na.mp3\r\n# remark\r\nb.mp3\r\n"
    assert m3u.read(text.encode(), largest=LARGEST) == [
        Track("a.mp3", "Künstler, Titel", length_us=12_000_000),
        Track("b.mp3"),
    ]
    assert m3u.read("#EXTINF:1,Künstler\na.mp3".encode("latin-1"), largest=LARGEST)[0].title == (
        "Künstler"
    )


@pytest.mark.parametrize("text", ["x" * (LARGEST + 1), "a\n" * 20_001])
def test_what_is_too_large_is_refused(text):
    with pytest.raises(BadDocument, match="more than"):
        m3u.read(text, largest=LARGEST)
