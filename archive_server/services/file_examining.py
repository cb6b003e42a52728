"""One file of many on its way into the archive: copied, digested, found whole.

Blocks; any number of threads may do it at a time.
"""

import errno
import hashlib
import os
import stat
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from io import FileIO
from pathlib import Path

from archive_server.errors import Unavailable
from archive_server.model.clips import Content
from archive_server.model.uploads import new_token
from audio_store import AudioStore, AudioStoreError, Digests, StagedFile
from audio_store.content_id import read_digests
from audio_store.probe import Facts, Prober, ProbeUnavailable, Report

UNREADABLE = "unreadable"  # beside the codes of the probe


@dataclass(frozen=True, slots=True)
class Refusal:
    """A file that does not become a clip, and why."""

    file: Path
    code: str
    reason: str


@dataclass(frozen=True, slots=True)
class Known:
    """A file whose bytes are a clip's already."""

    file: Path


@dataclass(frozen=True, slots=True)
class Whole:
    """Audio that was found to be whole; its bytes are staged, unless it was only looked at."""

    file: Path
    digests: Digests
    facts: Facts
    report: Report
    staged: StagedFile | None

    @property
    def content(self) -> Content:
        """Its bytes, as rows know them."""
        return Content(self.digests.sha256, self.digests.md5, self.digests.size)

    def drop(self) -> None:
        """Let go of the staged bytes, unless they were published."""
        if self.staged is not None:
            discard(self.staged)


@dataclass(frozen=True)
class Examiner:
    """Looks at files, and takes copies of them into the store; the originals are only read."""

    store: AudioStore
    prober: Prober
    accept: frozenset[str]  # codes of refusals that the station overrules

    def examine(
        self, file: Path, known: Collection[bytes], *, keep: bool
    ) -> Whole | Known | Refusal:
        """Judge a file, and with `keep` stage its bytes.

        `known` are the SHA-256 of clips' audio that has as many bytes. Raises Unavailable, and
        what the store raises.
        """
        try:
            with _opened(file) as source:
                if known and _sha256(source) in known:
                    return Known(file)
                return self._stage(file, source) if keep else self._look(file, source)
        except OSError as error:
            return Refusal(file, UNREADABLE, f"the file cannot be read: {error.strerror}")

    def _stage(self, file: Path, source: FileIO) -> Whole | Refusal:
        with _staged(self.store) as staged:
            staged.fill(source)
            digests = staged.digests()
            staged.seal()
            staged.begin_sync()
            judged = self._judge(file, staged.path, digests, staged)
            if isinstance(judged, Refusal):
                discard(staged)
            return judged

    def _look(self, file: Path, source: FileIO) -> Whole | Refusal:
        return self._judge(file, file, read_digests(source).so_far(), None)

    def _judge(
        self, file: Path, copy: Path, digests: Digests, staged: StagedFile | None
    ) -> Whole | Refusal:
        try:
            report = self.prober.probe(copy, file.name, self.accept)
        except (ProbeUnavailable, OSError) as error:
            if staged is None and isinstance(error, OSError):
                raise  # it was the original that could not be read
            raise Unavailable("the audio cannot be examined now") from error
        if report.refusals or report.facts is None:
            first = report.refusals[0]
            return Refusal(file, first.code, first.text)
        return Whole(file, digests, report.facts, report, staged)


def _opened(file: Path) -> FileIO:
    """Open a file to be read. Raises OSError, also for what is none any more.

    A pipe would be waited for until somebody writes to it.
    """
    source = FileIO(os.open(file, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK))
    if not stat.S_ISREG(os.fstat(source.fileno()).st_mode):
        source.close()
        raise OSError(errno.EINVAL, "not a file")
    return source


@contextmanager
def _staged(store: AudioStore) -> Iterator[StagedFile]:
    """A new staged file, which is dropped if the block fails."""
    staged = store.stage(new_token())
    try:
        yield staged
    except BaseException:
        discard(staged)
        raise


def discard(staged: StagedFile) -> None:
    """Drop staged bytes, if they are still there; what cannot be dropped the janitor finds."""
    with suppress(AudioStoreError):
        staged.drop()
    with suppress(AudioStoreError):
        staged.close()


def _sha256(source: FileIO) -> bytes:
    digest = hashlib.file_digest(source, "sha256").digest()
    source.seek(0)
    return digest
