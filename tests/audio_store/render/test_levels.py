"""Fades are straight, and overlapping sounds stay within full scale."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from audio_store.render.levels import fade, guard
from audio_store.render.mix import SECOND_US, Fade, frames_of

RATE = 1000


def ones(frames: int) -> np.ndarray:
    return np.ones((frames, 2), np.float32)


def test_a_fade_rises_from_nothing_to_all_and_falls_to_nothing() -> None:
    samples = ones(1000)
    fade(samples, Fade(0, SECOND_US, SECOND_US // 5, SECOND_US // 2), 0, RATE)
    expected = np.minimum(1, np.minimum(np.arange(1000) / 200, (1000 - np.arange(1000)) / 500))
    assert samples[:, 0] == pytest.approx(expected, abs=1e-6)
    assert (samples[:, 0] == samples[:, 1]).all()


@given(st.lists(st.integers(1, 400), min_size=1, max_size=12), st.integers(0, 800))
def test_a_fade_is_the_same_however_it_is_cut_into_blocks(blocks: list[int], start: int) -> None:
    form = Fade(200_000, 900_000, 300_000, 500_000)
    whole = ones(sum(blocks))
    fade(whole, form, start, RATE)
    place, pieces = start, []
    for size in blocks:
        pieces.append(ones(size))
        fade(pieces[-1], form, place, RATE)
        place += size
    assert (np.concatenate(pieces) == whole).all()


def test_without_fades_nothing_is_touched_not_even_beyond_the_end() -> None:
    samples = ones(100)
    fade(samples, Fade(0, 50_000, 0, 0), 0, RATE)
    assert (samples == 1).all()


def test_after_a_fade_out_there_is_silence() -> None:
    samples = ones(100)
    fade(samples, Fade(0, 50_000, 0, 10_000), 0, RATE)
    assert (samples[50:] == 0).all()
    assert (samples[:40] == 1).all()


@given(st.floats(-8, 8, width=32))
def test_the_guard_keeps_the_sign_and_full_scale(value: float) -> None:
    samples = np.full((1, 1), value, np.float32)
    guard(samples, np.array([True]))
    assert abs(samples[0, 0]) <= 1
    assert np.sign(samples[0, 0]) == np.sign(np.float32(value))
    if abs(value) <= 0.89:
        assert samples[0, 0] == np.float32(value)


def test_the_guard_bends_without_a_step_and_without_turning_back() -> None:
    rising = np.linspace(0, 3, 30_001, dtype=np.float32)[:, np.newaxis].copy()
    guard(rising, np.ones(len(rising), np.bool_))
    steps = np.diff(rising[:, 0])
    assert steps.min() >= 0
    assert steps.max() < 1.1e-4


def test_what_sounds_alone_is_not_touched_however_loud() -> None:
    loud = np.array([[1.5], [-1.5], [1.5]], np.float32)
    guard(loud, np.array([False, True, False]))
    assert loud[0, 0] == loud[2, 0] == 1.5
    assert -1 <= loud[1, 0] < -0.99


@given(st.integers(0, 10**12), st.sampled_from([8000, 22050, 44100, 48000, 96000]))
def test_times_are_rounded_to_the_nearest_frame(time_us: int, rate: int) -> None:
    assert abs(frames_of(time_us, rate) * SECOND_US - time_us * rate) * 2 <= SECOND_US
