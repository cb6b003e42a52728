"""The mix is what arithmetic says, to the sample."""

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixtures import fix_audio as audio

from audio_store.render.mix import SECOND_US, Fade, Mix, Part, frames_of, from_json, to_json
from audio_store.render.mixer import BLOCK, PartFailed, mixed

Samples = np.ndarray
RATE = 44100


@pytest.fixture
def file(tmp_path: Path):
    """Write bytes to a file of any name; return its path."""

    def write(content: bytes) -> str:
        path = tmp_path / f"file-{len(list(tmp_path.iterdir()))}"
        path.write_bytes(content)
        return str(path)

    return write


def quiet(frames: int, channels: int = 2, seed: int = 1) -> Samples:
    """Noise of which the sum of several stays below the guard's knee."""
    return np.clip(audio.noise(frames, channels, seed), -0.2, 0.2)


def exact(samples: Samples, rate: int = RATE) -> bytes:
    return audio.wav(samples, rate, "FLOAT")


def whole(mix: Mix) -> Samples:
    blocks = list(mixed(mix, lambda: None))
    assert all(len(block) == BLOCK for block in blocks[:-1])
    return np.concatenate(blocks)


def us(frames: int, rate: int = RATE) -> int:
    return round(frames * SECOND_US / rate)


def mix_of(*parts: Part, frames: int, rate: int = RATE, channels: int = 2) -> Mix:
    return Mix(rate, channels, us(frames, rate), parts)


def test_parts_are_summed_at_their_frames_whatever_the_blocks(file) -> None:
    sounds = [quiet(length, seed=seed) for seed, length in enumerate((20_001, 8192, 1, 30_000), 1)]
    places = (0, 8191, 16_384, 12_345)
    expected = np.zeros((50_000, 2), np.float32)
    parts = []
    for sound, place in zip(sounds, places, strict=True):
        expected[place : place + len(sound)] += sound
        parts.append(Part(file(exact(sound)), us(place), 0, us(len(sound))))
    made = whole(mix_of(*parts, frames=50_000))
    assert made.shape == (50_000, 2)
    assert np.abs(made - expected).max() < 1e-6


def test_what_is_heard_alone_comes_out_bit_for_bit(file) -> None:
    sound = audio.noise(30_000) * 5  # far beyond full scale
    made = whole(mix_of(Part(file(exact(sound)), 0, 0, us(30_000)), frames=30_000))
    assert (made == sound).all()


def test_loud_overlaps_stay_within_full_scale_and_their_neighbours_as_they_are(file) -> None:
    loud = np.full((20_000, 2), 0.9, np.float32)
    path = file(exact(loud))
    parts = (Part(path, 0, 0, us(20_000)), Part(path, us(15_000), 0, us(20_000)))
    made = whole(mix_of(*parts, frames=35_000))
    assert (made[:15_000] == np.float32(0.9)).all()
    assert (made[20_000:] == np.float32(0.9)).all()
    assert 0.9 < made[15_000:20_000].min() <= made.max() <= 1


def test_fades_are_straight_lines_over_the_frames_of_the_mix(file) -> None:
    constant = file(exact(np.full((44_100, 1), 0.5, np.float32)))
    fades = (Fade(us(100), us(44_200), us(11_025), us(22_050)), Fade(0, us(60_000), us(44_100), 0))
    part = Part(constant, us(100), 0, us(44_100), fades)
    made = whole(mix_of(part, frames=44_200, channels=1))[:, 0]
    n = np.arange(44_200)
    first = np.clip((n - 100) / 11_025, 0, 1) * np.clip((44_200 - n) / 22_050, 0, 1)
    expected = np.where(n < 100, 0, 0.5 * first * np.clip(n / 44_100, 0, 1))
    assert np.abs(made - expected).max() < 2e-5


def test_a_part_begins_and_ends_at_the_frames_it_is_cut_at(file) -> None:
    sound = quiet(60_000)
    for name, content, tolerance in (
        ("wav", exact(sound), 0),
        ("wav 24", audio.wav(sound, RATE, "PCM_24"), 1e-6),
        ("ogg", audio.ogg(sound), None),
        ("mp3", audio.mp3(sound), None),
        ("mp3 without header", audio.without_info_frame(audio.mp3(sound, mode="VARIABLE")), None),
    ):
        path = file(content)
        everything = whole(mix_of(Part(path, 0, 0, us(60_000)), frames=60_000))
        cut = whole(mix_of(Part(path, 0, us(33_333), us(20_000)), frames=20_000))
        assert (cut == everything[33_333:53_333]).all(), name
        if tolerance is not None:
            assert np.abs(everything - sound).max() <= tolerance, name


def test_an_mp3_without_header_is_heard_to_its_end_and_at_its_place(file) -> None:
    click = np.zeros((5 * RATE, 1), np.float32)
    click[4 * RATE :: 4410] = 0.9
    headless = audio.without_info_frame(audio.mp3(click, mode="VARIABLE"))
    made = whole(mix_of(Part(file(headless), 0, 0, 5 * SECOND_US), frames=5 * RATE, channels=1))
    # A decoder that knows of no header begins with its own and the encoder's delay.
    assert abs(int(np.abs(made[: 4 * RATE + 3000]).argmax()) - (4 * RATE + 576 + 529)) <= 1
    assert np.abs(made[-8820:]).max() > 0.3


