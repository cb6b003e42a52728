"""The decoders, without a worker around them: only on files made here."""

import errno
import io
from pathlib import Path

import pytest
from fixtures import fix_audio as audio

from audio_store.probe import Limits, vorbis
from audio_store.probe.gate import judge
from audio_store.probe.verdicts import Findings

RATE = 44100

needs_libvorbisfile = pytest.mark.skipif(
    not vorbis.available(), reason="PyOgg or its libraries are not installed"
)


class FailingDisk(io.BytesIO):
    """A file whose disk goes away after so many bytes."""

    def __init__(self, content: bytes, readable: int) -> None:
        super().__init__(content)
        self._readable = readable

    def readinto(self, buffer: memoryview, /) -> int:  # type: ignore[override]
        count = super().readinto(buffer)
        self._count(count)
        return count

    def read(self, size: int | None = -1, /) -> bytes:
        piece = super().read(size)
        self._count(len(piece))
        return piece

    def _count(self, size: int) -> None:
        self._readable -= size
        if self._readable < 0:
            raise OSError(errno.EIO, "input/output error")


@pytest.mark.parametrize("readable", [0, 20_000, 120_000, 1_000_000, 2_000_000])
@pytest.mark.parametrize("make", [audio.wav, audio.ogg, audio.mp3])
def test_a_failing_disk_is_never_taken_for_a_bad_file(make: audio.Maker, readable: int) -> None:
    content = make(audio.noise(20 * RATE), RATE)
    with pytest.raises(OSError, match="input/output"):
        judge(
            FailingDisk(content, min(readable, len(content))),
            file_name="",
            findings=Findings(),
            limits=Limits(),
            announce=lambda duration_s: None,
        )


def counted(path: Path) -> vorbis.SecondOpinion | None:
    with path.open("rb", buffering=0) as file:
        file.seek(100)  # wherever others have left it
        return vorbis.count(file)


@needs_libvorbisfile
def test_the_second_opinion_counts_samples_and_streams(tmp_path: Path) -> None:
    path = tmp_path / "two.ogg"
    path.write_bytes(audio.ogg(audio.noise(2 * RATE)) + audio.ogg(audio.tone(RATE)))
    opinion = counted(path)
    assert opinion == vorbis.SecondOpinion(frames=3 * RATE, holes=0, streams=2, failure=0)


@needs_libvorbisfile
def test_the_second_opinion_sees_holes(tmp_path: Path) -> None:
    path = tmp_path / "hole.ogg"
    pages = audio.ogg_pages(audio.ogg(audio.noise(3 * RATE)))
    path.write_bytes(b"".join(pages[:6] + pages[7:]))
    opinion = counted(path)
    assert opinion
    assert opinion.holes == 1
    assert opinion.frames < 3 * RATE


@needs_libvorbisfile
def test_there_is_no_second_opinion_on_what_is_no_vorbis(tmp_path: Path) -> None:
    path = tmp_path / "text.ogg"
    path.write_bytes(b"no audio" * 100)
    assert counted(path) is None
