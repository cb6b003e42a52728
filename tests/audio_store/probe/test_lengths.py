"""Whole files of every make are accepted, and measured to the sample."""

from collections.abc import Callable
from pathlib import Path

import pytest
from fixtures import fix_audio as audio
from support import needs_tool

from audio_store.probe import Prober, Report

Examine = Callable[..., Report]
RATE = 44100
FRAMES = 2 * RATE + 17
# What LAME and FFmpeg add in front where no header says so: whole frames, and the encoder's delay.
MOST_PADDING = 4 * 1152


def check(report: Report, frames: int = FRAMES, sample_rate: int = RATE, channels: int = 2) -> None:
    assert (report.refusals, report.warnings) == ((), ())
    assert report.facts
    assert report.facts.frames == frames
    assert report.facts.duration_us == round(frames * 1_000_000 / sample_rate)
    assert (report.facts.sample_rate, report.facts.channels) == (sample_rate, channels)


@pytest.mark.parametrize("subtype", ["PCM_U8", "PCM_16", "PCM_24", "PCM_32", "FLOAT", "DOUBLE"])
@pytest.mark.parametrize("channels", [1, 2, 6])
def test_wav(subtype: str, channels: int, examine: Examine) -> None:
    content = audio.wav(audio.music(FRAMES, RATE, channels), subtype=subtype)
    check(examine(content), channels=channels)


@pytest.mark.parametrize("container", ["WAVEX", "RF64"])
def test_extensible_and_rf64_wav(container: str, examine: Examine) -> None:
    samples = audio.music(FRAMES)
    report = examine(audio.encoded(samples, RATE, format=container, subtype="PCM_24"))
    check(report)
    assert report.facts
    assert report.facts.bit_rate == RATE * 2 * 24


