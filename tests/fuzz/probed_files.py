"""Files that may be audio, given to a real probe worker, decoders and all.

What happens in the worker cannot be followed from here, so the walkers go through each file first:
the branches they take lead to files that get as far as the decoders.
"""

import atexit
import io
import time
from functools import cache
from pathlib import Path

from audio_store.probe import Limits, Prober, codes
from audio_store.probe.gate import walk
from audio_store.probe.verdicts import Findings
from fuzz.audio_files import TOKENS
from fuzz.surroundings import surroundings

__all__ = ["TOKENS", "fuzz_one"]

_LONGEST_S = 30  # for one file; small ones take milliseconds
_ACCEPTED = frozenset({"mp3-lost-sync", "ogg-checksum", "ogg-gap", "mp3-cut", "wav-truncated"})
_FATAL = {"probe-crashed", "probe-timeout", "probe-out-of-memory"}


def fuzz_one(data: bytes) -> None:
    """Have a file judged strictly, and by a station that accepts what is damaged."""
    walk(io.BytesIO(data), Findings())
    path = _path()
    path.write_bytes(data)
    for accept in (frozenset[str](), _ACCEPTED):
        began_at = time.monotonic()
        report = _prober().probe(path, "a file.wav", accept)
        assert time.monotonic() - began_at < _LONGEST_S
        told = {remark.code for remark in (*report.refusals, *report.warnings)}
        assert told <= codes().keys()
        assert not told & _FATAL, report.refusals
        assert report.refusals or report.facts, "what is accepted is measured"
        if not report.refusals:
            assert report.facts is not None
            assert report.facts.duration_us > 0
            assert 0 < report.facts.sample_rate < 2**31
            assert 0 <= report.facts.bit_rate < 2**31, "the database has room for it"


@cache
def _path() -> Path:
    return surroundings().directory / "probed"


@cache
def _prober() -> Prober:
    prober = Prober(1, Limits(cpu_s=20, wall_s=_LONGEST_S))
    atexit.register(prober.close)
    return prober
