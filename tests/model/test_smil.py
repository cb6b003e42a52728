from dataclasses import replace
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.errors import BadDocument
from archive_server.model import smil
from archive_server.model.clips import FileType
from archive_server.model.gunid import Gunid
from archive_server.model.tracks import Track

LARGEST = 1_000_000
CLIP = Gunid.parse("0000000000010001")
NS = "{http://www.w3.org/2001/SMIL20/Language}"
TIMES = st.integers(0, 10**12)


def in_par(inside):
    return f'<smil xmlns="http://www.w3.org/2001/SMIL20/Language"><body><par>{inside}</par></body></smil>'


def test_it_looks_as_the_original_made_it():
    track = Track(
        f"../audioClip/{CLIP}.mp3",
        begin_us=29_700_000,
        length_us=11_000_000,
        fade_in_us=2_000_000,
        fade_out_us=1_500_000,
        gunid=CLIP,
    )
    sub = Gunid.parse("0000000000000001")
    other = Track(f"../playlist/{sub}.smil", begin_us=0, kind=FileType.PLAYLIST, gunid=sub)
    assert smil.write([track, other]).splitlines() == [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<smil xmlns="http://www.w3.org/2001/SMIL20/Language">',
        " <body>",
        "  <par>",
        '   <audio src="../audioClip/0000000000010001.mp3" begin="29.7s">',
        '    <animate attributeName="soundLevel" from="0%" to="100%" calcMode="linear"'
        ' begin="0s" end="2s" fill="freeze" />',
        '    <animate attributeName="soundLevel" from="100%" to="0%" calcMode="linear"'
        ' begin="9.5s" end="11s" fill="freeze" />',
        "   </audio> <!-- audioClip, 0000000000010001, 00:00:11.000000 -->",
        '   <audio src="../playlist/0000000000000001.smil" begin="0s" />'
        " <!-- playlist, 0000000000000001 -->",
        "  </par>",
        " </body>",
        "</smil>",
    ]


TRACKS = st.builds(
    Track,
    source=st.text(
        st.characters(codec="utf-8", exclude_categories=["Cc", "Cs"]), min_size=1
    ).filter(lambda text: text == text.strip() and "\ufffe" not in text and "\uffff" not in text),
    begin_us=TIMES,
    length_us=st.just(2 * 10**12),
    clip_start_us=st.none() | TIMES,
    clip_end_us=st.none() | TIMES,
    fade_in_us=TIMES,
    fade_out_us=TIMES,
    gunid=st.none() | st.just(CLIP),
)


@given(st.lists(TRACKS, max_size=4))
def test_what_was_written_is_read_back(tracks):
    written = smil.write(tracks)
    read = smil.read(written.encode(), largest=LARGEST)
    assert read == [replace(track, length_us=None, gunid=None) for track in tracks]
    # And by somebody who knows XML only.
    sources = [
        audio.get("src") for audio in ElementTree.fromstring(written.encode()).iter(f"{NS}audio")
    ]
    assert sources == [track.source for track in tracks]


@pytest.mark.parametrize(
    ("clock", "us"),
    [
        ("5", 5_000_000),
        ("5.25s", 5_250_000),
        ("1500ms", 1_500_000),
        ("2min", 120_000_000),
        ("1.5h", 5_400_000_000),
        ("01:02", 62_000_000),
        ("01:02:03.5", 3_723_500_000),
        ("npt=3s", 3_000_000),
    ],
)
def test_all_clock_values_are_understood(clock, us):
    (track,) = smil.read(in_par(f'<audio src="a.ogg" begin="{clock}"/>'), largest=LARGEST)
    assert track.begin_us == us


@pytest.mark.parametrize(
    ("document", "complaint"),
    [
        ("<html/>", "smil expected"),
        ("<smil", "not well-formed"),
        (in_par("<seq/>"), "element seq"),
        (in_par("<audio/>"), "src"),
        (in_par('<audio src="a" begin="soon"/>'), "begin"),
        (in_par('<audio src="a"><video/></audio>'), "video"),
        (in_par('<audio src="a"><animate attributeName="soundLevel" from="3%"/></audio>'), "0%"),
        ('<!DOCTYPE smil [<!ENTITY a "b">]><smil/>', "document type"),
        (in_par("<audio src='a'/>" * 200_000), "more than"),
    ],
)
def test_what_is_no_smil_of_ours_is_refused(document, complaint):
    with pytest.raises(BadDocument, match=complaint):
        smil.read(document, largest=LARGEST)
