"""Every reason to refuse a file or to warn of it, with its sentence.

The codes are stable: stations overrule a refusal by its code, and clients are told it.
"""

from collections.abc import Collection, Mapping

from audio_store.probe.report import Remark

_ONLY = "only Ogg Vorbis, MP3 and WAV are stored"

# Nothing can be measured on these files, so no station can overrule the refusal.
_FINAL = {
    "empty": "the file is empty",
    "is-flac": f"this is FLAC; {_ONLY}",
    "is-opus": f"this is Opus; {_ONLY}",
    "is-ogg-other": f"this is Ogg, but not Vorbis; {_ONLY}",
    "is-mp4": f"this is MP4 (M4A, AAC or video); {_ONLY}",
    "is-aac": f"this is an AAC stream; {_ONLY}",
    "is-mp2": f"this is MPEG audio of layer I or II; {_ONLY}",
    "is-aiff": f"this is AIFF; {_ONLY}",
    "is-wave64": f"this is Sony Wave64; {_ONLY}",
    "is-riff-other": f"this is RIFF, but not WAVE; {_ONLY}",
    "is-big-endian-wav": f"this is a big-endian WAV (RIFX); {_ONLY}",
    "is-wma": f"this is Windows Media; {_ONLY}",
    "is-matroska": f"this is Matroska or WebM; {_ONLY}",
    "is-midi": f"this is MIDI, notes without sound; {_ONLY}",
    "is-image": f"this is an image; {_ONLY}",
    "is-pdf": f"this is a PDF document; {_ONLY}",
    "is-archive": f"this is a packed archive; {_ONLY}",
    "is-text": f"this is text; {_ONLY}",
    "is-unknown": f"this is no audio that we know; {_ONLY}",
    "ogg-headers": "the headers of the Ogg Vorbis stream are missing or broken",
    "mp3-no-frames": "there is a tag, but no MP3 audio after it",
    "mp3-free-format": "free-format MP3 is not supported",
    "wav-no-format": "the WAV has no usable format chunk before its audio",
    "wav-no-data": "the WAV has no data chunk: it is cut off, or holds no audio",
    "wav-codec": "the WAV holds compressed audio, not PCM",
    "wav-format": "the numbers in the WAV's format chunk contradict each other",
    "rate-out-of-range": "the sample rate is outside of 4 to 384 kHz",
    "channels-out-of-range": "there are not 1 to 8 channels",
    "undecodable": "the decoder cannot read the audio",
    "no-sound": "there is not a single sample in the file",
    "probe-crashed": "the decoder crashed on this file, twice",
    "probe-timeout": "reading the file took too long; it was given up",
    "probe-out-of-memory": "reading the file took too much memory; it was given up",
}

_REFUSALS = {
    "ascii-mode": "the file was damaged by a transfer in text (ASCII) mode; send it in binary mode",
    "too-long": "the audio is longer than this archive allows",
    "not-finite": "some samples are not numbers (NaN or infinite)",
    "decode-failed": "the decoder gave up before the end of the audio",
    "decode-differs": "the decoder finds another length than the file promises",
    "ogg-checksum": "an Ogg page is damaged: its checksum is wrong",
    "ogg-gap": "Ogg pages are missing, doubled or out of order",
    "ogg-granule": "the positions in the Ogg pages run backwards or are negative",
    "ogg-junk": "there are foreign bytes between the Ogg pages",
    "ogg-no-end": "the Ogg stream has no last page: it is cut off, or was never finished",
    "ogg-after-end": "there are Ogg pages after the end of the stream",
    "ogg-chained": "several Ogg streams are joined one after the other; store them one by one",
    "ogg-multiplexed": "the Ogg file holds several streams at once (video, or a second track)",
    "ogg-hole": "the second decoder finds a hole in the Ogg Vorbis audio",
    "mp3-lost-sync": "there are foreign or damaged bytes between the MP3 frames",
    "mp3-changes": "the sample rate, layer or channel count changes in the middle of the MP3",
    "mp3-cut": "the last MP3 frame is cut off",
    "mp3-frames-missing": "the MP3 has fewer frames than its header promises: it is cut off",
    "mp3-joined": "the MP3 has more frames than its header tells: files were joined",
    "id3-too-large": "the ID3 tag is larger than 16 MB",
    "id3-compressed": "the ID3 tag inflates to more than 1 MB",
    "wav-truncated": "the audio in the WAV ends before the length in its header: it is cut off",
    "wav-size-unknown": (
        "the length in the WAV's header was never filled in, so nobody can tell whether it is "
        "whole; open it in an editor and save it again"
    ),
    "wav-garbage": "there are foreign bytes between the chunks of the WAV",
    "wav-many-chunks": "the WAV has more than 4096 chunks",
}

_WARNINGS = {
    "name-differs": "the file's name says another format than its content",
    "leading-bytes": "there are foreign bytes before the audio",
    "trailing-bytes": "there are foreign bytes after the audio",
    "very-short": "the audio is shorter than 50 milliseconds",
    "ogg-length-differs": "the length in the last Ogg page is not the length of the audio",
    "ogg-starts-late": "the positions do not start at zero: cut out of a longer stream",
    "decoders-differ": "two decoders find different lengths",
    "mp3-checksum": (
        "the audio does not match the encoder's checksum: damaged, or changed by a gain editor"
    ),
    "wav-riff-size": "the RIFF size is wrong, but the audio is all there",
    "wav-byte-rate": "the byte rate in the WAV's header is wrong",
    "wav-partial-frame": "the WAV ends within a sample; the rest of that sample is ignored",
    "wav-no-padding": "a chunk of odd length is not padded",
    "wav-chunk-cut": "a chunk after the audio is cut off; the audio is all there",
    "tags-unreadable": "the tags could not be read",
}

LONGEST_DETAIL = 200


def codes() -> Mapping[str, str]:
    """Every refusal and warning code with its sentence."""
    return _FINAL | _REFUSALS | _WARNINGS


def refusal_codes() -> frozenset[str]:
    return frozenset(_FINAL | _REFUSALS)


def overrulable_codes() -> frozenset[str]:
    """The refusals a station may turn into warnings."""
    return frozenset(_REFUSALS)


def remark(code: str, detail: str = "") -> Remark:
    """The code's sentence, and what is special in this file."""
    sentence = codes()[code]
    return Remark(code, f"{sentence} ({detail[:LONGEST_DETAIL]})" if detail else sentence)


class Findings:
    """Collects the remarks on one file; the first of each code stands for the others."""

    def __init__(self, accept: Collection[str] = ()) -> None:
        self._accept = frozenset(accept) & overrulable_codes()
        self._remarks: dict[str, Remark] = {}

    def add(self, code: str, detail: str = "") -> None:
        self._remarks.setdefault(code, remark(code, detail))

    def __contains__(self, code: str) -> bool:
        return code in self._remarks

    @property
    def refusals(self) -> tuple[Remark, ...]:
        return tuple(r for r in self._remarks.values() if self._refuses(r.code))

    @property
    def warnings(self) -> tuple[Remark, ...]:
        return tuple(r for r in self._remarks.values() if not self._refuses(r.code))

    @property
    def overruled(self) -> bool:
        """Whether a refusal was turned into a warning."""
        return any(code in _REFUSALS and not self._refuses(code) for code in self._remarks)

    def _refuses(self, code: str) -> bool:
        return code not in _WARNINGS and code not in self._accept
