"""What the decoder need not be asked to its end: where it could not say anything else."""

import io
import random
from collections.abc import Callable
from functools import cache

import pytest
from fixtures import fix_audio as audio

from audio_store.probe.decode import Decoded, begin, decode
from audio_store.probe.gate import walk
from audio_store.probe.shape import Shape
from audio_store.probe.verdicts import Findings

RATE = 44100
_TRIES = 150


class Counted(io.BytesIO):
    """A file that knows how much was read of it."""

    size_read = 0

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        count = super().readinto(buffer)
        self.size_read += count
        return count

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self.size_read += len(piece)
        return piece


@cache
def wholes(kind: str) -> tuple[bytes, ...]:
    samples = audio.music(RATE // 2)
    if kind == "ogg":
        return (audio.ogg(samples), audio.ogg(audio.noise(RATE // 2, 1)))
    made = [audio.mp3(samples), audio.mp3(samples, mode="VARIABLE")]
    return (*made, *map(audio.without_info_frame, made))


def damaged_mp3(whole: bytes, chance: random.Random) -> bytes:
    """The same with bytes of a few frames changed, most often where a frame says how it is made."""
    changed = bytearray(whole)
    for _ in range(chance.choice([1, 3, 20])):
        frame = chance.choice(audio.mp3_frames(whole))
        place = frame + chance.randrange(chance.choice([4, 40, 300]))
        changed[min(place, len(changed) - 1)] = chance.randrange(256)
    return bytes(changed)


def damaged_ogg(whole: bytes, chance: random.Random) -> bytes:
    """The same with other bytes in pages whose checksums are right, or other positions."""
    pages = audio.ogg_pages(whole)
    for _ in range(chance.choice([1, 2, 10])):
        number = chance.randrange(1, len(pages))
        page = bytearray(pages[number])
        if chance.randrange(4):
            page[chance.randrange(27 + page[26], len(page))] = chance.randrange(256)
            pages[number] = audio.sealed(bytes(page))
        elif number > 1:
            granule = int.from_bytes(page[6:14], "little") + chance.randrange(-300, 300)
            pages[number] = audio.sealed(bytes(page), granule=max(granule, 0))
    return b"".join(pages)


def agrees(shape: Shape, listen: Callable[..., Decoded | None], file: io.BytesIO) -> bool:
    found = listen(file, shape)
    return (
        found is not None
        and found.is_finite
        and not found.failure
        and 0 <= shape.frames - found.frames <= shape.slack
        and (found.sample_rate, found.channels) == (shape.sample_rate, shape.channels)
    )


@pytest.mark.parametrize(("kind", "damaged"), [("mp3", damaged_mp3), ("ogg", damaged_ogg)])
def test_a_decoder_that_has_begun_as_counted_ends_as_counted(
    kind: str, damaged: Callable[[bytes, random.Random], bytes]
) -> None:
    chance = random.Random(6)
    counted = doubted = 0
    for _ in range(_TRIES):
        file = io.BytesIO(damaged(chance.choice(wholes(kind)), chance))
        findings = Findings()
        shape = walk(file, findings)
        if shape is None or findings.refusals:
            continue
        if shape.is_counted and agrees(shape, begin, file):
            assert agrees(shape, decode, file)
            counted += 1
        else:
            doubted += 1
    assert counted > _TRIES // 4
    assert doubted > 0


@pytest.mark.parametrize("make", [audio.mp3, audio.ogg])
def test_of_long_audio_little_is_read_to_begin(make: audio.Maker) -> None:
    file = Counted(make(audio.noise(20 * RATE), RATE))
    shape = walk(file, Findings())
    assert shape
    file.size_read = 0
    assert agrees(shape, begin, file)
    assert file.size_read < (shape.end - shape.start) / 2
