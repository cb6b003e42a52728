"""Another sample rate, the same sound."""

from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from audio_store.render.resample import Resampler

Samples = np.ndarray
RATES = (8000, 11025, 22050, 32000, 44100, 48000, 88200, 96000, 192000)


def stream(samples: Samples) -> Callable[[int], Samples]:
    """What gives so many frames of an array, and silence beyond its end."""
    place = 0

    def read(frames: int) -> Samples:
        nonlocal place
        piece = samples[place : place + frames]
        place += frames
        silence = np.zeros((frames - len(piece), samples.shape[1]), np.float32)
        return np.concatenate([piece, silence])

    return read


def sine(rate: int, frequency: float, seconds: float) -> Samples:
    times = np.arange(int(rate * seconds)) / rate
    column = np.sin(2 * np.pi * frequency * times) / 2
    return np.stack([column, -column], axis=1).astype(np.float32)


def resampled(samples: Samples, rates: tuple[int, int], blocks: int = 8192) -> Samples:
    resampler = Resampler(stream(samples), *rates, samples.shape[1])
    wanted = round(len(samples) * rates[1] / rates[0])
    pieces = []
    while wanted:
        pieces.append(resampler.read(min(blocks, wanted)))
        wanted -= len(pieces[-1])
    return np.concatenate(pieces)


@pytest.mark.parametrize("source", [*RATES, 44056, 12345])
@pytest.mark.parametrize("target", [22050, 44100, 48000])
def test_a_tone_keeps_its_pitch_its_level_and_its_place(source: int, target: int) -> None:
    frequency = min(997.0, source / 4)
    made = resampled(sine(source, frequency, 0.5), (source, target))
    expected = sine(target, frequency, 0.5)
    middle = slice(len(made) // 5, -len(made) // 5)
    assert len(made) == round(int(source * 0.5) * target / source)
    assert np.abs(made[middle] - expected[: len(made)][middle]).max() < 0.5e-4  # -80 dB


@pytest.mark.parametrize("frequency", [10_000.0, 17_000.0, 19_500.0])
def test_high_tones_that_fit_are_kept(frequency: float) -> None:
    made = resampled(sine(48000, frequency, 0.5), (48000, 44100))
    expected = sine(44100, frequency, 0.5)
    assert np.abs(made - expected)[2000:-2000].max() < 1e-4


@pytest.mark.parametrize("frequency", [22_500.0, 30_000.0, 43_000.0])
def test_tones_that_do_not_fit_are_silenced_and_not_mirrored(frequency: float) -> None:
    made = resampled(sine(96000, frequency, 0.5), (96000, 44100))
    assert np.abs(made[2000:-2000]).max() < 1e-4


def test_a_constant_stays_what_it_is() -> None:
    made = resampled(np.full((48000, 1), 0.7, np.float32), (48000, 44100))
    assert made[500:-500] == pytest.approx(0.7, abs=1e-5)


@settings(max_examples=25)
@given(
    st.sampled_from([(48000, 44100), (22050, 44100), (44056, 44100), (96000, 8000)]),
    st.lists(st.integers(1, 3000), min_size=1, max_size=8),
)
def test_blocks_of_any_size_are_the_same_as_one(rates: tuple[int, int], sizes: list[int]) -> None:
    noise = np.random.default_rng(1).standard_normal((20_000, 2)).astype(np.float32) / 8
    whole = Resampler(stream(noise), *rates, 2).read(sum(sizes))
    resampler = Resampler(stream(noise), *rates, 2)
    pieces = np.concatenate([resampler.read(size) for size in sizes])
    assert len(pieces) == sum(sizes)
    assert np.abs(pieces - whole).max() < 1e-6


def test_an_impulse_is_heard_when_it_was_made() -> None:
    impulse = np.zeros((48000, 1), np.float32)
    impulse[24000] = 1
    made = resampled(impulse, (48000, 44100))
    assert int(np.abs(made[:, 0]).argmax()) == 22050


def test_hours_do_not_make_it_drift() -> None:
    resampler = Resampler(lambda n: np.zeros((n, 1), np.float32), 48000, 44100, 1)
    frames = 0
    while frames < 44100 * 60:
        frames += len(resampler.read(8192))
    assert resampler._input.shape[1] < 4000
    assert resampler._input_start + resampler._half - 1 == resampler._next * 160 // 147
