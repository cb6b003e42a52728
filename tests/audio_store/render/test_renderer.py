"""A mix can cost its job, never the server."""

import errno
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import soundfile
from fixtures import fix_audio as audio

from audio_store.probe import Prober
from audio_store.probe.worker_process import environment
from audio_store.render import Fade, Mix, Part, Renderer, RenderFailed, RenderLimits
from audio_store.render.mix import SECOND_US

RATE = 44100
READY = "import json, os, sys, time\nprint('{\"ready\": true}', flush=True)\n"
READ = "request = json.loads(sys.stdin.readline())\n"
DECODERS = ("numpy", "soundfile", "mutagen", "pyogg")


def no_report(share: float) -> None:
    """Nobody wants to know."""


@contextmanager
def renderer_of(script: str, **limits: float) -> Iterator[Renderer]:
    """A renderer whose workers run a script of the test's own."""
    command = (sys.executable, "-c", READY + READ + script)
    renderer = Renderer(RenderLimits(**limits), command=command)  # type: ignore[arg-type]
    yield renderer
    renderer.close()


@pytest.fixture
def tone(tmp_path: Path) -> str:
    path = tmp_path / "tone"
    path.write_bytes(audio.wav(audio.tone(2 * RATE)))
    return str(path)


@pytest.fixture
def mix(tone: str) -> Mix:
    fades = (Fade(0, 2 * SECOND_US, SECOND_US, SECOND_US),)
    part = Part(tone, 0, 0, 2 * SECOND_US, fades)
    return Mix(RATE, 2, 2 * SECOND_US, (part,), "Títle", "Ann & Bob")


def test_the_servers_process_imports_no_decoder() -> None:
    script = (
        "import sys, audio_store.render\n"
        "audio_store.render.Renderer().close()\n"
        f"sys.exit(str([name for name in {DECODERS!r} if name in sys.modules] or '') or 0)"
    )
    command = (sys.executable, "-P", "-c", script)
    subprocess.run(command, env=environment(), check=True, timeout=60)


def test_a_mix_becomes_a_file_that_the_archive_takes(mix: Mix, tmp_path: Path) -> None:
    output = tmp_path / "mix.ogg"
    heard: list[float] = []
    assert Renderer().render(mix, output, heard.append) == 2 * RATE
    prober = Prober(1)
    report = prober.probe(output, "mix.ogg")
    prober.close()
    assert report.refusals == report.warnings == ()
    assert report.facts is not None
    assert (report.facts.frames, report.facts.format) == (2 * RATE, "ogg")
    assert report.tags["title"] == ("Títle",)
    assert report.tags["artist"] == ("Ann & Bob",)
    assert heard == sorted(heard)
    assert all(0 <= share <= 1 for share in heard)


def test_what_comes_out_sounds_like_what_went_in(mix: Mix, tmp_path: Path) -> None:
    Renderer().render(mix, tmp_path / "mix.ogg", no_report)
    made, _ = soundfile.read(tmp_path / "mix.ogg", dtype="float32")
    expected = audio.tone(2 * RATE)
    expected *= (1 - np.abs(np.arange(2 * RATE) / RATE - 1))[:, np.newaxis].astype(np.float32)
    assert np.sqrt(np.mean((made - expected) ** 2)) < 0.005


@pytest.mark.parametrize("rate", [8000, 11025, 48000, 96000, 192000])
@pytest.mark.parametrize("channels", [1, 2])
def test_mixes_have_any_form_that_clips_agree_on(
    tone: str, tmp_path: Path, rate: int, channels: int
) -> None:
    mix = Mix(rate, channels, SECOND_US, (Part(tone, 0, 0, SECOND_US),))
    assert Renderer().render(mix, tmp_path / "mix.ogg", no_report) == rate
    facts = soundfile.info(tmp_path / "mix.ogg")
    assert (facts.frames, facts.samplerate, facts.channels) == (rate, rate, channels)


def test_the_part_that_fails_is_named(mix: Mix, tmp_path: Path) -> None:
    bad = tmp_path / "bad"
    bad.write_bytes(b"RIFF")
    parts = (*mix.parts, Part(str(bad), 0, 0, SECOND_US))
    with pytest.raises(RenderFailed) as caught:
        Renderer().render(Mix(RATE, 2, SECOND_US, parts), tmp_path / "mix.ogg", no_report)
    assert caught.value.part == 1


def test_a_file_that_is_there_is_not_overwritten(mix: Mix, tmp_path: Path) -> None:
    (tmp_path / "mix.ogg").write_text("precious")
    with pytest.raises(FileExistsError):
        Renderer().render(mix, tmp_path / "mix.ogg", no_report)
    assert (tmp_path / "mix.ogg").read_text() == "precious"


def test_a_full_disk_is_an_oserror(mix: Mix, tmp_path: Path) -> None:
    (tmp_path / "mix.ogg").symlink_to("/dev/full")
    # As in the worker, without its care for files that are there already.
    script = (
        "sys.argv[1] = '{}'\nfrom pathlib import Path\n"
        "from audio_store.render import worker\nfrom audio_store.render.mix import from_json\n"
        "opened = Path.open\n"
        "Path.open = lambda path, mode='r', *a, **k: "
        "opened(path, mode.replace('x', 'w'), *a, **k)\n"
        "worker.answer(from_json(request['mix']), request['output'], "
        "lambda answer: print(json.dumps(answer), flush=True))\n"
    )
    with renderer_of(script) as renderer, pytest.raises(OSError, match="No space") as caught:
        renderer.render(mix, tmp_path / "mix.ogg", no_report)
    assert caught.value.errno == errno.ENOSPC


