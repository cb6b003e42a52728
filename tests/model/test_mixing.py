"""When and how loud each clip of a playlist is heard."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from archive_server.errors import Conflict, TooLarge
from archive_server.model.clips import AudioFacts, AudioFormat, FileType
from archive_server.model.gunid import Gunid
from archive_server.model.mixing import Ramp, Sound, common_form, in_order, length_us, sounds
from archive_server.model.playlists import Fade, Item, Playlist

S = 1_000_000
CLIP = Gunid.parse("0000000000000001")
INNER = Gunid.parse("0000000000000002")


def item(element="a", at=0, gunid=CLIP, kind=FileType.AUDIO_CLIP, **more):
    return Item(element, at * S, kind, gunid, **more)


def playlist(*items, length=0):
    return replace(Playlist.empty(), items=items, length_us=length * S)


def heard(whole, playlists=None, length=10):
    return sounds(whole, playlists or {}, {CLIP: length * S})


def test_a_clip_is_heard_from_its_offset_to_its_end():
    assert heard(playlist(item(at=3))) == [Sound(CLIP, "a", 3 * S, 0, 10 * S)]


def test_a_cut_clip_is_heard_from_its_start_to_its_end_as_far_as_there_is_audio():
    cut = item(at=3, clip_start_us=2 * S, clip_end_us=5 * S)
    assert heard(playlist(cut)) == [Sound(CLIP, "a", 3 * S, 2 * S, 3 * S)]
    assert heard(playlist(cut), length=4) == [Sound(CLIP, "a", 3 * S, 2 * S, 2 * S)]
    assert heard(playlist(cut), length=1) == []


def test_fades_belong_to_what_is_played_not_to_what_the_playlist_says_of_it():
    (sound,) = heard(playlist(item(at=3, length_us=99 * S, fade=Fade("f", S, 2 * S))))
    assert sound.ramps == (Ramp(3 * S, 13 * S, S, 2 * S),)


def test_a_fade_of_nothing_is_none():
    assert heard(playlist(item(fade=Fade("f", 0, 0))))[0].ramps == ()


def test_a_playlist_inside_is_moved_with_its_fades_and_adds_its_own():
    inner = playlist(item("x", at=1, fade=Fade("f", S, 0)))
    outer = item("p", 5, INNER, FileType.PLAYLIST, fade=Fade("g", 0, 2 * S))
    (sound,) = heard(playlist(outer), {INNER: inner})
    assert sound == Sound(
        CLIP, "p/x", 6 * S, 0, 10 * S, (Ramp(6 * S, 16 * S, S, 0), Ramp(5 * S, 16 * S, 0, 2 * S))
    )


def test_a_cut_playlist_is_a_window_on_what_it_plays():
    inner = playlist(item("x", 0), item("y", 10), item("z", 20))
    outer = item("p", 100, INNER, FileType.PLAYLIST, clip_start_us=5 * S, clip_end_us=15 * S)
    assert heard(playlist(outer), {INNER: inner}) == [
        Sound(CLIP, "p/x", 100 * S, 5 * S, 5 * S),
        Sound(CLIP, "p/y", 105 * S, 0, 5 * S),
    ]


def test_what_the_archive_has_goes_before_what_is_written_inside():
    written = playlist(item("old"))
    outer = item("p", 0, INNER, FileType.PLAYLIST, inline=written)
    assert [s.element for s in heard(playlist(outer))] == ["p/old"]
    assert [s.element for s in heard(playlist(outer), {INNER: playlist(item("new"))})] == ["p/new"]


def test_sounds_come_by_time_however_they_are_written():
    found = heard(playlist(item("late", 20), item("early", 1), item("later", 30)))
    assert [sound.element for sound in found] == ["early", "late", "later"]


def test_a_playlist_is_as_long_as_it_says_and_at_least_as_what_is_heard():
    for said, length in ((0, 13), (12, 13), (14, 14)):
        whole = playlist(item(at=3), length=said)
        assert length_us(whole, heard(whole)) == length * S
    assert length_us(playlist(length=7), []) == 7 * S


@pytest.mark.parametrize("is_empty", [False, True])
def test_an_explosion_of_playlists_is_refused_early(is_empty):
    bottom = Gunid.parse("0000000000000099")
    nested, playlists = (bottom if is_empty else CLIP), {bottom: playlist()}
    for depth in range(2, 20):
        kind = FileType.AUDIO_CLIP if nested == CLIP else FileType.PLAYLIST
        gunid = Gunid.parse(f"{depth:016x}")
        playlists[gunid] = playlist(*(item(str(n), n * 1000, nested, kind) for n in range(10)))
        nested = gunid
    for flat in (lambda p: heard(p, playlists), lambda p: in_order(p, playlists)):
        with pytest.raises(TooLarge):
            flat(playlist(item("top", 0, nested, FileType.PLAYLIST)))


def test_a_crowd_of_clips_at_once_is_refused_and_a_queue_is_not():
    heard(playlist(*(item(str(n), n) for n in range(500))))
    with pytest.raises(Conflict, match="playlistElement 64: more than 64 clips"):
        heard(playlist(*(item(str(n), 0) for n in range(65))))


def test_in_order_what_is_inside_stands_in_its_place():
    inner = playlist(item("x", 5), item("y", 1))
    whole = playlist(item("c", 9), item("p", 5, INNER, FileType.PLAYLIST), item("a", 1))
    assert [name for name, _ in in_order(whole, {INNER: inner})] == ["a", "p/y", "p/x", "c"]


@given(st.integers(0, 100), st.integers(0, 100), st.integers(0, 100), st.integers(0, 100))
def test_a_cut_is_what_lies_in_both(at, length, start, more):
    cut = Sound(CLIP, "a", at, 7, length).cut(start, start + more)
    kept = sorted(set(range(at, at + length)) & set(range(start, start + more)))
    if kept:
        assert (cut.at_us, cut.length_us) == (kept[0], len(kept))
        assert cut.from_us == 7 + kept[0] - at
    else:
        assert cut.length_us <= 0


def facts(rate, channels):
    return AudioFacts(AudioFormat.OGG, S, rate, channels, 128_000)


@pytest.mark.parametrize(
    ("clips", "form"),
    [
        ([(48000, 2), (48000, 2)], (48000, 2)),
        ([(48000, 2), (44100, 2)], (44100, 2)),
        ([(22050, 1), (22050, 1)], (22050, 1)),
        ([(22050, 1), (22050, 2)], (22050, 2)),
        ([(44100, 6)], (44100, 2)),
        ([(384000, 2)], (44100, 2)),
        ([(4000, 1)], (44100, 1)),
    ],
)
def test_the_form_is_what_all_agree_on_if_it_can_be_encoded(clips, form):
    assert common_form([facts(*clip) for clip in clips]) == form
