"""What kind of audio a file is, and whether it is whole.

Everything that reads foreign audio runs in worker processes under limits. This package, as it is
imported here, and `prober` load no decoder: the server's own process stays clear of them.
"""

from audio_store.probe.prober import Prober, ProbeUnavailable, pyogg_available
from audio_store.probe.report import Facts, Limits, Remark, Report
from audio_store.probe.sandbox import lacks as sandbox_lacks
from audio_store.probe.verdicts import codes, overrulable_codes

__all__ = [
    "Facts",
    "Limits",
    "ProbeUnavailable",
    "Prober",
    "Remark",
    "Report",
    "codes",
    "overrulable_codes",
    "pyogg_available",
    "sandbox_lacks",
]
