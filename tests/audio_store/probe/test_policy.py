"""Every refusal and every warning, each by a file that deserves it."""

from collections.abc import Callable
from functools import cache

import numpy as np
import pytest
from fixtures import fix_audio as audio

from audio_store.probe import Report, codes
from audio_store.probe.verdicts import overrulable_codes, refusal_codes

Examine = Callable[..., Report]
RATE = 44100
SECOND = audio.music(RATE)


@cache
def ogg() -> bytes:
    return audio.ogg(audio.noise(3 * RATE))


@cache
def mp3() -> bytes:
    return audio.mp3(SECOND)


@cache
def bare_mp3() -> bytes:
    return audio.without_info_frame(mp3())


@cache
def wav() -> bytes:
    return audio.wav(SECOND)


def small_riff(*, form: bytes | None = None, **how: int) -> bytes:
    form = audio.pcm_format() if form is None else form
    return audio.riff(audio.chunk(b"fmt ", form), audio.chunk(b"data", bytes(8000)), **how)


def with_format(**numbers: int) -> bytes:
    return small_riff(form=audio.pcm_format(**numbers))


def without_ogg_page(index: int) -> bytes:
    pages = audio.ogg_pages(ogg())
    del pages[index]
    return b"".join(pages)


def resealed(index: int, **fields: int) -> bytes:
    pages = audio.ogg_pages(ogg())
    pages[index] = audio.sealed(pages[index], **fields)
    return b"".join(pages)


def multiplexed() -> bytes:
    pages = audio.ogg_pages(ogg())
    other = audio.sealed(pages[0], serial=77)
    return b"".join([pages[0], other, *pages[1:]])


def pages_after_the_end() -> bytes:
    pages = audio.ogg_pages(ogg())
    return b"".join([*pages, audio.sealed(pages[-1], sequence=len(pages))])


def with_last_granule(more: int) -> bytes:
    return resealed(-1, granule=3 * RATE + more)


def with_nan() -> bytes:
    samples = SECOND.copy()
    samples[777, 1] = np.nan
    return audio.wav(samples, subtype="FLOAT")


def cut_frame() -> bytes:
    return mp3()[:-100]


def frames_missing() -> bytes:
    return mp3()[: audio.mp3_frames(mp3())[-10]]


def other_rate_follows() -> bytes:
    other = audio.mp3(audio.music(48000, 48000), 48000)
    return bare_mp3() + audio.without_info_frame(other)


def mono_follows() -> bytes:
    return bare_mp3() + audio.without_info_frame(audio.mp3(SECOND[:, :1]))


def junk_between_frames() -> bytes:
    middle = audio.mp3_frames(mp3())[20]
    return mp3()[:middle] + b"\0junk" * 60 + mp3()[middle:]


def changed_audio() -> bytes:
    return audio.flipped(mp3(), audio.mp3_frames(mp3())[20] + 200)


def data_size(size: int, *, riff_size: int | None = None) -> bytes:
    data = audio.chunk(b"data", b"\1\2" * 4000, size=size)
    return audio.riff(audio.chunk(b"fmt ", audio.pcm_format()), data, size=riff_size)


def hour_long_claim() -> bytes:
    return with_last_granule(25 * 3600 * RATE)


def garbage_chunk() -> bytes:
    form = audio.chunk(b"fmt ", audio.pcm_format())
    return audio.riff(form, audio.chunk(b"data", bytes(8000)), b"\0\1\2\3\4\5\6\7" * 4)


def cut_chunk() -> bytes:
    form = audio.chunk(b"fmt ", audio.pcm_format())
    note = audio.chunk(b"LIST", bytes(100), size=200)
    return audio.riff(form, audio.chunk(b"data", bytes(8000)), note)


def odd_chunk_without_padding() -> bytes:
    form = audio.chunk(b"fmt ", audio.pcm_format(bits=8))
    data = audio.chunk(b"data", b"\x80" * 7999)[:-1]
    return audio.riff(form, data, audio.info_list(INAM=b"after the odd one"))


def many_chunks() -> bytes:
    form = audio.chunk(b"fmt ", audio.pcm_format())
    return audio.riff(form, audio.chunk(b"data", bytes(8000)), audio.chunk(b"junk", b"") * 5000)


def huge_tag() -> bytes:
    return audio.id3_with_body(bytes(17 * 2**20)) + mp3()


def wordy_tag() -> bytes:
    frame = b"TXXX" + b"\0\0\0\x04\0\0" + b"\0a\0b"
    return audio.id3_with_body(frame * 5000) + mp3()


def headless_ogg() -> bytes:
    return b"".join(audio.ogg_pages(ogg())[2:])


def broken_setup() -> bytes:
    pages = audio.ogg_pages(ogg())
    pages[1] = audio.sealed(pages[1][:-500] + bytes(500))
    return b"".join(pages)


def cut_from_a_stream() -> bytes:
    pages = audio.ogg_pages(audio.ogg(audio.noise(8 * RATE)))
    moved = [
        audio.sealed(page, sequence=number) for number, page in enumerate([*pages[:2], *pages[10:]])
    ]
    return b"".join(moved)


