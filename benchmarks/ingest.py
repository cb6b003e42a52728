"""Ingest: ten thousand small files, and twenty hours of music, beside beets and a shell loop.

`archive-server import` follows every file to its end to see that it is whole, and brings it to the
disk. Neither peer does: beets copies and reads tags, the loop copies, digests and reads headers.

    python -m benchmarks.ingest
"""

import importlib.util
import io
import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from pathlib import Path

import mutagen
import mutagen.id3
import numpy as np
import numpy.typing as npt
import soundfile

from benchmarks.harness.archive import PROGRAM, RunningArchive
from benchmarks.harness.command import Scale, main
from benchmarks.harness.report import OURS, Goal, Report
from benchmarks.harness.rounds import alternate

BEETS = "beet import -A"
LOOP = "cp, sha256sum, ffprobe"
_FOLDER = 20  # files
_RATE = 44100
_SONG_S = 240
_FORMATS: Mapping[str, Mapping[str, str]] = {
    "mp3": {"format": "MP3", "subtype": "MPEG_LAYER_III"},
    "ogg": {"format": "OGG", "subtype": "VORBIS"},
    "wav": {"format": "WAV", "subtype": "PCM_16"},
}


def run(scale: Scale) -> Report:
    """Measure both cases, the music in each format by itself."""
    report = Report("ingest", better="more")
    rounds = scale.of(min(scale.rounds, 3), 1)  # minutes each
    with ExitStack() as stack:
        directory = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-ingest-")))
        directory.chmod(0o711)  # PostgreSQL may run as another user
        count = scale.of(10_000, 30)
        small = _many(directory / "small", count)
        _measure(report, f"{count:,} files of 1 s", "files/s", count, small, BEETS, 3, rounds)
        songs = scale.of(300, 2)  # twenty hours
        seconds = scale.of(_SONG_S, 2)
        hours = songs * seconds / 3600
        for suffix in scale.of(tuple(_FORMATS), ("wav",)):
            music = _music(directory / suffix, suffix, songs, seconds)
            name = f"{hours:.3g} h of music, {suffix}"
            _measure(report, name, "h/min", hours * 60, music, LOOP, 1, rounds)
            shutil.rmtree(music)
    report.note("the archive follows all frames to the end; beets and ffprobe read headers")
    report.note("the files are in the page cache; each time the library is empty at first")
    return report


def _measure(
    report: Report,
    name: str,
    unit: str,
    amount: float,
    folder: Path,
    peer: str,
    ratio: float,
    rounds: int,
) -> None:
    """One case: how much of the amount gets done in a second."""
    contestants = {OURS: partial(_rate, amount, _archive, folder)}
    missing, work = _PEERS[peer]
    if reason := missing():
        report.left_out(peer, reason)
    else:
        contestants[peer] = partial(_rate, amount, work, folder)
    report.add(name, alternate(contestants, rounds), Goal(peer, ratio), unit=unit)


def _rate(amount: float, work: Callable[[Path, Path], float], folder: Path) -> float:
    with tempfile.TemporaryDirectory(prefix="bench-ingest-", dir=folder.parent) as scratch:
        Path(scratch).chmod(0o711)
        os.sync()  # what others have left to write is not to be paid for here
        return amount / work(folder, Path(scratch))


def _archive(folder: Path, scratch: Path) -> float:
    """Seconds of an import into a new archive, PostgreSQL's start included."""
    with RunningArchive(data_dir=scratch / "data"):
        pass  # the first start makes it
    return _seconds([*PROGRAM, "import", folder, "--data", scratch / "data"])


def _beets(folder: Path, scratch: Path) -> float:
    (scratch / "config.yaml").write_text(
        f"directory: {scratch / 'music'}\nlibrary: {scratch / 'library.db'}\nplugins: []\n"
    )
    beet: list[str | Path] = [sys.executable, "-m", "beets", "import", "-A", "-q", folder]
    return _seconds(beet, BEETSDIR=str(scratch))


def _loop(folder: Path, scratch: Path) -> float:
    """Copy, digest and read the headers of one file after the other, and then sync, once."""
    target = shlex.quote(str(scratch))
    script = f"""
        find {shlex.quote(str(folder))} -type f | while read -r file; do
            copy={target}/$(basename "$file")
            cp "$file" "$copy" && sha256sum "$copy" && ffprobe -v error -show_format "$copy"
        done && sync -f {target}
    """
    return _seconds(["bash", "-c", script])


def _seconds(command: Sequence[str | Path], **environment: str) -> float:
    started = time.perf_counter()
    done = subprocess.run(
        [str(word) for word in command],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        check=False,
    )
    elapsed = time.perf_counter() - started
    if done.returncode != 0:
        raise RuntimeError(f"{command[:5]!r}: {done.returncode}: {done.stderr[-2000:]}")
    return elapsed


def _missing_beets() -> str:
    return "" if importlib.util.find_spec("beets") else "no package beets (PyPI: beets)"


def _missing_ffprobe() -> str:
    return "" if shutil.which("ffprobe") else "no program ffprobe (Debian: ffmpeg)"


_PEERS = {BEETS: (_missing_beets, _beets), LOOP: (_missing_ffprobe, _loop)}


def _many(folder: Path, count: int) -> Path:
    """Short clips, the three formats in turn, each file with tags of its own."""
    samples = _noise(1)
    encoded = [(suffix, _encoded(samples, suffix)) for suffix in _FORMATS]
    for number in range(count):
        suffix, audio = encoded[number % len(encoded)]
        _write(folder / f"{number // _FOLDER:04}" / f"{number:05}.{suffix}", audio, number)
    return folder


def _music(folder: Path, suffix: str, count: int, seconds: int) -> Path:
    """Songs: the same noise, each file with tags of its own."""
    audio = _encoded(_noise(seconds), suffix)
    for number in range(count):
        _write(folder / f"{number // _FOLDER:04}" / f"{number:05}.{suffix}", audio, number)
    return folder


def _write(path: Path, audio: bytes, number: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(audio)
    file = mutagen.File(path)
    if file.tags is None:
        file.add_tags()
    said = {"title": f"Title {number}", "artist": f"Artist {number // _FOLDER}"}
    if isinstance(file.tags, mutagen.id3.ID3):
        file.tags.add(mutagen.id3.TIT2(text=said["title"]))
        file.tags.add(mutagen.id3.TPE1(text=said["artist"]))
    else:
        file.tags.update(said)
    file.save()


def _noise(seconds: int) -> npt.NDArray[np.float32]:
    """Stereo that no encoder can make much of."""
    generator = np.random.default_rng(1)
    return (generator.standard_normal((seconds * _RATE, 2)) / 10).astype(np.float32)


def _encoded(samples: npt.NDArray[np.float32], suffix: str) -> bytes:
    buffer = io.BytesIO()
    with soundfile.SoundFile(buffer, "w", _RATE, 2, **_FORMATS[suffix]) as sound:
        # A long block in one piece overruns the stack of the Vorbis encoder.
        for start in range(0, len(samples), 8192):
            sound.write(samples[start : start + 8192])
    return buffer.getvalue()


if __name__ == "__main__":
    main("Import folders beside beets, and a loop of cp, sha256sum and ffprobe.", run)
