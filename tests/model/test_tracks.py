import pytest

from archive_server.model.clips import FileType
from archive_server.model.gunid import Gunid
from archive_server.model.tracks import Track

CLIP = Gunid.parse("0000000000010001")
UUID = Gunid.parse("01234567-89ab-7def-8123-456789abcdef")


@pytest.mark.parametrize(
    ("source", "named"),
    [
        (f"../audioClip/{CLIP}.mp3", (FileType.AUDIO_CLIP, CLIP)),
        (f"audioClip/{UUID}.OGG", (FileType.AUDIO_CLIP, UUID)),
        (f"../playlist/{CLIP}.smil", (FileType.PLAYLIST, CLIP)),
        # as archives of 2007 have it: the name of a constant that was not defined
        (f"AC_URL_RELPATH{CLIP}.mp3", (FileType.AUDIO_CLIP, CLIP)),
        ("song.mp3", None),
        (f"http://radio.example/{CLIP}.mp3", None),
    ],
)
def test_an_item_is_known_by_the_end_of_its_path(source, named):
    assert Track(source).named == named
