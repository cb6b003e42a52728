"""What the probe says of audio, and how that is kept from the last byte to the closing.

An upload is examined when its last byte has come, while the last digests are taken and the disk
writes. What was found is kept with the digests, and like them it holds for these bytes alone.
Whoever closes the upload examines what nobody has: bytes that came in several requests, or of which
no total was told.
"""

import json
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

from archive_server.blocking import InThread
from archive_server.errors import Unavailable
from audio_store.probe import Prober, ProbeUnavailable, Report
from audio_store.probe.report import from_json, to_json

# Characters of a report that is kept. What tags say may become megabytes, which whoever looks for
# the upload would read each time, in the reactor's thread; these few take a millisecond at most.
_LONGEST = 64 * 1024


@dataclass(frozen=True, slots=True)
class Probing:
    """Has files examined, by the rules of the station."""

    prober: Prober
    in_thread: InThread  # for reading whole files
    accept: frozenset[str]  # codes of refusals that the station overrules

    async def report(self, path: Path, file_name: str) -> Report:
        """What is to be said of a file, which a client calls so. Raises Unavailable."""
        try:
            return await self.in_thread(self.prober.probe, path, file_name, self.accept)
        except (ProbeUnavailable, OSError) as error:  # neither says anything about the file
            raise Unavailable("the audio cannot be examined now") from error

    async def verdict(self, path: Path, file_name: str) -> str | None:
        """The report on audio that may be stored, as it is kept, unless it is long; else None.

        A refusal is not kept, since it may not be the file's fault that a worker dies of it:
        whoever closes the upload has it examined once more, and is told.
        """
        with suppress(Unavailable):
            report = await self.report(path, file_name)
            if not report.refusals:
                written = await self.in_thread(self.written, report)
                return written if len(written) <= _LONGEST else None
        return None

    def written(self, report: Report) -> str:
        """A report, as `kept` reads it."""
        found = {**to_json(report), "tags": dict(report.tags)}
        return json.dumps({"accept": sorted(self.accept), **found})

    def kept(self, verdict: str | None) -> Report | None:
        """The report that was kept; None where there is none that holds.

        Not if it was made by other rules, nor if another version of the archive wrote it in words
        that this one does not know.
        """
        if verdict is None:
            return None
        with suppress(KeyError, TypeError):
            found = json.loads(verdict)
            if found["accept"] == sorted(self.accept):
                tags = {name: tuple(texts) for name, texts in found["tags"].items()}
                return replace(from_json(found), tags=tags)
        return None