@pytest.mark.parametrize("sample_rate", [8000, 22050, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_ogg(sample_rate: int, channels: int, examine: Examine) -> None:
    samples = audio.speech_like(FRAMES, sample_rate, channels)
    check(examine(audio.ogg(samples, sample_rate)), FRAMES, sample_rate, channels)


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
@pytest.mark.parametrize("sample_rate", [11025, 22050, 32000, 44100, 48000])
@pytest.mark.parametrize("channels", [1, 2])
def test_mp3_with_its_encoders_header(
    mode: str, sample_rate: int, channels: int, examine: Examine
) -> None:
    content = audio.mp3(audio.music(FRAMES, sample_rate, channels), sample_rate, mode=mode)
    check(examine(content), FRAMES, sample_rate, channels)


@pytest.mark.parametrize("mode", ["CONSTANT", "VARIABLE"])
def test_mp3_without_header_is_as_long_as_its_frames(mode: str, examine: Examine) -> None:
    content = audio.without_info_frame(audio.mp3(audio.music(FRAMES), mode=mode))
    check(examine(content), (len(audio.mp3_frames(content)) - 1) * 1152)


def test_a_long_variable_mp3_without_header_is_not_cut_short(examine: Examine) -> None:
    # Its first frames, of silence, are the smallest ones: decoders guess from them.
    samples = audio.music(60 * RATE)
    samples[: 30 * RATE] = 0
    content = audio.without_info_frame(audio.mp3(samples, mode="VARIABLE"))
    report = examine(content)
    check(report, (len(audio.mp3_frames(content)) - 1) * 1152)


def test_a_tag_before_any_format_is_no_obstacle(examine: Examine) -> None:
    tag = audio.id3_with_body(bytes(300))
    check(examine(tag + tag + audio.mp3(audio.music(FRAMES))))
    check(examine(tag + audio.ogg(audio.music(FRAMES))))


def test_the_bit_rate_is_that_of_the_audio_alone(examine: Examine) -> None:
    bare = audio.without_info_frame(audio.mp3(audio.music(FRAMES)))
    facts = examine(audio.id3_with_body(bytes(100_000)) + bare).facts
    assert facts
    assert abs(facts.bit_rate - len(bare) * 8 / (facts.duration_us / 1e6)) < 2


@needs_tool("lame")
@pytest.mark.parametrize(
    "options",
    [
        ["-V2"],
        ["-b", "128"],
        ["--abr", "160"],
        ["-p", "-b", "192"],
        ["-m", "m", "-V4"],
        ["-b", "320"],
        ["-m", "s"],
    ],
    ids=" ".join,
)
def test_mp3_of_lame(options: list[str], examine: Examine, tmp_path: Path) -> None:
    command = ("lame", "--quiet", *options, "IN", "OUT")
    content = audio.converted(tmp_path, audio.wav(audio.music(FRAMES)), ".mp3", *command)
    check(examine(content), channels=1 if "m" in options else 2)


@needs_tool("lame")
@pytest.mark.parametrize(
    "options",
    [["-V2", "-t"], ["-b", "128", "-t"], ["--resample", "11.025", "-t"], ["-b", "32"]],
    ids=" ".join,
)
def test_mp3_of_lame_without_header(options: list[str], examine: Examine, tmp_path: Path) -> None:
    command = ("lame", "--quiet", *options, "IN", "OUT")
    content = audio.converted(tmp_path, audio.wav(audio.music(FRAMES)), ".mp3", *command)
    report = examine(content)
    assert (report.refusals, report.warnings) == ((), ())
    assert report.facts
    padding = report.facts.frames - round(FRAMES / RATE * report.facts.sample_rate)
    assert 0 <= padding < MOST_PADDING


@needs_tool("lame")
def test_free_format_mp3_is_refused(examine: Examine, tmp_path: Path) -> None:
    command = ("lame", "--quiet", "--freeformat", "-b", "400", "IN", "OUT")
    content = audio.converted(tmp_path, audio.wav(audio.music(FRAMES)), ".mp3", *command)
    assert [remark.code for remark in examine(content).refusals] == ["mp3-free-format"]


@needs_tool("ffmpeg")
@pytest.mark.parametrize(
    ("suffix", "options"),
    [
        (".mp3", ["-c:a", "libmp3lame", "-q:a", "4"]),
        (".mp3", ["-c:a", "libmp3lame", "-b:a", "96k", "-ac", "1"]),
        (".ogg", ["-c:a", "libvorbis"]),
        (".wav", ["-rf64", "always"]),
        (".wav", ["-write_bext", "1", "-metadata", "description=News"]),
        (".wav", ["-c:a", "pcm_s24le", "-metadata", "title=Odd"]),
        (".wav", ["-c:a", "pcm_mulaw"]),
    ],
)
def test_files_of_ffmpeg(suffix: str, options: list[str], examine: Examine, tmp_path: Path) -> None:
    command = ("ffmpeg", "-loglevel", "error", "-i", "IN", *options, "OUT")
    content = audio.converted(tmp_path, audio.wav(audio.music(FRAMES)), suffix, *command)
    check(examine(content), channels=1 if "-ac" in options else 2)


@needs_tool("ffmpeg")
@pytest.mark.parametrize(
    ("suffix", "options", "code"),
    [
        (".m4a", ["-c:a", "aac"], "is-mp4"),
        (".aac", ["-c:a", "aac"], "is-aac"),
        (".mp2", ["-c:a", "mp2"], "is-mp2"),
        (".wma", ["-c:a", "wmav2"], "is-wma"),
        (".mka", ["-c:a", "flac"], "is-matroska"),
        (".ogg", ["-c:a", "flac"], "is-ogg-other"),
        (".wav", ["-c:a", "adpcm_ima_wav"], "wav-codec"),
        (".wav", ["-c:a", "libmp3lame"], "wav-codec"),
    ],
)
def test_what_else_ffmpeg_makes_is_refused_by_name(
    suffix: str, options: list[str], code: str, examine: Examine, tmp_path: Path
) -> None:
    command = ("ffmpeg", "-loglevel", "error", "-i", "IN", *options, "OUT")
    content = audio.converted(tmp_path, audio.wav(audio.music(FRAMES)), suffix, *command)
    assert [remark.code for remark in examine(content).refusals] == [code]


@needs_tool("oggenc")
@pytest.mark.parametrize("quality", ["-1", "5", "10"])
def test_ogg_of_oggenc(quality: str, examine: Examine, tmp_path: Path) -> None:
    command = ("oggenc", "-Q", "-q", quality, "IN", "-o", "OUT")
    content = audio.converted(tmp_path, audio.wav(audio.music(FRAMES)), ".ogg", *command)
    check(examine(content))


@needs_tool("sox")
@pytest.mark.parametrize("bits", ["8", "16", "24", "32"])
def test_wav_of_sox(bits: str, examine: Examine, tmp_path: Path) -> None:
    command = ("sox", "-t", "wav", "IN", "-b", bits, "OUT")
    content = audio.converted(tmp_path, audio.wav(audio.music(FRAMES)), ".wav", *command)
    check(examine(content))


@needs_tool("espeak-ng")
def test_speech_of_espeak(examine: Examine, tmp_path: Path) -> None:
    content = audio.converted(tmp_path, b"", ".wav", "espeak-ng", "-w", "OUT", "It is six o'clock")
    report = examine(content)
    assert report.refusals == ()
    assert report.facts
    assert report.facts.duration_us > 500_000


REAL = [
    path
    for place in ("/usr/share/sounds", "/usr/share/games")
    for path in sorted(Path(place).rglob("*"))
    if path.suffix in (".oga", ".ogg", ".wav", ".mp3")
][:200]


@pytest.mark.skipif(not REAL, reason="no audio of other packages on this machine")
def test_audio_of_other_packages_is_accepted(prober: Prober) -> None:
    refused = {
        path: report.refusals for path in REAL if (report := prober.probe(path, path.name)).refusals
    }
    assert refused == {}


@pytest.mark.slow
def test_three_hours_are_judged_within_the_limits(tmp_path: Path) -> None:
    path = tmp_path / "night.wav"
    audio.long_wav(path, 3 * 3600 * RATE)
    prober = Prober(1)
    check(prober.probe(path, path.name), 3 * 3600 * RATE)
    prober.close()
