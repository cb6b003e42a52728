"""The count of a Vorbis stream by its packets, and what it saves the second decoder."""

import io
import random
from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures import fix_audio as audio

from audio_store.probe import Report, vorbis
from audio_store.probe.decode import decode
from audio_store.probe.gate import walk
from audio_store.probe.shape import Shape
from audio_store.probe.verdicts import Findings

RATE = 44100
Examine = Callable[..., Report]

needs_libvorbisfile = pytest.mark.skipif(
    not vorbis.available(), reason="PyOgg or its libraries are not installed"
)


def clicks() -> audio.Samples:
    """Silence with clicks in it: blocks of both lengths, packets of a byte."""
    samples = audio.noise(2 * RATE) * 0
    samples[::5000] = 0.9
    return samples


def walked(content: bytes) -> Shape:
    shape = walk(io.BytesIO(content), Findings())
    assert shape
    return shape


def with_byte(whole: bytes, page: int, offset: int, value: int) -> bytes:
    """The same with another byte in the body of a page, whose checksum is right."""
    pages = audio.ogg_pages(whole)
    at = 27 + pages[page][26] + offset
    pages[page] = audio.sealed(pages[page][:at] + bytes([value]) + pages[page][at + 1 :])
    return b"".join(pages)


def with_undecodable_packet() -> bytes:
    whole = audio.ogg(clicks())
    lacing = audio.ogg_pages(whole)[2][27:]
    assert lacing[0] < 255
    return with_byte(whole, 2, lacing[0], 1)


@pytest.mark.parametrize(
    "samples",
    [audio.noise(3 * RATE), audio.noise(RATE, 1), audio.tone(RATE), audio.noise(700), clicks()],
    ids=["noise", "mono", "tone", "short", "clicks"],
)
@pytest.mark.parametrize("sample_rate", [8000, 44100, 96000])
def test_every_packet_of_a_whole_file_is_accounted_for(
    samples: audio.Samples, sample_rate: int
) -> None:
    assert walked(audio.ogg(samples, sample_rate)).is_counted


def test_a_header_that_fills_many_pages_does_not_hide_the_modes() -> None:
    whole = audio.tagged_ogg(audio.ogg(audio.noise(RATE)), comment=["words " * 50_000])
    assert walked(whole).is_counted


def test_a_packet_that_no_decoder_takes_is_not_accounted_for() -> None:
    assert not walked(with_undecodable_packet()).is_counted


@pytest.mark.parametrize("granule", [100, 2**40])
def test_a_page_that_says_another_position_is_not_accounted_for(granule: int) -> None:
    pages = audio.ogg_pages(audio.ogg(audio.noise(3 * RATE)))
    pages[3] = audio.sealed(pages[3], granule=granule)
    assert not walked(b"".join(pages)).is_counted


@needs_libvorbisfile
def test_a_lost_packet_is_warned_of_under_a_right_checksum(examine: Examine) -> None:
    report = examine(with_undecodable_packet())
    assert "decoders-differ" in [remark.code for remark in report.warnings]


@needs_libvorbisfile
def test_where_packets_are_accounted_for_two_decoders_agree(tmp_path: Path) -> None:
    chance = random.Random(4)
    path = tmp_path / "changed.ogg"
    counted = 0
    sounds = [audio.ogg(clicks()), audio.ogg(audio.noise(RATE // 2))]
    for _ in range(100):
        whole = chance.choice(sounds)
        page = chance.randrange(2, len(audio.ogg_pages(whole)))
        changed = with_byte(whole, page, chance.randrange(20), chance.randrange(256))
        shape = walked(changed)
        decoded = decode(io.BytesIO(changed), shape)
        if not (shape.is_counted and decoded and decoded.frames == shape.frames):
            continue
        path.write_bytes(changed)
        with path.open("rb", buffering=0) as file:
            opinion = vorbis.count(file)
        assert opinion
        assert (opinion.frames, opinion.holes, opinion.failure) == (shape.frames, 0, 0)
        counted += 1
    assert counted > 20