def free_format() -> bytes:
    frame = b"\xff\xfb\x00\x00" + bytes(1000)
    return frame * 20


def adts() -> bytes:
    size = 200
    head = bytes([0xFF, 0xF1, 0x50, 0x80 | size >> 11, size >> 3 & 0xFF, (size & 7) << 5, 0xFC])
    return (head + bytes(size - 7)) * 10


def mpeg_layer_2() -> bytes:
    return (b"\xff\xfd\x80\x00" + bytes(414 - 1)) * 10


def opus() -> bytes:
    return audio.encoded(audio.music(48000), 48000, format="OGG", subtype="OPUS")


def flac() -> bytes:
    return audio.encoded(SECOND, RATE, format="FLAC", subtype="PCM_16")


def aiff() -> bytes:
    return audio.encoded(SECOND, RATE, format="AIFF", subtype="PCM_16")


def wave64() -> bytes:
    return audio.encoded(SECOND, RATE, format="W64", subtype="PCM_16")


def flac_in_ogg() -> bytes:
    return resealed(0).replace(b"\x01vorbis", b"\x7fFLAC\1\0")


_MAKERS: dict[str, Callable[[], bytes]] = {
    "empty": lambda: b"",
    "is-flac": flac,
    "is-opus": opus,
    "is-ogg-other": flac_in_ogg,
    "is-mp4": lambda: b"\0\0\0\x20ftypM4A " + bytes(500),
    "is-aac": adts,
    "is-mp2": mpeg_layer_2,
    "is-aiff": aiff,
    "is-wave64": wave64,
    "is-riff-other": lambda: b"RIFF\x00\x01\x00\x00AVI LIST" + bytes(256),
    "is-big-endian-wav": lambda: b"RIFX\x00\x00\x01\x00WAVEfmt " + bytes(256),
    "is-wma": lambda: bytes.fromhex("3026b2758e66cf11a6d900aa0062ce6c") + bytes(100),
    "is-matroska": lambda: b"\x1a\x45\xdf\xa3" + bytes(100),
    "is-midi": lambda: b"MThd\0\0\0\x06" + bytes(100),
    "is-image": lambda: b"\x89PNG\r\n\x1a\n" + bytes(100),
    "is-pdf": lambda: b"%PDF-1.7\n%\xe2\xe3",
    "is-archive": lambda: b"PK\x03\x04" + bytes(100),
    "is-text": lambda: b"ffconcat version 1.0\nfile secret.mp3\n",
    "is-unknown": lambda: bytes(5000),
    "ascii-mode": lambda: audio.in_text_mode(wav()),
    "rate-out-of-range": lambda: with_format(sample_rate=1),
    "channels-out-of-range": lambda: with_format(channels=9, bits=8),
    "too-long": hour_long_claim,
    "no-sound": lambda: audio.wav(SECOND[:0]),
    "not-finite": with_nan,
    "decode-differs": lambda: with_last_granule(2 * RATE),
    "undecodable": broken_setup,
    "ogg-headers": headless_ogg,
    "ogg-checksum": lambda: audio.flipped(ogg(), 20_000),
    "ogg-gap": lambda: without_ogg_page(4),
    "ogg-granule": lambda: resealed(4, granule=-5),
    "ogg-junk": lambda: b"some junk".join(audio.ogg_pages(ogg())),
    "ogg-no-end": lambda: without_ogg_page(-1),
    "ogg-after-end": pages_after_the_end,
    "ogg-chained": lambda: ogg() + audio.ogg(SECOND),
    "ogg-multiplexed": multiplexed,
    "ogg-length-differs": lambda: with_last_granule(100),
    "ogg-starts-late": cut_from_a_stream,
    "mp3-no-frames": lambda: audio.id3_with_body(bytes(100)) + bytes(1000),
    "mp3-free-format": free_format,
    "mp3-lost-sync": junk_between_frames,
    "mp3-changes": other_rate_follows,
    "mp3-cut": cut_frame,
    "mp3-frames-missing": frames_missing,
    "mp3-joined": lambda: mp3() + bare_mp3(),
    "mp3-checksum": changed_audio,
    "id3-too-large": huge_tag,
    "id3-compressed": lambda: audio.id3_bomb() + mp3(),
    "wav-no-format": lambda: audio.riff(audio.chunk(b"data", bytes(100))),
    "wav-no-data": lambda: audio.riff(audio.chunk(b"fmt ", audio.pcm_format())),
    "wav-codec": lambda: audio.wav(SECOND, subtype="MS_ADPCM"),
    "wav-format": lambda: with_format(align=3),
    "wav-truncated": lambda: wav()[:-1000],
    "wav-size-unknown": lambda: data_size(0xFFFFFFFF, riff_size=0xFFFFFFFF),
    "wav-garbage": garbage_chunk,
    "wav-many-chunks": many_chunks,
    "wav-riff-size": lambda: small_riff(size=17),
    "wav-byte-rate": lambda: with_format(byte_rate=1),
    "wav-partial-frame": lambda: with_format(channels=3),
    "wav-no-padding": odd_chunk_without_padding,
    "wav-chunk-cut": cut_chunk,
    "leading-bytes": lambda: b"\0junk" * 100 + mp3(),
    "trailing-bytes": lambda: mp3() + b"\0junk" * 100,
    "very-short": lambda: audio.wav(SECOND[:2000]),
    "tags-unreadable": wordy_tag,
}
CASES = {code: cache(make) for code, make in _MAKERS.items()}
# These need a name, or another process: see the other tests. No file is known that draws
# `decode-failed` or `ogg-hole` after the walker found nothing to refuse.
ELSEWHERE = {
    "name-differs",
    "decode-failed",
    "decoders-differ",
    "ogg-hole",
    "probe-crashed",
    "probe-timeout",
    "probe-out-of-memory",
}


