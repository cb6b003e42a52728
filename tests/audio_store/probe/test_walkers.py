"""What the walkers say of files cut anywhere, and of headers with anything in them."""

import io
import tracemalloc
from functools import cache
from pathlib import Path

import pytest
from fixtures import fix_audio as audio
from hypothesis import given
from hypothesis import strategies as st

from audio_store.probe import mpeg, ogg, wave
from audio_store.probe.crc import crc16_of
from audio_store.probe.info_frame import crc16
from audio_store.probe.shape import Shape, find_in
from audio_store.probe.sniff import sniff
from audio_store.probe.verdicts import Findings, refusal_codes
from audio_store.probe.window import Window

RATE = 44100


def walked(content: bytes) -> tuple[Shape | None, Findings]:
    """What the walker of the content's own format says."""
    file = io.BytesIO(content)
    findings = Findings()
    sniffed = sniff(file)
    if sniffed.what == "wav":
        return wave.walk(file, findings), findings
    if sniffed.what == "ogg":
        return ogg.walk(file, sniffed.start, findings), findings
    if sniffed.what == "mp3":
        found = mpeg.walk(file, sniffed.start, findings)
        return found.shape if found else None, findings
    findings.add(sniffed.what)
    return None, findings


@cache
def small(kind: str) -> bytes:
    samples = audio.music(RATE // 5)
    if kind == "wav":
        return audio.wav(audio.music(800, 8000, 1), 8000)
    if kind == "ogg":
        return audio.ogg(samples)
    whole = audio.mp3(samples)
    return whole if kind == "mp3" else audio.without_info_frame(whole)


@cache
def noisy_ogg() -> bytes:
    return audio.ogg(audio.noise(RATE * 2))


@pytest.mark.parametrize("kind", ["wav", "ogg", "mp3"])
def test_a_file_cut_at_any_byte_is_refused(kind: str) -> None:
    whole = small(kind)
    # Each cut is a walk, so that not every byte of the longer ones is tried, but the ends are.
    sizes = {*range(0, len(whole), {"wav": 1, "ogg": 7, "mp3": 3}[kind])}
    sizes |= {*range(100), *range(len(whole) - 600, len(whole))}
    assert [size for size in sizes if not walked(whole[:size])[1].refusals] == []


def test_an_mp3_without_header_cut_within_a_frame_is_refused() -> None:
    whole = small("bare mp3")
    frames = audio.mp3_frames(whole)
    for size in range(frames[3], len(whole), 5):
        shape, findings = walked(whole[:size])
        if size in frames:
            assert shape
            assert shape.frames == frames.index(size) * 1152
        elif size - max(frame for frame in frames if frame < size) >= 4:
            assert "mp3-cut" in findings
        else:
            assert "trailing-bytes" in findings


@pytest.mark.parametrize("kind", ["wav", "ogg", "mp3", "bare mp3"])
def test_trailing_tags_are_not_audio(kind: str) -> None:
    id3v1 = b"TAG" + bytes(125)
    ape = b"APETAGEX" + (2000).to_bytes(4, "little") + (32 + 8).to_bytes(4, "little")
    ape = bytes(8) + ape + bytes(4 + 12)
    lyrics = b"LYRICSBEGIN" + b"x" * 50 + b"000061LYRICS200"
    shape, _ = walked(small(kind))
    for trailer in (id3v1, ape, lyrics, lyrics + ape + id3v1):
        with_trailer, findings = walked(small(kind) + trailer)
        assert findings.refusals == ()
        if kind != "wav":
            assert with_trailer == shape
            assert findings.warnings == ()


@given(junk=st.binary(min_size=1, max_size=3000))
def test_junk_in_an_ogg_is_found_wherever_it_is(junk: bytes) -> None:
    pages = audio.ogg_pages(small("ogg"))
    _, findings = walked(b"".join([*pages[:2], junk, *pages[2:]]))
    assert findings.refusals


@given(position=st.integers(0, len(small("ogg")) - 1))
def test_a_flipped_bit_in_an_ogg_is_found_wherever_it_is(position: int) -> None:
    _, findings = walked(audio.flipped(small("ogg"), position))
    assert findings.refusals


@given(order=st.permutations(range(5)))
def test_ogg_pages_out_of_order_are_found(order: list[int]) -> None:
    pages = audio.ogg_pages(noisy_ogg())
    assert len(pages) > 7
    moved = [*pages[:2], *(pages[2 + place] for place in order), *pages[7:]]
    _, findings = walked(b"".join(moved))
    assert bool(findings.refusals) is (order != sorted(order))


@given(
    channels=st.integers(1, 8),
    sample_rate=st.integers(4000, 384_000),
    bits=st.sampled_from([8, 16, 24, 32]),
    frames=st.integers(0, 500),
    extra=st.integers(0, 3),
    before=st.lists(st.binary(max_size=30), max_size=3),
    after=st.lists(st.binary(max_size=30), max_size=3),
)
def test_any_sane_wav_is_measured_to_the_sample(
    channels: int,
    sample_rate: int,
    bits: int,
    frames: int,
    extra: int,
    before: list[bytes],
    after: list[bytes],
) -> None:
    align = channels * bits // 8
    partial = min(extra, align - 1)
    content = audio.riff(
        *(audio.chunk(b"junk", note) for note in before),
        audio.chunk(
            b"fmt ", audio.pcm_format(channels=channels, sample_rate=sample_rate, bits=bits)
        ),
        audio.chunk(b"data", b"\x55" * (frames * align + partial)),
        *(audio.chunk(b"note", note) for note in after),
    )
    shape, findings = walked(content)
    assert shape
    assert (shape.frames, shape.sample_rate, shape.channels) == (frames, sample_rate, channels)
    assert findings.refusals == ()
    assert [remark.code for remark in findings.warnings] == ["wav-partial-frame"] * bool(partial)


@given(
    head=st.binary(max_size=200),
    kind=st.sampled_from([b"RIFF????WAVE", b"RF64\xff\xff\xff\xffWAVEds64", b"OggS\0\2", b"ID3"]),
)
def test_no_walker_stumbles_over_random_bytes(head: bytes, kind: bytes) -> None:
    _, findings = walked(kind + head)
    assert {remark.code for remark in findings.refusals} <= refusal_codes()


@given(
    place=st.integers(0, 60),
    value=st.binary(min_size=1, max_size=8),
    kind=st.sampled_from(["wav", "ogg", "mp3"]),
)
def test_no_walker_stumbles_over_a_forged_header(place: int, value: bytes, kind: str) -> None:
    whole = small(kind)
    walked(whole[:place] + value + whole[place + len(value) :])


@pytest.mark.parametrize("hours", [3, 8, 24])
def test_a_huge_wav_is_walked_in_no_time(hours: int, tmp_path: Path) -> None:
    path = tmp_path / "long.wav"
    audio.long_wav(path, hours * 3600 * RATE)
    findings = Findings()
    with path.open("rb") as file:
        shape = wave.walk(file, findings)
    assert (path.stat().st_size > 2**32) is (hours > 3)
    assert shape
    assert shape.duration_s == hours * 3600
    assert (findings.refusals, findings.warnings) == ((), ())


@given(content=st.binary(max_size=9000), start=st.integers(0, 50))
def test_the_fast_checksum_is_the_slow_one(content: bytes, start: int) -> None:
    assert crc16_of(io.BytesIO(content), start, len(content)) == crc16(content[start:])


@given(
    content=st.binary(max_size=100),
    prefix=st.binary(max_size=20),
    start=st.integers(0, 100),
    end=st.integers(0, 100),
    seek=st.integers(0, 150),
)
def test_a_window_is_the_slice_it_says(
    content: bytes, prefix: bytes, start: int, end: int, seek: int
) -> None:
    start, end = sorted((min(start, len(content)), min(end, len(content))))
    window = Window(io.BytesIO(content), start, end, prefix)
    expected = prefix + content[start:end]
    assert window.readall() == expected
    window.seek(seek)
    assert window.readall() == expected[seek:]
    assert window.seek(0, 2) == len(expected)


def test_what_is_not_there_takes_no_memory_to_ask_for() -> None:
    window = Window(io.BytesIO(bytes(100)), 10, 100)
    tracemalloc.start()
    try:
        assert window.read(2**30) == bytes(90)
        assert window.read(2**30) == b""
        assert tracemalloc.get_traced_memory()[1] < 2**20
    finally:
        tracemalloc.stop()


def test_a_needle_across_two_pieces_is_found() -> None:
    file = io.BytesIO(bytes(2**20 - 2) + b"OggS" + bytes(10))
    assert find_in(file, b"OggS", 5, 2**20 + 12) == 2**20 - 2
    assert find_in(file, b"OggS", 2**20, 2**20 + 12) is None