def test_a_killed_worker_is_a_failure_with_the_signals_name(mix: Mix, tmp_path: Path) -> None:
    script = "print('{\"progress\": 0.5}', flush=True); os.kill(os.getpid(), 9)\n"
    heard: list[float] = []
    with renderer_of(script) as renderer, pytest.raises(RenderFailed, match="SIGKILL"):
        renderer.render(mix, tmp_path / "mix.ogg", heard.append)
    assert heard == [0.5]


def test_a_real_worker_that_is_killed_from_outside_is_a_failure(tone: str, tmp_path: Path) -> None:
    part = Part(tone, 0, 0, 2 * SECOND_US)
    long = Mix(RATE, 2, 3600 * SECOND_US, (part,))
    renderer = Renderer()

    def kill(share: float) -> None:
        (worker,) = renderer._busy
        os.kill(worker._process.pid, signal.SIGKILL)

    with pytest.raises(RenderFailed, match="SIGKILL"):
        renderer.render(long, tmp_path / "mix.ogg", kill)


def test_a_silent_worker_is_given_up(mix: Mix, tmp_path: Path) -> None:
    with (
        renderer_of("time.sleep(600)\n", silent_s=0.3) as renderer,
        pytest.raises(RenderFailed, match="no progress"),
    ):
        renderer.render(mix, tmp_path / "mix.ogg", no_report)


@pytest.mark.parametrize(
    "answer", ['{"progress": "x"}', "[]", "nonsense", "{}", '{"error": 5}', '{"error": {}}']
)
def test_a_worker_that_talks_nonsense_is_a_failure(mix: Mix, tmp_path: Path, answer: str) -> None:
    script = f"print({answer!r}, flush=True); time.sleep(60)\n"
    with renderer_of(script) as renderer, pytest.raises(RenderFailed):
        renderer.render(mix, tmp_path / "mix.ogg", no_report)


def test_too_little_memory_is_a_failure_and_not_more(mix: Mix, tmp_path: Path) -> None:
    renderer = Renderer(RenderLimits(memory_bytes=2**20))
    with pytest.raises(RenderFailed):
        renderer.render(mix, tmp_path / "mix.ogg", no_report)


def test_a_mix_that_takes_too_much_time_is_ended(tone: str, tmp_path: Path) -> None:
    parts = tuple(Part(tone, 0, 0, 3600 * SECOND_US) for _ in range(30))
    mix = Mix(RATE, 2, 36_000 * SECOND_US, parts)
    renderer = Renderer(RenderLimits(cpu_s=0, cpu_share=0))
    with pytest.raises(RenderFailed, match="too much time"):
        renderer.render(mix, tmp_path / "mix.ogg", no_report)


def test_who_cancels_gets_their_own_exception_and_the_worker_ends(
    tone: str, tmp_path: Path
) -> None:
    renderer = Renderer()
    pids = []

    def cancel(share: float) -> None:
        (worker,) = renderer._busy
        pids.append(worker._process.pid)
        raise KeyError("enough")

    mix = Mix(RATE, 2, 36_000 * SECOND_US, (Part(tone, 0, 0, SECOND_US),))
    with pytest.raises(KeyError):
        renderer.render(mix, tmp_path / "mix.ogg", cancel)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_closing_ends_mixes_under_way_and_refuses_others(tone: str, tmp_path: Path) -> None:
    mix = Mix(RATE, 2, 36_000 * SECOND_US, (Part(tone, 0, 0, SECOND_US),))
    renderer = Renderer()
    started = threading.Event()
    failures: list[RenderFailed] = []

    def render() -> None:
        try:
            renderer.render(mix, tmp_path / "mix.ogg", lambda share: started.set())
        except RenderFailed as error:
            failures.append(error)

    thread = threading.Thread(target=render)
    thread.start()
    assert started.wait(30)
    renderer.close()
    thread.join(10)
    assert len(failures) == 1
    with pytest.raises(RenderFailed, match="stopping"):
        renderer.render(mix, tmp_path / "other.ogg", no_report)


@pytest.mark.slow
def test_an_hour_takes_the_memory_of_a_minute_and_little_time(tmp_path: Path) -> None:
    parts = []
    for number, (rate, kind) in enumerate(((44100, "ogg"), (48000, "mp3"), (22050, "wav"))):
        sound = audio.music(rate * 300, rate, 1 + number % 2)
        path = tmp_path / f"{number}.{kind}"
        path.write_bytes(getattr(audio, kind)(sound, rate))
        parts.append(str(path))
    at = range(0, 3600, 290)
    mix = Mix(
        RATE,
        2,
        3600 * SECOND_US,
        tuple(
            Part(
                parts[n % 3],
                second * SECOND_US,
                0,
                300 * SECOND_US,
                (Fade(second * SECOND_US, (second + 300) * SECOND_US, SECOND_US, 5 * SECOND_US),),
            )
            for n, second in enumerate(at)
        ),
    )
    renderer = Renderer()
    peaks_kb = []

    def look(share: float) -> None:
        (worker,) = renderer._busy
        status = Path(f"/proc/{worker._process.pid}/status").read_text()
        peaks_kb.append(int(status.partition("VmHWM:")[2].split()[0]))

    began = time.monotonic()
    assert renderer.render(mix, tmp_path / "mix.ogg", look) == 3600 * RATE
    assert time.monotonic() - began < 360  # ten times real time on the slowest machine
    assert peaks_kb[-1] < 150_000
    assert peaks_kb[-1] < peaks_kb[len(peaks_kb) // 10] + 20_000