def test_behind_the_end_of_its_file_a_part_is_silent(file) -> None:
    sound = quiet(10_000)
    made = whole(mix_of(Part(file(exact(sound)), 0, us(5_000), us(20_000)), frames=20_000))
    assert (made[:5_000] == sound[5_000:]).all()
    assert (made[5_000:] == 0).all()
    beyond = whole(mix_of(Part(file(exact(sound)), 0, us(50_000), us(100)), frames=100))
    assert (beyond == 0).all()


def test_what_lies_behind_the_end_of_the_mix_is_cut_off(file) -> None:
    sound = quiet(10_000)
    path = file(exact(sound))
    parts = (Part(path, us(4_000), 0, us(10_000)), Part("/nowhere", us(9_000), 0, us(10)))
    made = whole(mix_of(*parts, frames=9_000))
    assert (made[4_000:] == sound[:5_000]).all()


def test_mono_is_as_loud_in_both_channels(file) -> None:
    sound = quiet(9_000, 1)
    made = whole(mix_of(Part(file(exact(sound)), 0, 0, us(9_000)), frames=9_000))
    assert (made == np.repeat(sound, 2, axis=1)).all()


@pytest.mark.parametrize(
    ("form", "order"),
    [("WAV", ("L", "R", "C", "LFE", "BL", "BR")), ("OGG", ("L", "C", "R", "BL", "BR", "LFE"))],
)
def test_surround_is_mixed_down_side_by_side(file, form: str, order: tuple[str, ...]) -> None:
    for place, name in enumerate(order):
        sound = np.zeros((RATE, 6), np.float32)
        sound[:, place] = audio.tone(RATE, channels=1)[:, 0] * 2
        subtype = "FLOAT" if form == "WAV" else "VORBIS"
        path = file(audio.encoded(sound, RATE, format=form, subtype=subtype))
        made = whole(mix_of(Part(path, 0, 0, SECOND_US), frames=RATE))
        left, right = (float(np.abs(made[1000:-1000, side]).max()) for side in (0, 1))
        assert (left > 0.1) == (name in ("L", "C", "BL")), name
        assert (right > 0.1) == (name in ("R", "C", "BR")), name


def test_other_rates_are_heard_at_their_place_and_for_their_time(file) -> None:
    for rate in (22_050, 32_000, 48_000, 96_000):
        sound = audio.tone(rate, rate, 1, 441.0)
        part = Part(file(exact(sound, rate)), SECOND_US, 0, SECOND_US)
        made = whole(mix_of(part, frames=3 * RATE, channels=1))[:, 0]
        expected = audio.tone(RATE, RATE, 1, 441.0)[:, 0]
        assert np.abs(made[:RATE]).max() == 0
        assert np.abs(made[RATE : 2 * RATE] - expected)[300:-300].max() < 1e-4, rate
        assert np.abs(made[2 * RATE :]).max() == 0


def test_numbers_that_are_none_become_silence(file) -> None:
    sound = quiet(9_000)
    sound[100:200] = np.nan
    sound[300:400] = np.inf
    made = whole(mix_of(Part(file(exact(sound)), 0, 0, us(9_000)), frames=9_000))
    assert np.isfinite(made).all()
    assert (made[400:] == sound[400:]).all()


@pytest.mark.parametrize("content", [b"", b"no audio", audio.wav(quiet(100))[:40]])
def test_a_part_that_cannot_be_read_is_named(file, content: bytes) -> None:
    good = Part(file(exact(quiet(10))), 0, 0, us(10))
    for bad in (file(content), "/nowhere/at/all"):
        with pytest.raises(PartFailed) as caught:
            whole(mix_of(good, Part(bad, us(5), 0, us(10)), frames=20))
        assert caught.value.number == 1
        assert "/nowhere" not in str(caught.value)


def test_files_are_open_only_while_they_are_heard(file) -> None:
    path = file(exact(quiet(100)))
    parts = [Part(path, us(n * 100), 0, us(100)) for n in range(3000)]
    made = whole(mix_of(*parts, frames=300_000))  # more parts than files may be open
    assert (made[:100] == made[-100:]).all()


def test_a_mix_is_the_same_when_it_has_crossed_a_pipe() -> None:
    part = Part("/a", 1, 2, 3, (Fade(1, 2, 3, 4), Fade(5, 6, 7, 8)))
    mix = Mix(44100, 2, 10, (part, part), "títle", "ärtist")
    assert from_json(to_json(mix)) == mix
    assert mix.frames == frames_of(10, 44100)


def test_tests_are_made_with_a_library_that_keeps_floats(file) -> None:
    sound = quiet(100)
    assert (soundfile.read(file(exact(sound)), dtype="float32")[0] == sound).all()


def test_what_has_been_heard_takes_no_memory(file) -> None:
    tone = file(exact(quiet(4800), 48_000))
    parts = [Part(tone, at * 100_000, 0, 100_000) for at in range(80)]
    blocks = mixed(mix_of(*parts, frames=80 * 4410), lambda: None)
    tracemalloc.start()
    try:
        taken = [tracemalloc.get_traced_memory()[0] for _ in blocks]
    finally:
        tracemalloc.stop()
    assert max(taken[-9:]) - max(taken[:9]) < 2**20