def test_every_code_has_a_case() -> None:
    assert CASES.keys() | ELSEWHERE == codes().keys()


@pytest.mark.parametrize("code", [code for code in CASES if code in refusal_codes()])
def test_what_deserves_it_is_refused(code: str, examine: Examine) -> None:
    assert code in [remark.code for remark in examine(CASES[code]()).refusals]


@pytest.mark.parametrize("code", [code for code in CASES if code not in refusal_codes()])
def test_what_is_odd_but_whole_is_accepted_with_a_warning(code: str, examine: Examine) -> None:
    report = examine(CASES[code]())
    assert report.refusals == ()
    assert code in [remark.code for remark in report.warnings]
    assert report.facts


@pytest.mark.parametrize("code", [code for code in CASES if code in overrulable_codes()])
def test_a_station_can_overrule_a_refusal(code: str, examine: Examine) -> None:
    damaged = CASES[code]()
    refused = [remark.code for remark in examine(damaged).refusals]
    report = examine(damaged, "", *refused)
    assert report.refusals == ()
    assert code in [remark.code for remark in report.warnings]
    assert report.facts
    assert report.facts.duration_us > 0


@pytest.mark.parametrize("code", ["is-flac", "is-text", "wav-codec", "no-sound"])
def test_what_cannot_be_measured_cannot_be_overruled(code: str, examine: Examine) -> None:
    report = examine(CASES[code](), "", code)
    assert [remark.code for remark in report.refusals] == [code]


@pytest.mark.parametrize("make", [ogg, mp3, bare_mp3, wav])
def test_what_is_whole_draws_no_remark(make: Callable[[], bytes], examine: Examine) -> None:
    report = examine(make())
    assert (report.refusals, report.warnings) == ((), ())


@pytest.mark.parametrize(
    ("file_name", "is_warned"),
    [
        ("song.wav", True),
        ("song.flac", True),
        ("SONG.MP3", False),
        ("song.mpga", False),
        ("song", False),
        ("Still D.R.E. feat. Dr.Dre", False),
        ("", False),
    ],
)
def test_a_name_that_says_another_format_is_warned_of(
    file_name: str, is_warned: bool, examine: Examine
) -> None:
    report = examine(mp3(), file_name)
    assert report.facts
    assert report.facts.format == "mp3"
    assert ("name-differs" in [remark.code for remark in report.warnings]) is is_warned


def test_a_change_to_mono_within_an_mp3_is_refused(examine: Examine) -> None:
    assert "mp3-changes" in [remark.code for remark in examine(mono_follows()).refusals]


@pytest.mark.parametrize(
    "damaged",
    [
        data_size(0),
        data_size(0x7FFFF000),
        data_size(0xFFFFFFFF),
        audio.riff(
            audio.chunk(b"ds64", bytes(28)),
            audio.chunk(b"fmt ", audio.pcm_format()),
            audio.chunk(b"data", bytes(800), size=0xFFFFFFFF),
            kind=b"RF64",
        ),
    ],
)
def test_a_wav_whose_length_was_never_filled_in_is_refused(
    damaged: bytes, examine: Examine
) -> None:
    report = examine(damaged)
    assert [remark.code for remark in report.refusals] == ["wav-size-unknown"]
    assert "save it again" in report.refusals[0].text


def test_a_reason_tells_the_place(examine: Examine) -> None:
    (remark,) = examine(junk_between_frames()).refusals[:1]
    assert f"at byte {audio.mp3_frames(mp3())[20]}" in remark.text


def test_a_refused_file_tells_what_it_is_as_far_as_it_can(examine: Examine) -> None:
    facts = examine(frames_missing()).facts
    assert facts
    assert (facts.format, facts.sample_rate, facts.channels) == ("mp3", RATE, 2)


def test_a_forged_length_that_is_overruled_buys_no_centuries(examine: Examine) -> None:
    report = examine(resealed(-1, granule=2**62), "", "too-long", "decode-differs")
    assert report.refusals == ()
    assert report.facts
    # With a forged end nobody knows how much of the last block is padding.
    assert 3 * RATE <= report.facts.frames < 3 * RATE + 2048
