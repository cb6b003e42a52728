"""What files say about themselves comes back under neutral names."""

from collections.abc import Callable

import mutagen.id3
import pytest
from fixtures import fix_audio as audio
from mutagen import id3

from audio_store.probe import Report
from audio_store.probe.tags import LONGEST_VALUE, MOST_TEXT, MOST_VALUES, names

Examine = Callable[..., Report]
RATE = 44100
SAMPLES = audio.tone(RATE // 2)


def mp3_with(*frames: mutagen.id3.Frame, version: int = 4) -> bytes:
    return audio.id3(*frames, version=version) + audio.mp3(SAMPLES)


def wav_with(*chunks: bytes) -> bytes:
    form = audio.chunk(b"fmt ", audio.pcm_format())
    return audio.riff(form, audio.chunk(b"data", bytes(8000)), *chunks)


@pytest.mark.parametrize("version", [3, 4])
def test_every_id3_frame_that_studio_clients_know(version: int, examine: Examine) -> None:
    texts = {
        "TIT2": ("title", "Ő Title"),
        "TPE1": ("artist", "Artist"),
        "TALB": ("album", "Album"),
        "TCON": ("genre", "Jazz"),
        "TBPM": ("bpm", "120"),
        "TENC": ("encoded_by", "Someone"),
        "TRCK": ("track", "7"),
        "TPOS": ("disc", "2"),
        "TPUB": ("publisher", "Publisher"),
        "TCOM": ("composer", "Composer"),
        "TSSE": ("encoder", "Encoder"),
        "TPE2": ("orchestra", "Orchestra"),
        "TPE3": ("conductor", "Conductor"),
        "TEXT": ("lyricist", "Lyricist"),
        "TOLY": ("original_lyricist", "First lyricist"),
        "TRSN": ("radio_station", "Radio"),
        "TSRC": ("isrc", "HUA012345678"),
        "TOPE": ("original_artist", "First artist"),
        "TCOP": ("copyright", "2026 Somebody"),
    }
    urls = {
        "WOAF": "audio_file_url",
        "WOAR": "artist_url",
        "WOAS": "audio_source_url",
        "WORS": "radio_station_url",
        "WPAY": "buy_url",
    }
    frames = [getattr(id3, frame)(3, [text]) for frame, (_, text) in texts.items()]
    frames += [getattr(id3, frame)(f"http://example/{frame}") for frame in urls]
    frames += [id3.TDRC(3, ["1997-05-01"]), id3.COMM(3, "eng", "", ["Comment"])]
    frames += [id3.POPM("someone@example", 196, 3)]
    tags = examine(mp3_with(*frames, version=version)).tags
    expected = {name: (text,) for name, text in texts.values()}
    expected |= {name: (f"http://example/{frame}",) for frame, name in urls.items()}
    expected |= {"comment": ("Comment",), "rating": ("196",), "year": ("1997",)}
    expected |= {"date": ("1997-05-01",)}
    assert dict(tags) == expected


def test_mood_is_read(examine: Examine) -> None:
    assert examine(mp3_with(id3.TMOO(3, ["calm"]))).tags["mood"] == ("calm",)


def test_an_old_tag_at_the_end_of_an_mp3(examine: Examine) -> None:
    fields = (b"Old title".ljust(30, b"\0"), b"Old artist".ljust(30), b"Old album".ljust(30))
    old = b"TAG" + b"".join(fields) + b"1979" + b"Remark".ljust(28, b"\0") + b"\0\x05\x08"
    report = examine(audio.mp3(SAMPLES) + old)
    assert (report.refusals, report.warnings) == ((), ())
    assert dict(report.tags) == {
        "title": ("Old title",),
        "artist": ("Old artist",),
        "album": ("Old album",),
        "date": ("1979",),
        "year": ("1979",),
        "comment": ("Remark",),
        "track": ("5",),
        "genre": ("Jazz",),
    }


def test_comments_of_ogg(examine: Examine) -> None:
    content = audio.tagged_ogg(
        audio.ogg(SAMPLES),
        TITLE=["Title", "Second title"],
        artist=["Künstler"],
        DATE=["2004-11-05"],
        TRACKNUMBER=["1 of 20"],
        DESCRIPTION=["Text"],
        ENCODEDBY=["Someone"],
        REPLAYGAIN_TRACK_GAIN=["-3 dB"],
    )
    tags = examine(content).tags
    assert tags["title"] == ("Title", "Second title")
    assert tags["artist"] == ("Künstler",)
    assert (tags["date"], tags["year"]) == (("2004-11-05",), ("2004",))
    assert (tags["track"], tags["comment"]) == (("1",), ("Text",))
    assert tags["encoded_by"] == ("Someone",)
    assert tags.keys() <= names()


def test_the_info_list_of_a_wav(examine: Examine) -> None:
    info = audio.info_list(
        INAM="Ő cím".encode(), IART="Künstler".encode("cp1252"), ICRD=b"1999", ITRK=b"3/12"
    )
    tags = examine(wav_with(info)).tags
    assert dict(tags) == {
        "title": ("Ő cím",),
        "artist": ("Künstler",),
        "date": ("1999",),
        "year": ("1999",),
        "track": ("3",),
    }


def test_an_id3_chunk_of_a_wav_comes_before_its_info_list(examine: Examine) -> None:
    tag = audio.chunk(b"id3 ", audio.id3(id3.TIT2(3, ["From ID3"])))
    tags = examine(wav_with(audio.info_list(INAM=b"From INFO"), tag)).tags
    assert tags["title"] == ("From ID3", "From INFO")


@pytest.mark.parametrize(
    ("text", "track"),
    [("1/20", "1"), ("20/1", "1"), ("1 of 20", "1"), ("07", "7"), ("A1", "1"), ("x", None)],
)
def test_a_track_number_is_the_smaller_one(text: str, track: str | None, examine: Examine) -> None:
    tags = examine(mp3_with(id3.TRCK(3, [text]))).tags
    assert tags.get("track") == ((track,) if track else None)


def test_a_file_without_tags_has_none(examine: Examine) -> None:
    assert dict(examine(audio.mp3(SAMPLES)).tags) == {}
    assert dict(examine(wav_with()).tags) == {}


def test_a_refused_file_tells_no_tags(examine: Examine) -> None:
    assert dict(examine(mp3_with(id3.TIT2(3, ["Title"]))[:-100]).tags) == {}


def test_numbered_genres_are_named(examine: Examine) -> None:
    assert examine(mp3_with(id3.TCON(3, ["(17)"]))).tags["genre"] == ("Rock",)


def test_a_programs_note_to_itself_is_no_comment(examine: Examine) -> None:
    note = id3.COMM(3, "eng", "iTunNORM", [" 00000000 00000001"])
    assert "comment" not in examine(mp3_with(note)).tags


def test_texts_are_fit_for_a_database_and_xml(examine: Examine) -> None:
    tags = examine(wav_with(audio.info_list(INAM=b"  a\xff\x81b  "))).tags
    assert tags["title"][0] == tags["title"][0].strip()
    tags = examine(mp3_with(id3.TIT2(3, ["  one\0two  "]))).tags
    assert not any("\0" in text for text in tags["title"])


def test_long_and_many_texts_are_limited(examine: Examine) -> None:
    many = [f"{number} " + "x" * 20_000 for number in range(2000)]
    values = examine(mp3_with(id3.TIT2(3, many[:600]))).tags["title"]
    assert len(values) <= MOST_VALUES
    assert max(len(value) for value in values) <= LONGEST_VALUE
    assert sum(len(value) for value in values) <= MOST_TEXT


@pytest.mark.parametrize("body", [b"TIT2\0\0", b"\xff" * 50, b"TIT2\0\0\0\x05\0\0\x09abcd"])
def test_broken_tags_never_cost_the_audio(body: bytes, examine: Examine) -> None:
    report = examine(audio.id3_with_body(body) + audio.mp3(SAMPLES))
    assert report.refusals == ()
    assert report.facts
