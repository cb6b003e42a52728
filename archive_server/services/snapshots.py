"""A snapshot of a backup on the disk: written line by line, and read with all doubt.

manifest.json      what it is, with the digests of the other files
manifest.sha256    the digest of the manifest
archive.json       the record of everything but items
items.jsonl.gz     the records of all items, one a line
contents.gz        their contents, as sha256sum writes them and reads them with --check
"""

import gzip
import hashlib
import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from archive_server.errors import Unavailable
from archive_server.model.archive_records import ArchiveRecord
from archive_server.model.manifests import Manifest, Recorded
from archive_server.model.record_fields import BadRecord
from archive_server.services.tar_writing import sync_directory

MANIFEST = "manifest.json"
SEAL = "manifest.sha256"
ARCHIVE = "archive.json"
ITEMS = "items.jsonl.gz"
CONTENTS = "contents.gz"

_FILES = (ARCHIVE, ITEMS, CONTENTS)
_PRIVATE = 0o600
_QUICK = 1  # of gzip's levels: a ninth of the time of the best, for a quarter more of room
_BLOCK = 1 << 20


@dataclass(frozen=True, slots=True)
class Snapshot:
    """A directory that holds one."""

    path: Path

    @property
    def name(self) -> str:
        """When it was made."""
        return self.path.name

    def manifest(self) -> Manifest:
        """What it says of itself. Raises BadRecord for one that is damaged."""
        body = self._read(MANIFEST)
        if self._read(SEAL).split(b" ")[0] != hashlib.sha256(body).hexdigest().encode():
            raise BadRecord(f"snapshot {self.name}: the manifest is damaged")
        return Manifest.parse(body)

    def check(self) -> Manifest:
        """The manifest, after reading all files. Raises BadRecord for the first that is damaged."""
        manifest = self.manifest()
        for name in _FILES:
            digest, size = hashlib.sha256(), 0
            try:
                with (self.path / name).open("rb") as file:
                    while block := file.read(_BLOCK):
                        digest.update(block)
                        size += len(block)
            except OSError as error:
                raise _unreadable(self.name, name, error) from error
            if manifest.files.get(name) != Recorded(digest.hexdigest(), size):
                raise BadRecord(f"snapshot {self.name}: {name} is damaged")
        return manifest

    def archive(self) -> ArchiveRecord:
        """Everything but items. Raises BadRecord."""
        return ArchiveRecord.parse(self._read(ARCHIVE))

    def items(self) -> Iterator[str]:
        """The records of all items, by their numbers."""
        yield from self._lines(ITEMS)

    def contents(self) -> Iterator[str]:
        """The SHA-256 of each content, in order."""
        for line in self._lines(CONTENTS):
            yield line.partition(" ")[0]

    def _lines(self, name: str) -> Iterator[str]:
        try:
            with gzip.open(self.path / name, "rt", encoding="utf-8", newline="\n") as lines:
                for line in lines:
                    yield line.removesuffix("\n")
        except (OSError, EOFError, UnicodeDecodeError) as error:
            raise _unreadable(self.name, name, error) from error

    def _read(self, name: str) -> bytes:
        try:
            return (self.path / name).read_bytes()
        except OSError as error:
            raise _unreadable(self.name, name, error) from error


def _unreadable(snapshot: str, name: str, error: Exception) -> BadRecord:
    why = getattr(error, "strerror", None) or error
    return BadRecord(f"snapshot {snapshot}: {name} cannot be read: {why}")


class SnapshotWriter:
    """Writes one into a directory that there is not yet."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._files: dict[str, Recorded] = {}
        with disk_trouble(path):
            path.mkdir(0o700)

    @contextmanager
    def compressed(self, name: str) -> Iterator["Lines"]:
        """Write a file line by line."""
        with self._digested(name) as raw:
            # Equal lines make equal files: no name and no time are in it.
            packed = gzip.GzipFile("", "wb", _QUICK, raw, mtime=0)
            with packed, io.BufferedWriter(packed, _BLOCK) as buffer:
                yield Lines(buffer)

    def plain(self, name: str, text: str) -> None:
        """Write a file as a whole."""
        with self._digested(name) as raw:
            raw.write(f"{text}\n".encode())

    def finish(self, manifest: Manifest) -> None:
        """Write the manifest; then all of it survives a power cut, but for its name."""
        body = manifest.to_json()
        self.plain(MANIFEST, body)
        self.plain(SEAL, f"{self._files[MANIFEST].sha256}  {MANIFEST}")
        with disk_trouble(self.path):
            sync_directory(self.path)

    @property
    def files(self) -> dict[str, Recorded]:
        """What was written so far."""
        return dict(self._files)

    @contextmanager
    def _digested(self, name: str) -> Iterator["_Digested"]:
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC
        with disk_trouble(self.path):
            descriptor = os.open(self.path / name, flags, _PRIVATE)
            with os.fdopen(descriptor, "wb") as file:
                digested = _Digested(file)
                yield digested
                file.flush()
                os.fsync(file.fileno())
        self._files[name] = Recorded(digested.sha256.hexdigest(), digested.size)


@dataclass(frozen=True, slots=True)
class Lines:
    """A file that lines are added to."""

    file: BinaryIO | io.BufferedWriter

    def add(self, text: str) -> None:
        """Add one."""
        self.file.write(f"{text}\n".encode())


class _Digested:
    """A file that knows what was written to it."""

    def __init__(self, file: BinaryIO) -> None:
        self.sha256 = hashlib.sha256()
        self.size = 0
        self._file = file

    def write(self, block: bytes) -> int:
        self._file.write(block)
        self.sha256.update(block)
        self.size += len(block)
        return len(block)

    def flush(self) -> None:
        self._file.flush()


@contextmanager
def disk_trouble(path: Path) -> Iterator[None]:
    """Say which place a disk's errors are about."""
    try:
        yield
    except OSError as error:
        raise Unavailable(f"{path} cannot be written to: {error.strerror}") from error
